import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { needsOf } from '../../planner/kinship.ts';
import type { Plan, PlanNode } from '../../planner/plan.ts';
import { restrict } from '../../planner/select.ts';
import { expectedTime } from '../../planner/time.ts';
import type { Comparison, Selection } from '../../schemas/types/job.ts';
import { keysOf, lineage, nodeAt, planOf, planOfText } from './plans.ts';

type Certificate = Extract<PlanNode, { type: 'overlap' }>;

const certificates = ({ nodes }: Plan) => nodes.filter((node): node is Certificate => node.type === 'overlap');
const addresses = (plan: Plan) => certificates(plan).map(({ address }) => address);
const spelled = ({ name, split, problems }: Selection) => `${name}/${split} ${problems}`;
const against = (node: Certificate | undefined) =>
  (node?.recipe.against ?? []).map((one) => spelled(one.selection)).sort();
/** Addresses of the certificates that a node waits for. */
const gatesOf = (plan: Plan, address: string) =>
  Object.entries(nodeAt(plan, address).gates ?? {}).map(([role, key]) => [
    role,
    plan.nodes.find((node) => node.key === key)?.address,
  ]);

describe('what SFT and RL learn from is compared', () => {
  test('with the problems of all suites, and with what the other kind of stage learned from before', async () => {
    const plan = await planOfText(lineage());
    const [tuned, rl] = certificates(plan);
    assert.deepEqual(addresses(plan), ['overlap:tuned', 'overlap:rl']);
    const tests = ['boardgame/test 200', 'math/test 200', 'programs/test 200', 'strategy/test 200', 'tables/test 200'];
    assert.equal(spelled(tuned?.recipe.trained as Selection), 'math/sft 100');
    assert.deepEqual(against(tuned), tests);
    assert.equal(spelled(rl?.recipe.trained as Selection), 'math/rl 64');
    assert.deepEqual(against(rl), [...tests, 'math/sft 100'].sort());
    assert.deepEqual(gatesOf(plan, 'tuned'), [['overlap', 'overlap:tuned']]);
    assert.deepEqual(gatesOf(plan, 'rl'), [['overlap', 'overlap:rl']]);
    for (const { gates, type } of plan.nodes) if (type !== 'sft' && type !== 'rl') assert.equal(gates, undefined);
  });

  test('also where only what comes of a stage is evaluated, and not where nothing is', async () => {
    const onlyRl = await planOfText(lineage({ evaluate: '{each: [rl], suites: [id]}' }));
    assert.deepEqual(against(certificates(onlyRl)[0]), ['math/test 200']);
    const onlyBase = await planOfText(lineage({ evaluate: '{each: [base], suites: [id]}' }));
    assert.deepEqual(addresses(onlyBase), ['overlap:rl'], 'RL may not repeat what SFT learned from all the same');
    assert.deepEqual(against(certificates(onlyBase)[0]), ['math/sft 100']);
    const onlyText = await planOfText(lineage({ evaluate: '{each: [rl], suites: [heldout]}' }));
    assert.deepEqual(addresses(onlyText), ['overlap:rl']);
  });

  test('with the items of cloze tasks too, and with benchmarks in their place, whichever stage learns', async () => {
    const plan = await planOfText(lineage({ evaluate: '{each: [rl], suites: [upstream, id]}' }));
    for (const certificate of certificates(plan)) {
      const asked = against(certificate).filter((name) => !name.startsWith('math/sft'));
      assert.deepEqual(asked, ['math/test 200', 'stories/choices 200', 'strategy/choices 200']);
    }
    const folder = await mkdtemp(join(tmpdir(), 'descent-plan-'));
    try {
      await writeFile(join(folder, 'items.jsonl'), '{}\n');
      const data = `  web: {generator: stories}
  math: {generator: arithmetic}
  piqa: {files: items.jsonl, benchmark: piqa}
  gsm: {files: items.jsonl, benchmark: gsm8k}
`;
      await writeFile(join(folder, 'l.yaml'), lineage({ data, evaluate: '{each: [rl], suites: [upstream, id, ood]}' }));
      const [tuned, rl] = certificates(await planOf(join(folder, 'l.yaml')));
      const others = [
        'boardgame/test 200',
        'gsm/test 200',
        'piqa/choices 200',
        'programs/test 200',
        'strategy/test 200',
      ];
      assert.deepEqual(against(tuned), [...others, 'tables/test 200']);
      assert.deepEqual(against(rl), [...others, 'math/sft 100', 'tables/test 200'].sort());
      const limits = rl?.recipe.against.map(({ selection, mostExact, mostGrams }) => [
        selection.name,
        mostExact,
        mostGrams,
      ]);
      for (const [name, mostExact, mostGrams] of limits ?? []) {
        assert.equal(mostExact, 0, 'an exact match is always too much');
        assert.equal(mostGrams, name === 'gsm' || name === 'piqa' ? 0.01 : 1);
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('SFT after SFT is no overlap, SFT after RL may be one, and other chains are not looked at', async () => {
    const stages = [
      '  again: {sft: {from: tuned, data: math, examples: 70}}',
      '  late: {sft: {from: rl, data: math, examples: 80}}',
      '  other: {sft: {from: mid, data: math, examples: 90}}',
      '  rl:',
    ].join('\n');
    const plan = await planOfText(lineage({ evaluate: '{each: [base], suites: [heldout]}' }).replace('  rl:', stages));
    assert.deepEqual(addresses(plan).sort(), ['overlap:late', 'overlap:rl']);
    assert.deepEqual(against(certificates(plan).find(({ address }) => address === 'overlap:late')), ['math/rl 64']);
  });
});

describe('certificates are few', () => {
  test('seeds, learning rates, epochs, mixes and models share one', async () => {
    const plan = await planOfText(
      lineage({
        mid: '{from: base, tokens: 20K, batch: 512, mix: {math: 1, replay: "{replay}"}}',
        tuned: '{from: mid, data: math/problems, examples: 100, lr: "{lr}", epochs: "{epochs}"}',
        axes: '{replay: [0%, 20%], lr: [1e-5, 3e-5], epochs: [1, 2], seed: {replicate: [1, 2]}}',
      }),
    );
    assert.ok(plan.nodes.length > 100);
    assert.deepEqual(addresses(plan), ['overlap:tuned', 'overlap:rl']);
  });

  test('another number of examples is another one, at an address with that axis alone', async () => {
    const plan = await planOfText(
      lineage({
        tuned: '{from: mid, data: math/problems, examples: "{some}", lr: "{lr}"}',
        axes: '{lr: [1e-5, 3e-5], some: [1K, 2K]}',
      }),
    );
    assert.deepEqual(addresses(plan), [
      'overlap:tuned@some=1K',
      'overlap:tuned@some=2K',
      'overlap:rl@some=1K',
      'overlap:rl@some=2K',
    ]);
    assert.deepEqual(nodeAt(plan, 'overlap:rl@some=2K').axes, { some: '2K' });
    assert.deepEqual(gatesOf(plan, 'rl@lr=3e-5,some=2K'), [['overlap', 'overlap:rl@some=2K']]);
  });

  test('so is another number of pairs, whatever was learned from before', async () => {
    const text = lineage({
      tuned: '{from: mid, data: math/problems, examples: "{some}"}',
      axes: '{some: [1K, 2K], pairs: [10, 20]}',
      evaluate: '{each: [liked], suites: [id]}',
    })
      .replace('data:\n', 'data:\n  mine: {hub: a/b, revision: unpinned, files: "*.jsonl"}\n')
      .replace('  rl:', '  liked: {dpo: {from: tuned, data: mine, examples: "{pairs}"}}\n  rl:');
    const plan = await planOfText(text);
    const ofPairs = addresses(plan).filter((address) => address.startsWith('overlap:liked'));
    assert.deepEqual(ofPairs, ['overlap:liked@pairs=10', 'overlap:liked@pairs=20']);
  });

  test('stages that learn from the same share one, and so do lineages, whatever they call things', async () => {
    const text = lineage({ evaluate: '{each: [rl, side], suites: [id]}' }).replace(
      '  rl:',
      '  side: {sft: {from: base, data: math, examples: 100, lr: 1}}\n  rl:',
    );
    const plan = await planOfText(text);
    assert.deepEqual(addresses(plan), ['overlap:tuned', 'overlap:rl']);
    assert.deepEqual(gatesOf(plan, 'side'), [['overlap', 'overlap:tuned']]);
    const renamed = await planOfText(text.replaceAll('math', 'sums').replaceAll('tuned', 'taught'));
    assert.equal(nodeAt(renamed, 'overlap:taught').key, nodeAt(plan, 'overlap:tuned').key);
    assert.equal(nodeAt(renamed, 'overlap:rl').key, nodeAt(plan, 'overlap:rl').key);
  });
});

describe('a certificate is part of no other key', () => {
  const tuned = (more: string) => lineage({ tuned: `{from: mid, data: math/problems, examples: 100${more}}` });

  test('to allow an overlap makes another certificate, which refuses nothing, and changes nothing else', async () => {
    const before = await planOfText(tuned(''));
    const after = await planOfText(tuned(', allowOverlap: "to measure what it does"'));
    const other = Object.entries(keysOf(after)).filter(([address, key]) => keysOf(before)[address] !== key);
    assert.deepEqual(
      other.map(([address]) => address),
      ['overlap:tuned'],
    );
    for (const { mostExact, mostGrams } of (nodeAt(after, 'overlap:tuned') as Certificate).recipe.against)
      assert.deepEqual([mostExact, mostGrams], [1, 1]);
    assert.equal(nodeAt(after, 'tuned').settings.allowOverlap, 'to measure what it does');
    assert.equal(nodeAt(after, 'overlap:tuned').settings.allowOverlap, 'to measure what it does');
    assert.equal('allowOverlap' in nodeAt(before, 'tuned').settings, false);
    const reworded = await planOfText(tuned(', allowOverlap: another reason'));
    assert.deepEqual(keysOf(reworded), keysOf(after));
  });

  test('no evaluation, no certificate of SFT, and the key that it had', async () => {
    const without = await planOfText(lineage({ evaluate: '{each: [base], suites: [heldout]}' }));
    const within = await planOfText(lineage());
    for (const stage of ['base', 'mid', 'tuned', 'rl']) assert.equal(keysOf(without)[stage], keysOf(within)[stage]);
    const { gates: _, ...bare } = nodeAt(within, 'tuned');
    assert.deepEqual(nodeAt(without, 'tuned'), bare);
  });
});

test('files may have one problem in a hundred with 13 words of another; what generators repeat is only counted', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'descent-overlap-'));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'mine.jsonl'), '{"prompt": "What is 1 + 1?", "answer": "2"}\n');
  const text = lineage({
    data: '  web: {generator: stories}\n  math: {generator: arithmetic}\n  mine: {files: mine.jsonl}',
    rl: '{from: tuned, data: mine, examples: 1}',
    evaluate: '{each: [tuned, rl], suites: [id]}',
  });
  await writeFile(join(folder, 'lineage.yaml'), text);
  const plan = await planOf(join(folder, 'lineage.yaml'));
  const limits = (address: string) =>
    (nodeAt(plan, address) as Certificate).recipe.against
      .map(({ selection, mostExact, mostGrams }: Comparison) => [spelled(selection), mostExact, mostGrams])
      .sort();
  assert.deepEqual(limits('overlap:tuned'), [
    ['math/test 200', 0, 1],
    ['mine/test 200', 0, 0.01],
  ]);
  assert.deepEqual(limits('overlap:rl'), [
    ['math/sft 100', 0, 0.01],
    ['math/test 200', 0, 0.01],
    ['mine/test 200', 0, 0.01],
  ]);
  assert.deepEqual(Object.keys(nodeAt(plan, 'overlap:tuned').parents), ['data:mine']);
});

test('who selects a stage gets its certificate, and who counts the time waits for it', async () => {
  const plan = await planOfText(lineage({ evaluate: '{each: [rl], suites: [id]}' }));
  const part = restrict(plan, [nodeAt(plan, 'rl')]);
  assert.deepEqual(
    part.nodes.map(({ address }) => address),
    ['tokenizer:bytes', 'base', 'mid', 'overlap:tuned', 'tuned', 'overlap:rl', 'rl'],
  );
  assert.deepEqual(Object.keys(needsOf(nodeAt(plan, 'rl'))), ['parent', 'overlap']);
  const seconds = (node: PlanNode) => (node.type === 'overlap' ? 10 : 1);
  const { critical, elapsed } = expectedTime(part.nodes, seconds, 3);
  assert.deepEqual(
    critical.nodes.map(({ address }) => address),
    ['overlap:tuned', 'tuned', 'rl'],
  );
  assert.equal(elapsed, 12);
});
