import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parameterCount } from '../../planner/architecture.ts';
import { auditKeys } from '../../planner/audit.ts';
import { formatDiagnostics } from '../../planner/diagnostic.ts';
import { planLineage } from '../../planner/expand.ts';
import { forwardFlops, wholeSequences } from '../../planner/flops.ts';
import { loadLineage } from '../../planner/load.ts';
import { memoryOf } from '../../planner/memory.ts';
import type { PlanNode } from '../../planner/plan.ts';
import { allFlops, priceOf } from '../../planner/price.ts';
import { keysOf, nodeAt, planOfText } from './plans.ts';

const built = (
  stages: Record<string, string> = {},
  { axes = '', evaluate = '{each: [tuned, liked], suites: [id], samples: 2, rewardModel: judge}' } = {},
) => {
  const all: Record<string, string> = {
    base: '{pretrain: {model: nano, data: web, tokens: 40K}}',
    tuned: '{sft: {from: base, data: math/problems, examples: 100}}',
    answers: '{generate: {from: tuned, data: math/problems, problems: 50, samples: 4}}',
    pairs: '{build: {pairs: 1, data: answers}}',
    liked: '{dpo: {from: tuned, data: pairs, examples: 20}}',
    judge: '{reward: {from: tuned, data: pairs, examples: 20}}',
    ...stages,
  };
  return `lineage: built
models:
  nano: {layers: 2, hidden: 32, heads: 4, ffn: 64, context: 64}
data:
  web: {generator: stories}
  math: {generator: arithmetic}
stages:
${Object.entries(all)
  .map(([name, stage]) => `  ${name}: ${stage}`)
  .join('\n')}
${axes}
evaluate: ${evaluate}
`;
};

describe('stages that make data sets', () => {
  test('are read by their names, count in keys by their own, and come before what reads them', async () => {
    const plan = await planOfText(built());
    const [tuned, answers, pairs, liked] = ['tuned', 'answers', 'pairs', 'liked'].map((name) => nodeAt(plan, name));
    assert.ok(tuned && answers && pairs && liked);
    assert.deepEqual(answers.parents, { parent: tuned.key });
    assert.deepEqual(answers.preimage.parents, { parent: tuned.key });
    assert.deepEqual(pairs.parents, { 'data:answers': answers.key });
    assert.deepEqual(pairs.preimage.parents, {});
    assert.deepEqual(liked.parents, { parent: tuned.key, 'data:pairs': pairs.key });
    assert.deepEqual((liked.preimage.recipe as { data: unknown }).data, {
      part: 'preferences',
      source: { prepared: pairs.key },
    });
    const order = plan.nodes.map(({ key }) => key);
    for (const [at, node] of plan.nodes.entries())
      for (const parent of Object.values(node.parents)) assert.ok(order.indexOf(parent) < at, node.address);
  });

  test('what they ask changes the keys of all that learns from what they make, and of nothing else', async () => {
    const before = keysOf(await planOfText(built()));
    const after = keysOf(
      await planOfText(
        built({
          answers: '{generate: {from: tuned, data: math/problems, problems: 50, samples: 4, temperature: 0.7}}',
        }),
      ),
    );
    const changed = Object.keys(before).filter((address) => before[address] !== after[address]);
    assert.deepEqual(changed.sort(), ['answers', 'judge', 'liked', 'liked/id', 'overlap:liked', 'pairs', 'tuned/id']);
  });

  test('a rename changes no key but those of evaluations', async () => {
    const renamed = built().replaceAll('answers', 'replies');
    const [before, after] = [keysOf(await planOfText(built())), keysOf(await planOfText(renamed))];
    assert.equal(after.replies, before.answers);
    for (const address of ['pairs', 'liked', 'judge']) assert.equal(after[address], before[address]);
  });

  test('each value of an axis learns from what its own model answered', async () => {
    const plan = await planOfText(built({}, { axes: 'axes: {seed: {replicate: [1, 2]}}' }));
    for (const seed of [1, 2]) {
      const at = (name: string) => nodeAt(plan, `${name}@seed=${seed}`);
      assert.equal(at('answers').parents.parent, at('tuned').key);
      assert.equal(at('pairs').parents[`data:answers@seed=${seed}`], at('answers').key);
      assert.equal(at('liked').parents[`data:pairs@seed=${seed}`], at('pairs').key);
      assert.equal(nodeAt(plan, `tuned@seed=${seed}/id`).parents.rewardModel, at('judge').key);
    }
  });

  test('an operation that draws nothing has no seeds', async () => {
    const stages = {
      clean: '{build: {dedupe: prompt, data: theirs}}',
      theirs: '{generate: {endpoint: qwen, data: math, problems: 9, seed: 0}}',
    };
    const plan = await planOfText(built(stages, { axes: 'axes: {seed: {replicate: [1, 2]}}' }));
    assert.deepEqual(
      plan.nodes.filter(({ stage }) => stage === 'clean').map(({ address }) => address),
      ['clean'],
    );
  });

  test('an endpoint needs no model, and computes nothing here', async () => {
    const plan = await planOfText(built({ theirs: '{generate: {endpoint: qwen, data: math, problems: 9}}' }));
    const theirs = nodeAt(plan, 'theirs');
    assert.deepEqual(theirs.parents, {});
    assert.equal(theirs.architecture, null);
    assert.equal(allFlops(priceOf(theirs)), 0);
    assert.equal(memoryOf(theirs), null);
    assert.ok(allFlops(priceOf(nodeAt(plan, 'answers'))) > 0);
  });

  test('tokens of a reward model are bounded as those of DPO are', async () => {
    const plan = await planOfText(built());
    const trained = (address: string) => priceOf(nodeAt(plan, address)).tokens.trained;
    assert.equal(trained('judge'), 2 * 20 * 64);
    assert.equal(trained('judge'), trained('liked'));
  });

  test('the suite `id` asks the data set that all came from', async () => {
    const plan = await planOfText(
      built({
        parted: '{build: {split: {sft: 60%, rl: 10}, order: random, data: answers}}',
        again: '{sft: {from: base, data: parted, examples: 10}}',
      }),
    );
    const asked = nodeAt(plan, 'tuned/id');
    assert.equal(asked.type, 'evaluate');
    assert.deepEqual(asked.settings.tasks, 'math');
    assert.deepEqual(nodeAt(plan, 'parted').recipe, {
      operation: 'split',
      data: { name: 'answers', part: 'problems', source: { prepared: 'data:answers' } },
      order: 'random',
      sft: { share: 0.6 },
      rl: { problems: 10 },
    });
  });

  test('a reward model is in the keys of what it scores, and its figures can be compared', async () => {
    const claim = '\ntakeaways: [{claim: It judges better, contrast: {of: liked, over: tuned}, metric: id.rm@2}]';
    const scored = keysOf(await planOfText(built() + claim));
    const plain = keysOf(await planOfText(built({}, { evaluate: '{each: [tuned, liked], suites: [id], samples: 2}' })));
    assert.notEqual(scored['tuned/id'], plain['tuned/id']);
    assert.equal(scored.liked, plain.liked);
  });

  test('a reward model costs an evaluation a pass over each response, and the memory of a model', async () => {
    const plan = await planOfText(built());
    const asked = nodeAt(plan, 'tuned/id');
    const shape = nodeAt(plan, 'judge').architecture ?? assert.fail('a judge has a shape');
    const { judge, ...alone } = asked;
    assert.deepEqual(judge, shape);
    const responses = 200 * 3; // the greedy one, and two samples
    const read = { ...wholeSequences(responses, shape.context), predicted: responses };
    const [scored, unscored] = [priceOf(asked), priceOf(alone as PlanNode)];
    assert.equal(scored.flops.inference - unscored.flops.inference, forwardFlops(shape, read, 1));
    assert.deepEqual([scored.tokens, scored.exact], [unscored.tokens, unscored.exact]);
    const scoring = parameterCount(shape) - shape.vocab * shape.hidden + shape.hidden;
    const [more, less] = [memoryOf(asked), memoryOf(alone as PlanNode)];
    assert.equal((more?.models ?? 0) - (less?.models ?? 0), 4 * scoring);
  });

  test('a plan with them that comes from a file is what its recipes say, the judge of its evaluations too', async () => {
    const plan = await planOfText(built({}, { axes: 'axes: {seed: {replicate: [1, 2]}}' }));
    assert.deepEqual(auditKeys(plan), []);
    const forged = plan.nodes.map((node) => (node.judge ? { ...node, judge: { ...node.judge, layers: 9 } } : node));
    const [told] = auditKeys({ ...plan, nodes: forged });
    assert.match(told?.problem ?? '', /shape of its reward model/);
  });

  test('responses of one sample are written as many at once as those of several', async () => {
    const of = async (problems: number, samples: number) => {
      const answers = `{generate: {from: tuned, data: math/problems, problems: ${problems}, samples: ${samples}}}`;
      return memoryOf(nodeAt(await planOfText(built({ answers })), 'answers'))?.step;
    };
    assert.equal(await of(2000, 1), await of(500, 4));
    assert.notEqual(await of(64, 1), await of(2000, 1));
  });
});

const wrong: [name: string, text: string, told: RegExp][] = [
  [
    'a stage that starts from a data set',
    built({ more: '{sft: {from: answers, data: math, examples: 9}}' }),
    /error\[bad-value\]: `more` starts from `answers`, which leaves a data set and no language model/,
  ],
  [
    'a stage that starts from a reward model',
    built({ more: '{sft: {from: judge, data: math, examples: 9}}' }),
    /`more` starts from `judge`, which leaves a reward model/,
  ],
  [
    'sft on pairs',
    built({ more: '{sft: {from: base, data: pairs, examples: 9}}' }),
    /error\[wrong-part\]: sft learns from problems, and `pairs` makes preferences/,
  ],
  [
    'dpo on responses',
    built({ liked: '{dpo: {from: tuned, data: answers, examples: 9}}' }),
    /dpo learns from preferences, and `answers` makes problems[\s\S]*a build with `pairs`/,
  ],
  ['pretraining on responses', built({ more: '{pretrain: {model: nano, data: answers, tokens: 9K}}' }), /wrong-part/],
  [
    'two operations',
    built({ pairs: '{build: {pairs: 1, correct: true, data: answers}}' }),
    /error\[one-of\]: `stages\.pairs\.build` must have exactly one of/,
  ],
  ['no operation', built({ more: '{build: {data: answers}}' }), /exactly one of [\s\S]*and has none/],
  [
    'neither a model nor an endpoint',
    built({ more: '{generate: {data: math, problems: 9}}' }),
    /exactly one of `from`, `endpoint`, and has none/,
  ],
  [
    'a generator built of',
    built({ more: '{build: {dedupe: prompt, data: math}}' }),
    /`math` is a generator's, which has no end/,
  ],
  [
    'one set of responses that is to agree with itself',
    built({ more: '{build: {agree: 2, data: answers}}' }),
    /2 of 1 data sets are to agree/,
  ],
  [
    'responses that are not right',
    built({ more: '{build: {correct: false, data: answers}}' }),
    /`stages\.more\.build\.correct` can only be `true`, and is `false`/,
  ],
  [
    'shares that are more than all',
    built({ more: '{build: {split: {sft: 60%, rl: 50%}, data: answers}}' }),
    /the shares for SFT and for RL are more than 100 % together/,
  ],
  [
    'an address for the name of a model',
    built({ more: '{generate: {endpoint: "http://localhost:8000/v1", data: math, problems: 9}}' }),
    /is an address, and `endpoint` is the name of a model there[\s\S]*the address is in OPENAI_BASE_URL/,
  ],
  [
    'preferences of a generator',
    built({ more: '{dpo: {from: tuned, data: math/problems, examples: 9}}' }),
    /this is `math\/problems`[\s\S]*hint: let a model answer problems \(`generate`\), and make pairs of that/,
  ],
  [
    'text of a stage that makes problems',
    built({ more: '{cpt: {from: base, data: answers, tokens: 20K}}' }),
    /cpt learns from text, and `answers` makes problems\n(?![\s\S]*make pairs)/,
  ],
  [
    'test problems of a data set without any',
    built({ more: '{build: {decontaminate: [web], data: answers}}' }),
    /`web` has no test problems to compare with[\s\S]*expected: math\n/,
  ],
  [
    'a stage that starts from a reward model',
    built({ more: '{sft: {from: judge, data: math, examples: 9}}' }),
    /`judge`, which leaves a reward model and no language model[\s\S]*expected: base, tuned, liked\n/,
  ],
  [
    'an algorithm for a kind of stage',
    built({ more: '{grpo: {from: tuned, data: math, examples: 9}}' }),
    /has no key `grpo`[\s\S]*hint: say `rl: \{ algorithm: grpo, \.\.\. \}`/,
  ],
  [
    'RL on answers to problems of SFT, though sorted out',
    built({ right: '{build: {correct: true, data: answers}}', more: '{rl: {from: tuned, data: right, examples: 9}}' }),
    /rl reads the rl split, and `right` has problems in the sft split alone[\s\S]*say `split: rl` where they are generated/,
  ],
  [
    'agreement of different splits',
    built({
      others: '{generate: {from: base, data: math, split: rl, problems: 9}}',
      more: '{build: {agree: 2, data: [answers, others]}}',
    }),
    /these sets are of different splits, and have no problem in common to agree on/,
  ],
  [
    'an axis of what none may vary',
    built({ liked: '{dpo: {from: tuned, data: pairs, examples: 9, loss: "{loss}"}}' }, { axes: 'axes: {loss: [ipo]}' }),
    /expected: sigmoid, ipo\n {2}hint: no axis may vary this: write a stage for each value/,
  ],
  [
    'stages that read each other',
    built({ one: '{build: {dedupe: prompt, data: two}}', two: '{build: {dedupe: prompt, data: one}}' }),
    /error\[cycle\]/,
  ],
  [
    'a stage that is called as a data set',
    built({ math: '{generate: {from: tuned, data: web, problems: 9}}' }),
    /error\[bad-name\]: `math` is a data set already/,
  ],
  [
    'the evaluation of a reward model',
    built({}, { evaluate: '{each: [judge], suites: [id]}' }),
    /`judge` leaves a reward model, and no language model[\s\S]*say `rewardModel: judge`/,
  ],
  [
    'a reward model that is none',
    built({}, { evaluate: '{each: [tuned], suites: [id], rewardModel: liked}' }),
    /`liked` is no reward model/,
  ],
  [
    'a reward model that is to score what another engine hears',
    built({}, { evaluate: '{each: [tuned], suites: [id], rewardModel: judge, engine: lm-eval}' }),
    /with `engine: lm-eval` no reward model scores responses/,
  ],
  [
    'a reward model of more variants than what it scores',
    built(
      {
        base: '{pretrain: {model: nano, data: web, tokens: 40K, seed: 0}}',
        tuned: '{sft: {from: base, data: math, examples: 9, seed: 0}}',
      },
      {
        axes: 'axes: {seed: {replicate: [1, 2]}}',
        evaluate: '{each: [tuned], suites: [id], rewardModel: judge}',
      },
    ),
    /error\[missing-variant\]: `judge` varies over seed, and `tuned`, which it is to score, does not[\s\S]*judge@seed=1/,
  ],
  [
    'a response that fills the context',
    built({ answers: '{generate: {from: tuned, data: math, problems: 9, maxResponse: 64}}' }),
    /a response of 64 tokens leaves no room/,
  ],
  [
    'responses that are all the same',
    built({ answers: '{generate: {from: tuned, data: math, problems: 9, samples: 2, temperature: 0}}' }),
    /all 2 responses to a problem are the same/,
  ],
];

describe('what is wrong with them', () => {
  for (const [name, text, told] of wrong)
    test(`${name}: is told`, async () => {
      const folder = await mkdtemp(join(tmpdir(), 'descent-plan-'));
      try {
        await writeFile(join(folder, 'lineage.yaml'), text);
        const loaded = await loadLineage(join(folder, 'lineage.yaml'));
        const planned = loaded.ok ? await planLineage(loaded.lineage) : loaded;
        if (planned.ok) assert.fail('it was planned');
        assert.match(formatDiagnostics(planned.diagnostics, planned.text, { colour: false }), told);
      } finally {
        await rm(folder, { recursive: true });
      }
    });
});
