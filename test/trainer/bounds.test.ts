/** What texts begin and end with, of models that were trained elsewhere. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Mixture } from '../../schemas/types/job.ts';
import { mixText } from '../../trainer/data/mixture.ts';
import type { Problem } from '../../trainer/data/problem.ts';
import { paperTemplate, promptText } from '../../trainer/data/template.ts';
import { heldoutRows } from '../../trainer/evaluate.ts';
import { createGenerator, generate } from '../../trainer/generate.ts';
import { initialise } from '../../trainer/init.ts';
import { respond } from '../../trainer/respond.ts';
import type { TokenizerJson } from '../../trainer/tokenizer/format.ts';
import { createTokenizer, type Tokenizer } from '../../trainer/tokenizer/load.ts';
import { startingTokenizer } from '../fixtures/checkpoint.ts';
import { temporaryFolder, tiny } from './support.ts';

const [bos, eos] = [257, 0];
const json = startingTokenizer() as TokenizerJson;
const template = json.post_processor as unknown as { single: object[]; special_tokens: object };

/** The tokenizer with another post-processor, and ends as generation_config.json names them. */
function tokenizer(post: unknown = template, ends: unknown = undefined): Tokenizer {
  return createTokenizer({ ...json, post_processor: post } as TokenizerJson, {
    generation: { eos_token_id: ends },
    tokenizer: { eos_token: '<|endoftext|>' },
  });
}

const problem = { id: 'p', prompt: '1+1?', solution: '2', answer: '2' } as Problem;

describe('the beginning of a text', () => {
  it('is what the post-processor puts before it, whatever it puts behind', () => {
    const end = { SpecialToken: { id: '<|endoftext|>', type_id: 0 } };
    const ended = {
      ...template,
      single: [...template.single, end],
      special_tokens: {
        ...template.special_tokens,
        '<|endoftext|>': { id: '<|endoftext|>', ids: [0], tokens: ['<|endoftext|>'] },
      },
    };
    const bytes = { type: 'ByteLevel', add_prefix_space: true, trim_offsets: false, use_regex: true };
    for (const [post, start] of [
      [null, []],
      [bytes, []],
      [template, [bos]],
      [ended, [bos]],
      [{ ...ended, single: ended.single.slice(1) }, []],
      [{ type: 'Sequence', processors: [bytes, template] }, [bos]],
    ] as const)
      assert.deepEqual(tokenizer(post).start, start, JSON.stringify(post));
  });

  it('is before every document that is trained on and scored, and before every prompt', (t) => {
    const starting = tokenizer();
    const document = [bos, ...starting.encode('ab'), eos];
    const folder = temporaryFolder(t);
    writeFileSync(join(folder, 'documents-train.jsonl'), '{"text":"ab"}\n');
    const mixture: Mixture = [{ name: 'own', source: { prepared: 'data:own' }, sequences: 1 }];
    const [packed] = mixText(mixture, starting, 7, 1, { 'data:own': folder }).take(1);
    assert.deepEqual([...(packed?.tokens ?? [])], [...document, ...document], 'pass after pass');
    const rows = heldoutRows(['ab', '', 'ab'], starting, 7, 7).flatMap((row) => [...row.slice(0, -1)]);
    assert.deepEqual(rows, [...document, ...document].slice(0, 7));
    const { prompt, response } = paperTemplate(starting).exampleTokens(problem);
    assert.deepEqual(prompt, [bos, ...starting.encode(promptText(problem))]);
    assert.deepEqual(response, [...starting.encode(' 2'), eos]);
  });
});

describe('the end of a response', () => {
  it('is any that generation_config.json names, eos_token first, and what is learned is that one', () => {
    assert.deepEqual(tokenizer(template, undefined).ends, [eos]);
    assert.deepEqual(tokenizer(template, 11).ends, [eos, 11]);
    assert.deepEqual(tokenizer(template, [11, 12, eos]).ends, [eos, 11, 12]);
    assert.deepEqual(tokenizer(template, [11, 9999, 'x']).ends, [eos, 11], 'ids that there are');
    assert.equal(
      paperTemplate(tokenizer(template, [11, 12]))
        .exampleTokens(problem)
        .response.at(-1),
      eos,
    );
  });

  it('ends what is decoded, and is no part of its text', async () => {
    const architecture = { ...tiny, vocab: 258, context: 64 };
    const parameters = initialise(architecture, 3);
    const options = { maxTokens: 6, temperature: 0, seed: 1, purpose: ['test'] };
    const prompt = paperTemplate(tokenizer()).exampleTokens(problem).prompt;
    const [free] = await generate(createGenerator(architecture, parameters, [eos]), [prompt], options);
    const third = free?.tokens[2] as number;
    assert.ok(free?.tokens.length === 6 && !free.tokens.slice(0, 2).includes(third), 'a response that goes on');
    const ending = tokenizer(template, [eos, third]);
    const [response] = await respond(
      createGenerator(architecture, parameters, ending.ends),
      ending,
      paperTemplate(ending),
      [problem as never],
      options,
    );
    assert.deepEqual(response?.prompt, prompt);
    assert.deepEqual(response?.tokens, free.tokens.slice(0, 3));
    assert.equal(response?.ended, true);
    assert.equal(response?.text, ending.decode(free.tokens.slice(0, 2)));
  });
});
