import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { checkDownloads, hubOf } from '../../planner/checks/hub.ts';
import { planLineage } from '../../planner/expand.ts';
import { loadLineage } from '../../planner/load.ts';
import { priceOf } from '../../planner/price.ts';
import { keysOf, lineage, nodeAt, planOfText } from './plans.ts';

const commit = '87f09149ef4734204d70ed1d046ddc9ca3f2b8f9';
const other = '01c7f73d771dfac7d292323805ebc428287df4f9';
const hub = (parts = '') => `{hub: HuggingFaceFW/fineweb-edu, revision: ${commit}, files: ["b/*", "a/*"]${parts}}`;
const math = '  math: {generator: arithmetic}';
const small = (web: string, tokenizer = `{hub: meta-llama/Llama-2-7b-hf, revision: ${other}, vocab: 32K}`) =>
  lineage({ data: `  web: ${web}\n${math}`, rest: `tokenizers: {llama: ${tokenizer}}` });

describe('data and tokenizers of the Hub', () => {
  test('are nodes with what they are in their keys, and cost nothing', async () => {
    const plan = await planOfText(small(hub()));
    const web = nodeAt(plan, 'data:web');
    assert.deepEqual(web.preimage.recipe, {
      hub: 'HuggingFaceFW/fineweb-edu',
      revision: commit,
      patterns: ['a/*', 'b/*'],
    });
    assert.deepEqual(web.files, []);
    const llama = nodeAt(plan, 'tokenizer:llama');
    assert.deepEqual(llama.preimage.recipe, {
      kind: 'hub',
      hub: 'meta-llama/Llama-2-7b-hf',
      revision: other,
      vocab: 32_000,
    });
    const base = nodeAt(plan, 'base');
    assert.deepEqual(base.parents, { tokenizer: llama.key, 'data:web': web.key });
    assert.equal(base.architecture?.vocab, 32_000);
    assert.equal(priceOf(web).flops.training + priceOf(llama).flops.training, 0);
    assert.deepEqual(
      plan.nodes.filter(hubOf).map(({ address }) => address),
      ['data:web', 'tokenizer:llama'],
    );
  });

  test('benchmarks at a commit can be run, and unpinned ones not', async () => {
    const real = (revision: string) =>
      `  real: {hub: Rowan/hellaswag, revision: ${revision}, files: "data/*", benchmark: hellaswag}`;
    const asked = (revision: string) =>
      lineage({
        data: `  web: {generator: stories}\n${math}\n${real(revision)}`,
        evaluate: '{each: [rl], suites: [upstream]}',
      });
    const hubs = async (revision: string) => (await planOfText(asked(revision))).nodes.filter(hubOf).length;
    assert.deepEqual([await hubs(commit), await hubs('unpinned')], [0, 1]);
  });

  test('whatever says what they are changes their keys, and those of all that learns from them', async () => {
    const before = keysOf(await planOfText(small(hub())));
    const changes = [
      small(hub().replace(commit, other)),
      small(hub().replace(commit, 'unpinned')),
      small(hub().replace('fineweb-edu', 'fineweb')),
      small(hub().replace('"a/*"', '"a/**"')),
      small(hub(', columns: {text: body}')),
      small(hub(', heldout: 1%')),
    ];
    for (const text of changes) {
      const after = keysOf(await planOfText(text));
      for (const address of ['data:web', 'base', 'mid', 'tuned', 'rl'])
        assert.notEqual(after[address], before[address], text);
      assert.equal(after['tokenizer:llama'], before['tokenizer:llama']);
    }
    const vocabulary = keysOf(await planOfText(small(hub()).replace('32K', '32001')));
    assert.notEqual(vocabulary['tokenizer:llama'], before['tokenizer:llama']);
    assert.equal(vocabulary['data:web'], before['data:web']);
  });

  test('the order of patterns, the name and defaults change none', async () => {
    const before = keysOf(await planOfText(small(hub())));
    const same = [
      small(hub().replace('["b/*", "a/*"]', '["a/*", "b/*"]')),
      small(hub(', columns: {text: text}, heldout: 5%')),
      small(hub()).replaceAll(/\bweb\b/g, 'edu'),
    ];
    for (const text of same) {
      const after = keysOf(await planOfText(text));
      assert.equal(after['data:edu'] ?? after['data:web'], before['data:web']);
      assert.equal(after.base, before.base);
    }
  });

  test('are refused where they would have to run, each at its place, those without a commit at their revision', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'descent-hub-'));
    try {
      const path = join(folder, 'lineage.yaml');
      await writeFile(path, small(hub().replace(commit, 'unpinned')));
      const loaded = await loadLineage(path);
      assert.ok(loaded.ok);
      const planned = await planLineage(loaded.lineage);
      assert.ok(planned.ok);
      const told = [...checkDownloads(loaded.lineage.source, planned.plan.nodes)];
      const text = loaded.lineage.source.text.split('\n');
      assert.deepEqual(
        told.map(({ line, column, length }) => text[line - 1]?.slice(column - 1, column - 1 + length)),
        ['unpinned', 'meta-llama/Llama-2-7b-hf'],
      );
      assert.match(told[0]?.message ?? '', /`web` is of no certain revision of HuggingFaceFW\/fineweb-edu/);
      assert.match(
        told[1]?.message ?? '',
        /downloads models and benchmarks from it, and no other data or tokenizers yet/,
      );
      const web = planned.plan.nodes.filter(({ address }) => address === 'data:web');
      assert.equal([...checkDownloads(loaded.lineage.source, web)].length, 1, 'of what has to run alone');
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
