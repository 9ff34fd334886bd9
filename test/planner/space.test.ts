import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { planLineage } from '../../planner/expand.ts';
import { loadLineage } from '../../planner/load.ts';
import type { Plan } from '../../planner/plan.ts';
import { keysOf, lineage, nodeAt, planOfText } from './plans.ts';

/** The addresses of a stage's nodes, without the stage's name. */
function settingsOf(plan: Plan, stage: string): string[] {
  return plan.nodes
    .filter((node) => node.stage === stage && node.type !== 'evaluate')
    .map(({ address }) => address.slice(stage.length + 1));
}

function parentOf(plan: Plan, address: string): string | undefined {
  return plan.nodes.find(({ key }) => key === nodeAt(plan, address).parents.parent)?.address;
}

// base@seed ── mid@replay ── tuned@lr ── rl        all of them by seed; `side` goes from one variant of mid
const stages = {
  mid: '{from: base, tokens: 20K, batch: 512, mix: {math: 1, replay: "{replay}"}}',
  tuned: '{from: mid, data: math/problems, examples: 100, lr: "{lr}"}',
  evaluate: '{each: [rl], suites: [id]}',
};
const axes = '{replay: [0%, 20%], lr: [1e-5, 3e-5], seed: {replicate: [1, 2, 3]}}';
const varied = (rest: string, more: Parameters<typeof lineage>[0] = {}) =>
  planOfText(lineage({ ...stages, axes, rest, ...more }));
const withSide = (from: string, text: string) =>
  text.replace('  rl:', `  side: {sft: {from: "${from}", data: math, examples: 50}}\n  rl:`);

describe('zip', () => {
  test('axes vary together, the first of them changing slowest where it is declared', async () => {
    const plan = await varied('zip: [[lr, replay]]');
    assert.deepEqual(settingsOf(plan, 'mid'), [
      'replay=0%,seed=1',
      'replay=0%,seed=2',
      'replay=0%,seed=3',
      'replay=20%,seed=1',
      'replay=20%,seed=2',
      'replay=20%,seed=3',
    ]);
    assert.deepEqual(settingsOf(plan, 'tuned'), [
      'replay=0%,lr=1e-5,seed=1',
      'replay=0%,lr=1e-5,seed=2',
      'replay=0%,lr=1e-5,seed=3',
      'replay=20%,lr=3e-5,seed=1',
      'replay=20%,lr=3e-5,seed=2',
      'replay=20%,lr=3e-5,seed=3',
    ]);
    assert.equal(parentOf(plan, 'tuned@replay=20%,lr=3e-5,seed=2'), 'mid@replay=20%,seed=2');
  });

  test('a stage that sees some of the axes has each of their settings once', async () => {
    const plan = await varied('zip: [[replay, lr]]', {
      axes: '{replay: [0%, 20%, 20%], lr: [1e-5, 1e-5, 3e-5]}',
    });
    assert.deepEqual(settingsOf(plan, 'base'), ['']);
    assert.deepEqual(settingsOf(plan, 'mid'), ['replay=0%', 'replay=20%']);
    assert.deepEqual(settingsOf(plan, 'tuned'), ['replay=0%,lr=1e-5', 'replay=20%,lr=1e-5', 'replay=20%,lr=3e-5']);
    assert.deepEqual(plan.axes, {
      replay: { values: ['0%', '20%'], replicate: false },
      lr: { values: [1e-5, 3e-5], replicate: false },
    });
  });

  test('a reference that pins one of the axes pins those that go with it', async () => {
    const text = lineage({ ...stages, axes, rest: 'zip: [[replay, lr]]' });
    const plan = await planOfText(withSide('tuned@replay=20%', text));
    assert.deepEqual(settingsOf(plan, 'side'), ['seed=1', 'seed=2', 'seed=3']);
    assert.equal(parentOf(plan, 'side@seed=2'), 'tuned@replay=20%,lr=3e-5,seed=2');
  });

  test('where there is a choice it is left open', async () => {
    const text = lineage({
      ...stages,
      axes: '{replay: [0%, 0%, 20%, 20%], lr: [1e-5, 3e-5, 1e-5, 3e-5]}',
      rest: 'zip: [[replay, lr]]',
    });
    assert.deepEqual(settingsOf(await planOfText(withSide('tuned@replay=20%', text)), 'side'), ['lr=1e-5', 'lr=3e-5']);
  });
});

describe('exclude', () => {
  test('drops what has all of its values; an ancestor that does not vary over them stays', async () => {
    const plan = await varied('exclude: [{replay: 0.0%, seed: 3}, {lr: 0.00003, seed: 1}]');
    assert.deepEqual(settingsOf(plan, 'base'), ['seed=1', 'seed=2', 'seed=3']);
    assert.deepEqual(settingsOf(plan, 'mid'), [
      'replay=0%,seed=1',
      'replay=0%,seed=2',
      'replay=20%,seed=1',
      'replay=20%,seed=2',
      'replay=20%,seed=3',
    ]);
    const left = [
      'replay=0%,lr=1e-5,seed=1',
      'replay=0%,lr=1e-5,seed=2',
      'replay=0%,lr=3e-5,seed=2',
      'replay=20%,lr=1e-5,seed=1',
      'replay=20%,lr=1e-5,seed=2',
      'replay=20%,lr=1e-5,seed=3',
      'replay=20%,lr=3e-5,seed=2',
      'replay=20%,lr=3e-5,seed=3',
    ];
    assert.deepEqual(settingsOf(plan, 'tuned'), left);
    assert.deepEqual(settingsOf(plan, 'rl'), left);
    assert.equal(plan.nodes.filter(({ type }) => type === 'evaluate').length, left.length);
  });
});

describe('include', () => {
  test('adds what the entry says of the axes that a stage varies over, after the grid', async () => {
    const plan = await varied('include: [{replay: 30%, seed: 4}]');
    assert.deepEqual(settingsOf(plan, 'base'), ['seed=1', 'seed=2', 'seed=3', 'seed=4']);
    assert.deepEqual(settingsOf(plan, 'mid').slice(6), ['replay=30%,seed=4']);
    assert.deepEqual(settingsOf(plan, 'rl').slice(12), ['replay=30%,lr=1e-5,seed=4', 'replay=30%,lr=3e-5,seed=4']);
    assert.equal(parentOf(plan, 'mid@replay=30%,seed=4'), 'base@seed=4');
    assert.equal(nodeAt(plan, 'base@seed=4').seed, 4);
    assert.deepEqual(plan.axes, {
      replay: { values: ['0%', '20%', '30%'], replicate: false },
      lr: { values: [1e-5, 3e-5], replicate: false },
      seed: { values: [1, 2, 3, 4], replicate: true },
    });
  });

  test('adds nothing twice, however a value is spelled', async () => {
    const plan = await varied('include: [{replay: 20.0%, seed: 4}, {replay: 30%}, {replay: 30.0%, seed: 4}]');
    assert.deepEqual(settingsOf(plan, 'mid').slice(6), [
      'replay=20%,seed=4',
      'replay=30%,seed=1',
      'replay=30%,seed=2',
      'replay=30%,seed=3',
      'replay=30%,seed=4',
    ]);
  });

  test('brings back what is excluded only where it names all that the exclude names', async () => {
    const exclude = 'exclude: [{replay: 0%, seed: 3}]';
    const back = await varied(`${exclude}\ninclude: [{replay: 0%, seed: 3, lr: 1e-5}]`);
    assert.deepEqual(settingsOf(back, 'mid').slice(4), ['replay=20%,seed=3', 'replay=0%,seed=3']);
    assert.deepEqual(settingsOf(back, 'tuned').slice(10), ['replay=0%,lr=1e-5,seed=3']);
    const other = await varied(`${exclude}\ninclude: [{lr: 1e-4}]`);
    assert.deepEqual(settingsOf(other, 'tuned').slice(10), [
      'replay=0%,lr=1e-4,seed=1',
      'replay=0%,lr=1e-4,seed=2',
      'replay=20%,lr=1e-4,seed=1',
      'replay=20%,lr=1e-4,seed=2',
      'replay=20%,lr=1e-4,seed=3',
    ]);
  });

  test('takes of zipped axes what goes with the entry, or the entry’s own where it names them all', async () => {
    const zip = 'zip: [[replay, lr]]\nexclude: [{seed: 2}, {seed: 3}]';
    const some = await varied(`${zip}\ninclude: [{replay: 20%, seed: 4}]`);
    assert.deepEqual(settingsOf(some, 'tuned').slice(2), ['replay=20%,lr=3e-5,seed=4']);
    const all = await varied(`${zip}\ninclude: [{replay: 20%, lr: 1e-5}, {replay: 30%, lr: 1e-4}]`);
    assert.deepEqual(settingsOf(all, 'mid').slice(2), ['replay=30%,seed=1']);
    assert.deepEqual(settingsOf(all, 'tuned').slice(2), ['replay=20%,lr=1e-5,seed=1', 'replay=30%,lr=1e-4,seed=1']);
  });

  test('does not ask of a stage what the variant that it starts from is not', async () => {
    const text = (entry: string) => lineage({ ...stages, axes, rest: `include: [${entry}]` });
    const other = await planOfText(withSide('mid@replay=20%', text('{replay: 30%, seed: 4}')));
    assert.deepEqual(settingsOf(other, 'side'), ['seed=1', 'seed=2', 'seed=3']);
    const same = await planOfText(withSide('mid@replay=20%', text('{replay: 20%, seed: 4}')));
    assert.deepEqual(settingsOf(same, 'side'), ['seed=1', 'seed=2', 'seed=3', 'seed=4']);
    const brought = await planOfText(withSide('mid@replay=30.0%', text('{replay: 30%}')));
    assert.equal(parentOf(brought, 'side@seed=3'), 'mid@replay=30%,seed=3');
  });
});

test('the example of the language page has the nodes that it says', async () => {
  const page = await readFile(new URL('../../../docs/lineage-file.md', import.meta.url), 'utf8');
  const [example] = [...page.matchAll(/```yaml\n([^`]*zip: [^`]*)```/g)].map(([, text]) => text ?? '');
  assert.ok(example);
  const text = lineage({
    data: '  web: {generator: stories}\n  math: {generator: arithmetic}',
    base: '{model: "{model}", data: web, tokens: 40K, lr: "{lr}"}',
    mid: stages.mid,
    rest: example,
  }).replace('  nano:', '  micro: {layers: 1, hidden: 16, heads: 2, ffn: 16, context: 64}\n  nano:');
  const plan = await planOfText(text);
  assert.deepEqual(settingsOf(plan, 'base'), [
    'model=nano,lr=3e-3,seed=1',
    'model=nano,lr=3e-3,seed=2',
    'model=nano,lr=3e-3,seed=3',
    'model=micro,lr=2e-3,seed=1',
    'model=micro,lr=2e-3,seed=2',
    'model=micro,lr=2e-3,seed=3',
  ]);
  const mid = settingsOf(plan, 'mid');
  assert.equal(mid.length, 2 * 2 * 3 - 2 + 2);
  assert.ok(!mid.some((setting) => setting.includes('replay=0%,seed=3')));
  assert.deepEqual(mid.slice(-2), ['model=nano,lr=3e-3,replay=20%,seed=1', 'model=micro,lr=2e-3,replay=20%,seed=1']);
});

test('each stage is counted for itself: three hundred axes span what nobody could count', async () => {
  const many = Array.from({ length: 300 }, (_, index) => index);
  const lines = (line: (index: number) => string) => many.map((index) => `  ${line(index)}`).join('\n');
  const text = `lineage: wide
models: {nano: {layers: 1, hidden: 16, heads: 2, ffn: 16, context: 32}}
data: {web: {generator: stories}}
stages:
  base: {pretrain: {model: nano, data: web, tokens: 10K}}
${lines((index) => `s${index}: {cpt: {from: base, data: web, tokens: 10K, lr: "{a${index}}"}}`)}
axes:
${lines((index) => `a${index}: [1e-4, 2e-4, 3e-4, 4e-4, 5e-4, 6e-4]`)}
exclude:
${lines((index) => `- {a${index}: 6e-4}`)}
include:
${lines((index) => `- {a${index}: 7e-4}`)}
`;
  await planOfText(lineage()); // compiles the schema
  const start = process.cpuUsage();
  const plan = await planOfText(text);
  const { user, system } = process.cpuUsage(start);
  assert.equal(plan.nodes.length, 1 + 1 + 300 * 6);
  assert.ok(user + system < 5e6, `${plan.nodes.length} nodes took ${(user + system) / 1e6} s of computing`);
});

describe('random lineages over more than a grid', () => {
  let folder: string;
  let file: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'descent-space-'));
    file = join(folder, 'lineage.yaml');
  });
  after(() => rm(folder, { recursive: true }));

  type Values = Record<string, number>;
  interface Stage {
    name: string;
    parent: Stage | undefined;
    mentions: string[];
    /** As the reference has them. */
    pins: Values;
    varies: Set<string>;
    fixed: Values;
  }
  interface Case {
    /** Axes are 1, 2, ... up to these. */
    axes: Values;
    zip: string[];
    exclude: Values[];
    include: Values[];
    stages: Stage[];
  }

  const names = ['a0', 'a1', 'a2'];
  const entry = (past: number) =>
    fc.record({
      axes: fc.subarray(names, { minLength: 1 }),
      values: fc.infiniteStream(fc.integer({ min: 1, max: 2 + past })),
    });
  const cases: fc.Arbitrary<Case> = fc
    .record({
      sizes: fc.tuple(fc.constant(2), fc.integer({ min: 2, max: 3 }), fc.integer({ min: 2, max: 3 })),
      zip: fc.option(fc.shuffledSubarray(names, { minLength: 2, maxLength: 2 })),
      exclude: fc.array(entry(0), { maxLength: 2 }),
      include: fc.array(entry(2), { maxLength: 2 }),
      stages: fc.array(
        fc.record({ parent: fc.nat(), mentions: fc.subarray(names, { maxLength: 2 }), pins: fc.boolean() }),
        { minLength: 2, maxLength: 5 },
      ),
    })
    .map(({ sizes, zip, exclude, include, stages: drawn }) => {
      const axes: Values = Object.fromEntries(names.map((name, index) => [name, sizes[index] ?? 2]));
      const zipped = zip && axes[zip[0] ?? ''] === axes[zip[1] ?? ''] ? zip : [];
      const stages: Stage[] = [];
      for (const [index, { parent: at, mentions, pins }] of drawn.entries()) {
        const parent = stages[at % Math.max(1, index)];
        const pinned = pins && parent ? [...parent.varies].slice(0, 1) : [];
        const partners = zipped.includes(pinned[0] ?? '') ? zipped.filter((name) => parent?.varies.has(name)) : [];
        const all = Object.fromEntries([...pinned, ...partners].map((name) => [name, 1]));
        const varies = new Set([...mentions, ...[...(parent?.varies ?? [])].filter((name) => !(name in all))]);
        const fixed = Object.entries({ ...parent?.fixed, ...all }).filter(([name]) => !varies.has(name));
        stages.push({ name: `s${index}`, parent, mentions, pins: all, varies, fixed: Object.fromEntries(fixed) });
      }
      const used = names.filter((name) => stages.some(({ varies }) => varies.has(name)));
      const entries = (list: typeof exclude) =>
        list
          .map(({ axes: given, values }) =>
            given.filter((name) => used.includes(name)).map((name) => [name, values.next().value]),
          )
          .filter((pairs) => pairs.length > 0)
          .map((pairs): Values => Object.fromEntries(pairs));
      return {
        axes: Object.fromEntries(used.map((name) => [name, axes[name] ?? 2])),
        zip: zipped.every((name) => used.includes(name)) ? zipped : [],
        exclude: entries(exclude),
        include: entries(include),
        stages,
      };
    });

  function textOf({ axes, zip, exclude, include, stages }: Case): string {
    const fields: Values = { a0: 1, a1: 2, a2: 3 };
    const blocks = stages.map(({ name, parent, mentions, pins }) => {
      const reference = Object.entries(pins)
        .slice(0, zip.length > 0 ? 1 : undefined) // what is zipped with it goes without saying
        .map(([axis, value]) => `${axis}=${value}`)
        .join(',');
      const from = parent ? `from: "${parent.name}${reference && `@${reference}`}"` : 'model: nano';
      const varied = mentions.map((axis) => `, ${['', 'lr', 'clip', 'weightDecay'][fields[axis] ?? 0]}: "{${axis}}"`);
      return `  ${name}: {${parent ? 'cpt' : 'pretrain'}: {${from}, data: web, tokens: 10K, minLr: 0${varied.join('')}}}`;
    });
    const more = { zip: zip.length > 0 ? [zip] : [], exclude, include };
    return [
      'lineage: random',
      'models: {nano: {layers: 1, hidden: 16, heads: 2, ffn: 16, context: 32}}',
      'data: {web: {generator: stories}}',
      `stages:\n${blocks.join('\n')}`,
      ...(Object.keys(axes).length > 0
        ? [
            `axes: ${JSON.stringify(Object.fromEntries(Object.entries(axes).map(([name, size]) => [name, upTo(size)])))}`,
          ]
        : []),
      ...Object.entries(more).flatMap(([key, list]) => (list.length > 0 ? [`${key}: ${JSON.stringify(list)}`] : [])),
    ].join('\n');
  }

  const upTo = (size: number) => Array.from({ length: size }, (_, index) => index + 1);

  /** What the language page says of which settings a stage has, asked of each that could be. */
  function expected({ axes, zip, exclude, include }: Case, { varies, fixed }: Stage): Values[] {
    const seen = Object.keys(axes).filter((name) => varies.has(name));
    const agree = (one: Values, other: Values) =>
      Object.entries(one).every(([name, value]) => (other[name] ?? value) === value);
    const has = (setting: Values, values: Values) =>
      Object.entries(values).every(([name, value]) => setting[name] === value);
    const rows = upTo(axes[zip[0] ?? ''] ?? 0).map((row): Values => Object.fromEntries(zip.map((name) => [name, row])));
    const zipFits = (setting: Values, named: Values) =>
      zip.every((name) => name in named) ||
      rows.length === 0 ||
      rows.some((row) => agree(row, setting) && agree(row, named));
    const listed = (setting: Values, named: Values) =>
      Object.entries(setting).every(([name, value]) => name in named || value <= (axes[name] ?? 0));
    let settings: Values[] = [{}];
    for (const name of seen)
      settings = settings.flatMap((setting) => [1, 2, 3, 4].map((value) => ({ ...setting, [name]: value })));
    return settings.filter((setting) => {
      const matched = exclude.filter((values) => has(setting, values));
      const ofGrid = listed(setting, {}) && zipFits(setting, {}) && matched.length === 0;
      const ofInclude = include.some(
        (values) =>
          seen.some((name) => name in values) &&
          agree(values, { ...fixed, ...setting }) &&
          listed(setting, values) &&
          zipFits(setting, values) &&
          matched.every((dropped) => has(values, dropped)),
      );
      return ofGrid || ofInclude;
    });
  }

  async function planned(text: string): Promise<Plan | Set<string>> {
    await writeFile(file, text);
    const loaded = await loadLineage(file);
    const result = loaded.ok ? await planLineage(loaded.lineage) : loaded;
    return result.ok ? result.plan : new Set(result.diagnostics.map(({ code }) => code));
  }

  const asText = (values: object) => JSON.stringify(Object.entries(values).sort());

  test('have the settings that the language page says, parents first, and keys that do not tell how a setting came to be', async () => {
    const told = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(cases, async (drawn) => {
        const plan = await planned(textOf(drawn));
        for (const code of plan instanceof Set ? plan : ['planned']) told.set(code, (told.get(code) ?? 0) + 1);
        if (plan instanceof Set) return;
        const seen = new Set<string>();
        for (const node of plan.nodes) {
          for (const key of Object.values(node.parents)) assert.ok(seen.has(key), `${node.address} before its parent`);
          seen.add(node.key);
        }
        for (const stage of drawn.stages) {
          const settings: string[] = plan.nodes
            .filter((node) => node.stage === stage.name)
            .map(({ axes }) => asText(axes));
          assert.equal(new Set(settings).size, settings.length);
          assert.deepEqual(settings.sort(), expected(drawn, stage).map(asText).sort(), stage.name);
        }
        const sizes = Object.entries(plan.axes).map(([name, { values }]) => [name, Math.max(...values.map(Number))]);
        const grid = await planned(
          textOf({ ...drawn, axes: Object.fromEntries(sizes), zip: [], exclude: [], include: [] }),
        );
        assert.ok(!(grid instanceof Set));
        const keys = keysOf(grid);
        for (const [address, key] of Object.entries(keysOf(plan))) assert.equal(key, keys[address], address);
      }),
      { seed: 31, numRuns: 150 },
    );
    const counts = Object.fromEntries(told);
    assert.deepEqual(Object.keys(counts).sort(), ['missing-key', 'missing-variant', 'no-effect', 'planned']);
    assert.ok((counts.planned ?? 0) > 50, `${asText(counts)}: too few are valid`);
  });

  test('to exclude and then to include is to do nothing', async () => {
    let changed = 0;
    await fc.assert(
      fc.asyncProperty(cases, async ({ exclude: [excluded], ...drawn }) => {
        const axes = Object.keys(excluded ?? {});
        const meet = drawn.stages.some(({ varies }) => axes.every((name) => varies.has(name)));
        const plain = await planned(textOf({ ...drawn, exclude: [], include: [] }));
        if (!excluded || !meet || plain instanceof Set) return;
        const both = await planned(textOf({ ...drawn, exclude: [excluded], include: [excluded] }));
        if (both instanceof Set) {
          assert.ok(both.has('no-effect') || both.has('missing-key'), 'what a zip does not have cannot be dropped');
          return;
        }
        assert.deepEqual(keysOf(both), keysOf(plain));
        changed += 1;
      }),
      { seed: 32, numRuns: 100 },
    );
    assert.ok(changed > 20, `${changed} tried`);
  });
});
