import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { changesBetween } from '../../planner/compare.ts';
import { measuredSpeed, timeOn } from '../../planner/speed.ts';
import { keysOf, lineage, nodeAt, planOfText } from './plans.ts';

const base = (others: string) => `{model: nano, data: web, tokens: 40K${others}}`;
const mid = (others: string) => `{from: base, tokens: 20K, batch: 512, data: math${others}}`;
const tuned = (others: string) => `{from: mid, data: math/problems, examples: 100${others}}`;
const rl = (others: string) => `{from: tuned, data: math/problems, examples: 64${others}}`;
const halved = ', precision: bfloat16';

/** Precision as the pre-image of each node's recipe says it. */
async function said(text: string): Promise<Record<string, unknown>> {
  const plan = await planOfText(text);
  return Object.fromEntries(
    plan.nodes.flatMap(({ address, preimage }) => {
      const { precision } = preimage.recipe as { precision?: unknown };
      return precision === undefined ? [] : [[address, precision]];
    }),
  );
}

describe('precision', () => {
  test('is float32 where nothing is said, in the recipe and the settings and not in the key', async () => {
    const plan = await planOfText(lineage());
    for (const address of ['base', 'mid', 'tuned', 'rl']) {
      const { recipe, settings } = nodeAt(plan, address);
      assert.deepEqual([(recipe as { precision?: string }).precision, settings.precision], ['float32', 'float32']);
    }
    assert.deepEqual(await said(lineage()), {});
    const spelled = lineage({ base: base(', precision: float32'), tuned: tuned(', precision: float32') });
    assert.deepEqual(keysOf(await planOfText(spelled)), keysOf(plan));
  });

  test('is of one stage: what starts from it, and what evaluates it, stays in float32', async () => {
    const text = (kind: 'base' | 'mid' | 'tuned' | 'rl', stage: string) => lineage({ mid: mid(''), [kind]: stage });
    assert.deepEqual(await said(text('base', base(halved))), { base: 'bfloat16' });
    assert.deepEqual(await said(text('mid', mid(halved))), { mid: 'bfloat16' });
    assert.deepEqual(await said(text('tuned', tuned(halved))), { tuned: 'bfloat16' });
    assert.deepEqual(await said(text('rl', rl(halved))), { rl: 'bfloat16' });
  });

  test('may be an axis, and two precisions are two keys', async () => {
    const plan = await planOfText(
      lineage({
        base: base(', precision: "{in}"'),
        axes: '{in: [float32, bfloat16]}',
        evaluate: '{each: [base], suites: [heldout]}',
      }),
    );
    const [exact, rounded] = ['float32', 'bfloat16'].map((value) => nodeAt(plan, `base@in=${value}`));
    assert.notEqual(exact?.key, rounded?.key);
    assert.equal(exact?.key, nodeAt(await planOfText(lineage()), 'base').key);
    assert.deepEqual([exact?.settings.precision, rounded?.settings.precision], ['float32', 'bfloat16']);
  });

  test('is a trunk’s as it is its branch’s: two precisions share none', async () => {
    const wsd = (others: string) => lineage({ base: base(`, batch: 512, schedule: wsd, warmup: 5K${others}`) });
    assert.deepEqual(await said(wsd(halved)), { 'base/trunk': 'bfloat16', base: 'bfloat16' });
    const [rounded, exact] = [await planOfText(wsd(halved)), await planOfText(wsd(''))];
    assert.notEqual(nodeAt(rounded, 'base/trunk').key, nodeAt(exact, 'base/trunk').key);
  });

  test('is named where it changed', async () => {
    const [before, after] = [await planOfText(lineage()), await planOfText(lineage({ tuned: tuned(halved) }))];
    const changes = changesBetween(
      { plan: before, node: nodeAt(before, 'tuned') },
      { plan: after, node: nodeAt(after, 'tuned') },
    );
    assert.deepEqual(
      changes.map(({ field, before, after }) => [field, before, after]),
      [['precision', 'float32', 'bfloat16']],
    );
  });

  test('is as fast as it was measured: what took float32 so long says nothing of bfloat16', async () => {
    const [exact, rounded] = [await planOfText(lineage()), await planOfText(lineage({ base: base(halved) }))].map(
      (plan) => nodeAt(plan, 'base'),
    );
    assert.ok(exact?.type === 'pretrain' && rounded?.type === 'pretrain');
    const ran = (node: typeof exact, seconds: number) => {
      const { version, recipe } = node.preimage as unknown as { version: number; recipe: Record<string, string> };
      return {
        type: node.type,
        version,
        recipe,
        architecture: node.architecture,
        judge: null,
        device: 'gpu',
        count: 1,
        seconds,
        working: null,
      };
    };
    assert.equal(timeOn(rounded, measuredSpeed([ran(exact, 8)], 'gpu')), undefined);
    const both = measuredSpeed([ran(exact, 8), ran(rounded, 4)], 'gpu');
    assert.deepEqual(
      both.measurements.map(({ work, seconds }) => [work, seconds]),
      [
        ['text', 8],
        ['text in bfloat16', 4],
      ],
    );
    assert.deepEqual([timeOn(exact, both)?.seconds, timeOn(rounded, both)?.seconds], [8, 4]);
  });
});
