import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { FindConfig, FindProblems } from '../../planner/checkpoints.ts';
import { type Planned, planLineage } from '../../planner/expand.ts';
import { loadLineage } from '../../planner/load.ts';
import { priceOf } from '../../planner/price.ts';
import { modelProblems } from '../../store/foreign-model.ts';
import { toConfig } from '../../trainer/config.ts';
import { bytesShape, checkpoint } from '../fixtures/checkpoint.ts';
import { temporaryFolder } from '../trainer/support.ts';
import { nodeAt } from './plans.ts';

const commit = 'c0ffee'.padEnd(40, '0');
const fromHub = `{hub: some/model, revision: "${commit}"}`;
const usual: FindConfig = async () => ({ ok: true, config: toConfig(bytesShape, { eos: 0 }) });

const stages = (adopt: string, after = '') => `lineage: theirs
data: {web: {generator: stories}, math: {generator: arithmetic}}
stages:
  theirs: {adopt: ${adopt}}
${after}`;

async function plan(folder: string, text: string, findConfig: FindConfig = usual): Promise<Planned> {
  const file = join(folder, 'lineage.yaml');
  writeFileSync(file, text);
  const loaded = await loadLineage(file);
  const findProblems: FindProblems = (at, expected) => modelProblems(at, { ...expected, tokenizer: undefined });
  return loaded.ok ? await planLineage(loaded.lineage, { findConfig, findProblems }) : loaded;
}

/** What is wrong with a file, a line each. */
async function wrong(t: TestContext, text: string, findConfig?: FindConfig): Promise<string[]> {
  const planned = await plan(temporaryFolder(t), text, findConfig);
  return planned.ok ? [] : planned.diagnostics.map(({ line, code, message }) => `${line} ${code} ${message}`);
}

describe('a stage that adopts', () => {
  it('gives what comes after it its shape, and is itself known by its commit alone', async (t) => {
    const after = `  mid: {cpt: {from: theirs, tokens: 64K, mix: {math: 1, web: 25%}}}
  tuned: {sft: {from: mid, data: math/problems, examples: 64}}
axes: {seed: {replicate: [1, 2]}}
evaluate: {each: [theirs, tuned], suites: [id]}
`;
    const planned = await plan(temporaryFolder(t), stages(fromHub, after));
    assert.ok(planned.ok, JSON.stringify(planned));
    assert.deepEqual(planned.warnings, []);
    const addresses = planned.plan.nodes.map(({ address }) => address);
    assert.deepEqual(
      addresses.filter((address) => !address.startsWith('overlap:')),
      [
        'theirs',
        'theirs/id',
        'mid@seed=1',
        'mid@seed=2',
        'tuned@seed=1',
        'tuned@seed=1/id',
        'tuned@seed=2',
        'tuned@seed=2/id',
      ],
      'seeds do not multiply it, and there is no tokenizer node',
    );
    const theirs = nodeAt(planned.plan, 'theirs');
    const recipe = { hub: 'some/model', revision: commit };
    assert.deepEqual(theirs.preimage, { descent: 'node', type: 'adopt', version: 1, recipe, seed: 0, parents: {} });
    const mid = nodeAt(planned.plan, 'mid@seed=1');
    assert.deepEqual(mid.architecture, bytesShape);
    assert.equal(mid.settings.batchTokens, 32 * bytesShape.context);
    assert.deepEqual(priceOf(theirs).flops, { training: 0, inference: 0 });

    const shorter = await plan(temporaryFolder(t), stages(fromHub.replace('}', ', context: 64}'), after));
    assert.ok(shorter.ok);
    assert.equal(nodeAt(shorter.plan, 'mid@seed=1').settings.batchTokens, 32 * 64);
    assert.notEqual(nodeAt(shorter.plan, 'theirs').key, theirs.key);
    const same = await plan(temporaryFolder(t), stages(fromHub.replace('}', ', context: 128}'), after));
    assert.ok(same.ok);
    assert.equal(nodeAt(same.plan, 'theirs').key, theirs.key, 'a default that is written out');
    const placed = await plan(
      temporaryFolder(t),
      stages(
        fromHub,
        `${after}placement: {theirs: {recomputeActivations: true}, tuned: {recomputeActivations: true}}\n`,
      ),
    );
    assert.deepEqual(placed.ok && placed.warnings.map(({ line, message }) => `${line} ${message}`), [
      '9 `recomputeActivations` changes nothing: `adopt` trains nothing',
    ]);
  });

  it('has no pretraining to replay', async (t) => {
    for (const mix of ['{math: 1, replay: 20%}', '{math: 1, web: 5% of pretrain}'])
      assert.deepEqual(await wrong(t, stages(fromHub, `  mid: {cpt: {from: theirs, tokens: 64K, mix: ${mix}}}\n`)), [
        '5 bad-mix what an adopted model was pretrained on is not known, so nothing can be a part of it',
      ]);
  });

  it('says what is wrong with what it names', async (t) => {
    const one = async (adopt: string, findConfig?: FindConfig) =>
      (await wrong(t, stages(adopt), findConfig)).join('\n');
    assert.match(await one('{hub: some/model, revision: main}'), /^4 bad-value `main` is no commit$/);
    assert.match(await one('{hub: some/model}'), /^4 missing-key `stages\.theirs\.adopt` lacks `revision`$/);
    assert.match(
      await one('{folder: x, hub: some/model}'),
      /^4 one-of `stages\.theirs\.adopt` must have exactly one of/,
    );
    assert.match(
      await one(fromHub.replace('}', ', context: 512}')),
      /^4 bad-value a context of 512 is more than the 128 that some\/model at c0ffee000000 reads/,
    );
    assert.match(
      await one(fromHub, async () => ({ ok: false, problem: 'cannot be planned: no network', hint: 'try again' })),
      /^4 bad-files some\/model at c0ffee000000 cannot be planned: no network$/,
    );
    assert.match(await one('{folder: nowhere}'), /^4 bad-files there is no folder `nowhere`$/);
    assert.match(
      await one('{folder: ../elsewhere}'),
      /^4 bad-files `\.\.\/elsewhere` leads out of the lineage file's folder$/,
    );
    assert.match(await one('{folder: "*"}'), /is a pattern, and one folder is expected/);
    assert.match(await one('{folder: a, from: b}'), /^4 unknown-key/);
  });

  it('is a language model where something starts from it or asks it, and a reward model where it scores', async (t) => {
    const scoring: FindConfig = async () => ({ ok: true, config: toConfig(bytesShape, { eos: 0 }, 'score') });
    const from = (stage: string) => wrong(t, stages(fromHub, `  more: ${stage}\n`), scoring);
    for (const stage of [
      '{sft: {from: theirs, data: math, examples: 9}}',
      '{generate: {from: theirs, data: math, problems: 9}}',
    ])
      assert.deepEqual(await from(stage), [
        '5 bad-value `more` starts from `theirs`, which adopts a reward model and no language model',
      ]);
    const [asked] = await wrong(t, stages(fromHub, 'evaluate: {each: [theirs], suites: [heldout]}\n'), scoring);
    assert.equal(asked, '5 bad-value `theirs` adopts a reward model, and no language model that could be evaluated');

    const judged = `  base: {pretrain: {model: nano, data: web, tokens: 40K}}
  tuned: {sft: {from: base, data: math, examples: 9}}
models: {nano: {layers: 2, hidden: 32, heads: 4, ffn: 64, context: 64}}
evaluate: {each: [tuned], suites: [id], rewardModel: theirs}
`;
    assert.deepEqual(await wrong(t, stages(fromHub, judged)), [
      '8 bad-value `theirs` adopts a language model, which gives no scores',
    ]);
    assert.deepEqual(await wrong(t, stages(fromHub, judged), scoring), []);
  });

  it('says what a folder lacks, and takes none that lies elsewhere', async (t) => {
    const folder = temporaryFolder(t);
    const elsewhere = temporaryFolder(t);
    mkdirSync(join(folder, 'theirs'));
    const { 'config.json': config, 'README.md': card } = checkpoint(bytesShape) as Record<string, Buffer>;
    writeFileSync(join(folder, 'theirs', 'config.json'), config as Buffer);
    writeFileSync(join(elsewhere, 'config.json'), card as Buffer);
    symlinkSync(elsewhere, join(folder, 'linked'));
    const messages = async (name: string) => {
      const planned = await plan(folder, stages(`{folder: ${name}}`));
      return planned.ok ? '' : planned.diagnostics.map(({ message }) => message).join('\n');
    };
    assert.equal(
      await messages('theirs'),
      '`theirs` is no Hugging Face shaped model: tokenizer.json is missing, tokenizer_config.json is missing, model.safetensors is missing',
    );
    assert.match(await messages('linked'), /leads out of the lineage file's folder through the link linked/);

    const other = JSON.stringify({ model_type: 'gpt2', n_embd: 16 });
    writeFileSync(join(folder, 'theirs', 'config.json'), other);
    assert.equal(
      await messages('theirs'),
      '`theirs` is no Hugging Face shaped model: tokenizer.json is missing, tokenizer_config.json is missing, model.safetensors is missing, and its config.json says model_type is "gpt2", expected "llama"',
    );
    mkdirSync(join(folder, 'parent', 'empty'), { recursive: true });
    assert.equal(await messages('parent/empty'), '`parent/empty` is empty');
    assert.match(await messages('parent'), /^`parent` has no file of its own/);
    assert.equal(await messages('theirs/config.json'), '`theirs/config.json` is a file; name its folder');
  });

  it('says what is wrong with the weights and the tokenizer of a folder before anything runs', async (t) => {
    const folder = temporaryFolder(t);
    const write = (files: Record<string, Buffer>) => {
      mkdirSync(join(folder, 'theirs'), { recursive: true });
      for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, 'theirs', name), content);
    };
    const told = async () => {
      const planned = await plan(folder, stages('{folder: theirs, context: 64}'));
      return planned.ok ? [] : planned.diagnostics.map(({ line, code, message }) => `${line} ${code} ${message}`);
    };
    const whole = checkpoint(bytesShape);
    write(whole);
    assert.deepEqual(await told(), []);
    const weights = whole['model.safetensors'] as Buffer;
    write({ 'model.safetensors': weights.subarray(0, weights.length - 1) });
    assert.match(
      (await told()).join('\n'),
      /^4 bad-files `theirs` cannot be adopted: model\.safetensors is no usable safetensors file: [^\n]+$/,
    );
    write(checkpoint({ ...bytesShape, vocab: 200 }));
    assert.deepEqual(await told(), [
      "4 bad-files `theirs` cannot be adopted: tokenizer.json has ids up to 257, and the model's vocabulary has 200 tokens",
    ]);
  });
});
