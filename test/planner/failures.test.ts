import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { planLineage } from '../../planner/expand.ts';
import { keyOf } from '../../planner/key.ts';
import { loadLineage } from '../../planner/load.ts';
import { reasonText } from '../../planner/reason.ts';
import { select } from '../../planner/select.ts';
import { withoutDefaults } from '../../planner/usual.ts';
import { judge } from '../../planner/verdict.ts';
import { keysOf, lineage, planOf, planOfText } from './plans.ts';

// What other engines' trackers are full of, one test each. Those of the store and of runs are in their own rooms.
describe('failures that other engines have', () => {
  test('another device, path or queue forks nothing', async () => {
    const keys = keysOf(await planOfText(lineage()));
    for (const placement of ['{device: gpu}', '{device: tpu-v5, checkpointEvery: 7, timeout: 5m}'])
      assert.deepEqual(keysOf(await planOfText(lineage({ rest: `placement: {default: ${placement}}` }))), keys);
    // Each plan of a text is made in another folder.
    assert.deepEqual(keysOf(await planOfText(lineage())), keys);
  });

  test('a random temporary path is no part of a key, nor of a recipe, and an option that holds one is refused', async () => {
    const keys: Record<string, string>[] = [];
    for (const name of ['notes.txt', 'other notes.txt']) {
      const folder = await mkdtemp(join(tmpdir(), 'descent-random-'));
      try {
        await writeFile(join(folder, name), 'A river.\n');
        await writeFile(
          join(folder, 'lineage.yaml'),
          lineage({ data: `  web: {files: "*.txt"}\n  math: {generator: arithmetic}` }),
        );
        const plan = await planOf(join(folder, 'lineage.yaml'));
        keys.push(keysOf(plan));
        const kept = plan.nodes.map(({ recipe, preimage, settings }) => ({ recipe, preimage, settings }));
        assert.ok(!JSON.stringify(kept).includes(folder));
      } finally {
        await rm(folder, { recursive: true });
      }
    }
    assert.deepEqual(keys[0], keys[1]);
    const option = `  web: {generator: stories, options: {cache: ${tmpdir()}/x}}\n  math: {generator: arithmetic}`;
    assert.deepEqual(await codesOf(lineage({ data: option })), ['unknown-name']);
  });

  test('one meaning has one key, however it is spelled, or is an error: never a silent fork', async () => {
    const tuned = (fields: string) => lineage({ tuned: `{from: mid, data: math, examples: 100, ${fields}}` });
    const same: [string, string][] = [
      [tuned('lr: 1e-3, clip: 1'), tuned('clip: 1, lr: 1e-3')],
      [tuned('clip: 2'), tuned('clip: 2.0')],
      [tuned('lr: 1e-5'), tuned('lr: 0.00001')],
      [tuned('warmup: 7%'), tuned('warmup: 0.07')],
    ];
    for (const [one, other] of same) assert.deepEqual(keysOf(await planOfText(one)), keysOf(await planOfText(other)));
    const refused: [string, string][] = [
      [tuned('lr: on'), 'bad-quantity'],
      [tuned('lr: yes'), 'bad-quantity'],
      [tuned('batch: 1_000'), 'bad-quantity'],
      [tuned('lr: 1e-3, lr: 1e-4'), 'yaml-key'],
      [tuned('lr: .nan'), 'bad-quantity'],
      [lineage({ rest: 'title: cafe\u0301' }), 'text-form'],
    ];
    for (const [text, code] of refused) assert.deepEqual(await codesOf(text), [code], text);
  });

  test('a new optional field at its default changes no identity', () => {
    const recipe = { lr: 1e-3, steps: 10 };
    const usual = { lr: 1e-3, dropout: 0 };
    assert.deepEqual(withoutDefaults({ ...recipe, dropout: 0 }, usual), withoutDefaults(recipe, usual));
    assert.notDeepEqual(withoutDefaults({ ...recipe, dropout: 0.1 }, usual), withoutDefaults(recipe, usual));
  });

  test('a component that cannot be serialised is an error that names it', () => {
    const preimage = { descent: 'node', recipe: { reward: () => 1 } } as never;
    assert.throws(() => keyOf(preimage), /no canonical JSON: function has no JSON form \(at recipe\.reward\)/);
  });

  test('a hit whose files were deleted or corrupted runs again, with that reason', async () => {
    const plan = await planOfText(lineage());
    const [node] = plan.nodes.filter(({ type }) => type === 'pretrain');
    assert.ok(node);
    const reason = 'attempt 1: model/model.safetensors is missing';
    const verdict = judge(plan, (key) => (key === node.key ? { state: 'damaged', reason } : { state: 'none' })).get(
      node.key,
    );
    assert.equal(verdict?.verdict, 'run');
    assert.equal(verdict && reasonText(node, verdict), reason);
  });

  test('a sweep that is started again after an edit keeps its addresses and says what changed', async () => {
    const sweep = (epochs: string, values: string) =>
      lineage({
        tuned: `{from: mid, data: math, examples: 100, epochs: ${epochs}, lr: "{lr}"}`,
        axes: `{lr: [${values}], seed: {replicate: [1, 2]}}`,
      });
    const before = await planOfText(sweep('1', '1e-3, 1e-4'));
    const plan = await planOfText(sweep('2', '1e-3, 1e-4, 1e-5'));
    const addresses = new Set(plan.nodes.map(({ address }) => address));
    assert.ok(before.nodes.every(({ address }) => addresses.has(address)));
    const done = new Set(before.nodes.map(({ key }) => key));
    const verdicts = judge(
      plan,
      (key) => (done.has(key) ? { state: 'done', attempt: 1, finishedAt: '2026-01-01' } : { state: 'none' }),
      [before],
    );
    for (const node of plan.nodes) {
      const verdict = verdicts.get(node.key);
      assert.ok(verdict);
      const said = `${verdict.verdict}: ${reasonText(node, verdict)}`;
      const expected = !/^(tuned|rl)/.test(node.address)
        ? 'reuse: attempt 1, done 2026-01-01'
        : node.axes.lr === 0.00001
          ? 'run: new'
          : node.type === 'sft'
            ? 'run: epochs 1 → 2'
            : /^run: tuned@lr=\S+,seed=\d: epochs 1 → 2$/;
      if (typeof expected === 'string') assert.equal(said, expected, node.address);
      else assert.match(said, expected, node.address);
    }
  });

  test('a selector that matches nothing is an error with near names', async () => {
    const plan = await planOfText(lineage({ axes: '{seed: {replicate: [1, 2]}}' }));
    const found = select(plan, ['+tunde@seed=1'], () => 'waiting');
    assert.ok(!found.ok);
    assert.deepEqual(found.problems, [
      {
        selector: '+tunde@seed=1',
        start: 1,
        length: 5,
        message: 'there is no stage `tunde`',
        expected: 'base, mid, tuned, rl',
        hint: 'did you mean `tuned`?',
      },
    ]);
  });
});

async function codesOf(text: string): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'descent-failures-'));
  try {
    await writeFile(join(folder, 'lineage.yaml'), text);
    const loaded = await loadLineage(join(folder, 'lineage.yaml'));
    const planned = loaded.ok ? await planLineage(loaded.lineage) : loaded;
    return planned.ok ? [] : planned.diagnostics.map(({ code }) => code);
  } finally {
    await rm(folder, { recursive: true });
  }
}
