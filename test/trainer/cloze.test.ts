/**
 * Cloze tasks against lm-evaluation-harness: 200 items of each form, and what it made of them with its own tasks, from
 * scripts/fixtures/cloze.py. Both compute in float32 and in orders of their own, so log-likelihoods agree up to rounding,
 * and figures exactly.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Variable } from '@tensorflow/tfjs-node';
import { clozeReaders } from '../../activities/benchmarks/cloze.ts';
import type { Row } from '../../activities/benchmarks/row.ts';
import type { Choice, ChoiceItem } from '../../schemas/choices.ts';
import { clozeFigures, likeliest } from '../../trainer/choices.ts';
import { choiceBatches, choiceScorer, type EncodedChoice, encodeChoice } from '../../trainer/cloze.ts';
import type { TrainerFailure } from '../../trainer/failure.ts';
import { loadParent, type Parent } from '../../trainer/parent.ts';
import { tf } from '../../trainer/tf.ts';
import { byteTokenizer } from '../../trainer/tokenizer/bytes.ts';
import { createTokenizer } from '../../trainer/tokenizer/load.ts';

const reference = fileURLToPath(new URL('../../../test/trainer/cloze/', import.meta.url));
const { tasks } = JSON.parse(readFileSync(join(reference, 'expected.json'), 'utf8')) as {
  tasks: Record<string, { figures: Record<string, number>; logLikelihoods: number[][] }>;
};

function itemsOf(task: string): ChoiceItem[] {
  const lines = readFileSync(join(reference, `${task}.jsonl`), 'utf8')
    .trimEnd()
    .split('\n');
  const read = clozeReaders[task] as (row: Row) => Omit<ChoiceItem, 'id'>;
  return lines.map((line, i) => ({ id: String(i), ...read(JSON.parse(line)) }));
}

describe('the cloze scorer, beside lm-evaluation-harness', () => {
  let parent: Parent;
  before(async () => {
    parent = await loadParent(reference);
  });

  function logLikelihoods(items: readonly ChoiceItem[], tokensAtOnce: number): number[][] {
    const { architecture, parameters, tokenizer } = parent;
    const choices = items.flatMap((item) => item.choices);
    const encoded = choices.map((choice) => encodeChoice(tokenizer, choice, architecture.context));
    const score = choiceScorer(architecture, parameters);
    const found: number[] = [];
    for (const batch of choiceBatches(encoded, tokensAtOnce, architecture.context))
      for (const [i, value] of score(batch).entries()) found[batch.places[i] as number] = value;
    let at = 0;
    return items.map((item) => {
      at += item.choices.length;
      return found.slice(at - item.choices.length, at);
    });
  }

  for (const [task, expected] of Object.entries(tasks)) {
    it(`has its likelihoods and figures of ${task}`, () => {
      const items = itemsOf(task);
      assert.equal(items.length, 200);
      const found = logLikelihoods(items, 4096);
      for (const [i, values] of found.entries())
        for (const [j, value] of values.entries()) {
          const wanted = expected.logLikelihoods[i]?.[j] as number;
          assert.ok(Math.abs(value - wanted) < 1e-3, `choice ${j} of item ${i}: ${value}, expected ${wanted}`);
        }
      const figures = clozeFigures(items.map((item, i) => ({ item, logLikelihoods: found[i] as number[] })));
      for (const [metric, value] of Object.entries(expected.figures)) {
        assert.equal(figures[metric]?.value, value, metric);
        assert.equal(figures[metric]?.n, 200);
      }
    });
  }

  it('is refused by a model whose scores are not finite', () => {
    const { architecture, parameters, tokenizer } = parent;
    const choice = encodeChoice(tokenizer, { context: 'It was', continuation: 'cold' }, architecture.context);
    const [name, weight] = Object.entries(parameters).find(([each]) => each === 'model.norm.weight') as [
      string,
      Variable,
    ];
    const broken = tf.variable(tf.mul(weight, Number.NaN));
    const score = choiceScorer(architecture, { ...parameters, [name]: broken });
    assert.throws(
      () => score({ choices: [choice], time: choice.tokens.length - 1 }),
      (error: TrainerFailure) => error.kind === 'diverged',
    );
    broken.dispose();
  });

  it('does not depend on how choices are batched', () => {
    const items = itemsOf('arc_easy').slice(0, 20);
    const [alone, together] = [logLikelihoods(items, 1), logLikelihoods(items, 4096)];
    for (const [i, values] of together.entries())
      for (const [j, value] of values.entries()) assert.ok(Math.abs(value - (alone[i]?.[j] as number)) < 1e-4);
  });
});

describe('a choice in tokens', () => {
  const bytes = createTokenizer(byteTokenizer());
  const text = ({ tokens, scored }: EncodedChoice) => [
    bytes.decode(tokens.slice(0, -scored)),
    bytes.decode(tokens.slice(-scored)),
  ];
  const encode = (choice: Choice, longest = 100) => encodeChoice(bytes, choice, longest);

  it('has the spaces at the end of its context with its continuation', () => {
    assert.deepEqual(text(encode({ context: 'It was', continuation: 'cold' })), ['It was', ' cold']);
    assert.deepEqual(text(encode({ context: 'It was \n', continuation: 'cold' })), ['It was', ' \n cold']);
  });

  it('begins with the end of text where nothing stands before it', () => {
    const { tokens, scored } = encode({ context: '', continuation: 'cold' });
    assert.deepEqual([tokens[0], scored], [bytes.eos, 5]);
  });

  it('loses its beginning where the context is too short, and never what is read first', () => {
    assert.deepEqual(text(encode({ context: 'It was', continuation: 'cold' }, 7)), ['was', ' cold']);
    const { tokens, scored } = encode({ context: 'It was', continuation: 'cold' }, 3);
    assert.deepEqual([bytes.decode(tokens), scored], ['cold', 3]);
  });
});

describe('the figures of a cloze task', () => {
  const item = (continuations: string[], gold: number): ChoiceItem => ({
    id: continuations.join(),
    choices: continuations.map((continuation) => ({ context: 'c', continuation })),
    gold,
  });

  it('take the first of equal choices, lengths by characters and by bytes, and have baselines', () => {
    const scored = [
      { item: item(['a', 'b'], 0), logLikelihoods: [-1, -1] },
      { item: item(['a', 'bcd'], 1), logLikelihoods: [-1, -2] },
      { item: item(['🙂🙂', 'abc'], 0), logLikelihoods: [-4, -3.5] },
      { item: item(['a', 'b', 'c', 'd'], 1), logLikelihoods: [-1, -2, -3, -4] },
    ];
    const figures = clozeFigures(scored);
    const values = Object.fromEntries(Object.entries(figures).map(([name, { value }]) => [name, value]));
    // Of the third, 2 characters are likelier each as 3, and 8 bytes each more than 3.
    assert.deepEqual(values, { acc: 1 / 4, acc_norm: 2 / 4, acc_bytes: 3 / 4, majority: 1 / 2, chance: 1.75 / 4 });
    assert.equal(likeliest(scored[0] as (typeof scored)[0]), 0);
  });
});
