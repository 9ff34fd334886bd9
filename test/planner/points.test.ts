import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { changesBetween } from '../../planner/compare.ts';
import { marksOf } from '../../planner/marks.ts';
import type { Key, Plan, PlanNode } from '../../planner/plan.ts';
import { priceOf } from '../../planner/price.ts';
import { judge } from '../../planner/verdict.ts';
import { keysOf, lineage, nodeAt, planningOf, planOfText } from './plans.ts';

const why = 'allowUndecayed: what the missing decay costs is the question';
const pretrain = (tokens: string, others = '') => `{model: nano, data: web, batch: 512, tokens: ${tokens}${others}}`;
const wsd = ', schedule: wsd, warmup: 5K';

/** A run of 80K tokens, 156 steps, and checkpoints of it, by name and point; nothing else. */
function withPoints(points: Readonly<Record<string, string>>, others = '', more = ''): string {
  const stages = Object.entries(points).map(([name, at]) => `\n  ${name}: {checkpoint: {of: base, at: ${at}}}`);
  return `lineage: test
models: {nano: {layers: 2, hidden: 16, heads: 2, ffn: 32, context: 64}}
data: {web: {generator: stories}, math: {generator: arithmetic}}
stages:
  base: {pretrain: ${pretrain('80K', others)}}${stages.join('')}${more}
`;
}

/** The steps of a node and of all that it goes on from, with where each begins. */
function chain(plan: Plan, node: PlanNode): [steps: number, startsAt: number][] {
  const byKey = new Map(plan.nodes.map((one) => [one.key, one]));
  const all: [number, number][] = [];
  for (let next: PlanNode | undefined = node; next; next = byKey.get(next.parents.trunk as Key))
    all.unshift(['steps' in next.recipe ? next.recipe.steps : Number.NaN, next.startsAt ?? 0]);
  return all;
}

describe('a checkpoint is the beginning of its run', () => {
  test('its evaluations that a reward model scores come after that', async () => {
    const { nodes } = await planOfText(
      withPoints(
        { half: '50%' },
        '',
        `
  tuned: {sft: {from: base, data: math/problems, examples: 100}}
  answers: {generate: {from: tuned, data: math/problems, problems: 10, samples: 2}}
  pairs: {build: {pairs: 1, data: answers}}
  judge: {reward: {from: tuned, data: pairs, examples: 4}}
evaluate: {each: all, suites: [heldout, id], rewardModel: judge}`,
      ),
    );
    const place = (address: string) => nodes.findIndex((node) => node.address === address);
    assert.ok(place('half/heldout') < place('base') && place('half/id') > place('judge'));
    for (const [at, { parents }] of nodes.entries())
      for (const key of Object.values(parents)) assert.ok(nodes.findIndex((node) => node.key === key) < at);
  });

  test('it takes the first steps of it, and the run goes on from the last: nothing is trained twice', async () => {
    const plan = await planOfText(withPoints({ half: '50%', early: '20K' }));
    const [early, half, base] = ['early', 'half', 'base'].map((address) => nodeAt(plan, address)) as [
      PlanNode,
      PlanNode,
      PlanNode,
    ];
    assert.deepEqual(chain(plan, base), [
      [39, 0],
      [78, 39],
      [156, 78],
    ]);
    assert.deepEqual(
      plan.nodes.map(({ address }) => address),
      ['tokenizer:bytes', 'early', 'half', 'base'],
    );
    const [alone] = (await planOfText(withPoints({}))).nodes.filter(({ address }) => address === 'base');
    const flops = (node: PlanNode) => priceOf(node).flops.training;
    assert.equal(flops(early) + flops(half) + flops(base), flops(alone as PlanNode));
    assert.deepEqual(early.settings, {
      of: 'base',
      tokens: 39 * 512,
      steps: 39,
      runTokens: 156 * 512,
      runSteps: 156,
      seed: 0,
    });
  });

  test('it is in no key but its own and those of what starts from it', async () => {
    const without = keysOf(await planOfText(withPoints({})));
    const one = keysOf(await planOfText(withPoints({ half: '50%' })));
    const two = keysOf(await planOfText(withPoints({ early: '20K', half: '50%' })));
    assert.equal(one.base, without.base);
    assert.equal(two.base, without.base);
    assert.equal(two.half, one.half);
    assert.notEqual(two.early, two.half);
    const other = keysOf(await planOfText(withPoints({ half: '50%' }, ', lr: 1e-3')));
    assert.notEqual(other.half, one.half);
    const constant = keysOf(await planOfText(withPoints({ half: '50%' }, ', minLr: 1e-4')));
    assert.notEqual(constant.half, one.half);
  });

  test('under wsd it is before the decay, at its begin or in it, in one chain with the trunk', async () => {
    // 156 steps, of which the last 16 decay: the trunk is 140.
    for (const [at, expected] of [
      [
        '64',
        [
          [64, 0],
          [140, 64],
          [156, 140],
        ],
      ],
      [
        '140',
        [
          [140, 0],
          [156, 140],
        ],
      ],
      [
        '150',
        [
          [140, 0],
          [150, 140],
          [156, 150],
        ],
      ],
    ] as const) {
      const plan = await planOfText(withPoints({ point: `${Number(at) * 512}` }, wsd));
      assert.deepEqual(chain(plan, nodeAt(plan, 'base')), expected, at);
      const point = nodeAt(plan, 'point');
      assert.equal(point.type === 'checkpoint' && point.recipe.steps, Number(at));
    }
    const plan = await planOfText(withPoints({ point: `${140 * 512}` }, wsd));
    const point = nodeAt(plan, 'point');
    assert.equal(point.startsAt, 140);
    assert.equal(priceOf(point).steps, 0);
  });

  test('runs of several budgets under wsd share one before the decay, and none in it', async () => {
    const text = (at: number) => `${withPoints({}, wsd)}  long: {pretrain: ${pretrain('160K', wsd)}}
  point: {checkpoint: {of: base, at: ${at * 512}}}
`;
    const shared = await planOfText(text(64));
    for (const run of ['base', 'long']) assert.deepEqual(chain(shared, nodeAt(shared, run))[0], [64, 0]);
    const own = await planOfText(text(150));
    assert.deepEqual(chain(own, nodeAt(own, 'long')), [
      [140, 0],
      [282, 140],
      [313, 282],
    ]);
    assert.deepEqual(chain(own, nodeAt(own, 'base')).at(-1), [156, 150]);
  });

  test('whatever points there are, in whatever order, the run has its key and its steps once, and parents come first', async () => {
    const alone = new Map<string, Key>();
    for (const schedule of ['', ', schedule: constant', wsd])
      alone.set(schedule, nodeAt(await planOfText(withPoints({}, schedule)), 'base').key);
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...alone.keys()),
        fc.uniqueArray(fc.integer({ min: 1, max: 155 }), { minLength: 1, maxLength: 5 }),
        async (schedule, steps) => {
          const points = Object.fromEntries(steps.map((at) => [`p${at}`, `${at * 512}`]));
          const plan = await planOfText(withPoints(points, schedule));
          const base = nodeAt(plan, 'base');
          assert.equal(base.key, alone.get(schedule));
          const all = plan.nodes.filter((node) => node.type !== 'tokenizer');
          assert.equal(
            all.reduce((sum, node) => sum + priceOf(node).steps, 0),
            156,
          );
          const seen = new Set<Key>();
          for (const node of plan.nodes) {
            for (const parent of Object.values(node.parents)) assert.ok(seen.has(parent), node.address);
            seen.add(node.key);
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  test('of a run that varies there is one for each variant, and an axis may say the point', async () => {
    const plan = await planOfText(
      `${withPoints({ point: '"{at}"' }).replace('{model', '{lr: "{lr}", model')}axes: {lr: [1e-3, 2e-3], at: [25%, 40K]}\n`,
    );
    const points = plan.nodes.filter(({ type }) => type === 'checkpoint');
    assert.deepEqual(
      points.map(({ address }) => address),
      ['point@lr=1e-3,at=25%', 'point@lr=1e-3,at=40K', 'point@lr=2e-3,at=25%', 'point@lr=2e-3,at=40K'],
    );
    assert.equal(new Set(points.map(({ key }) => key)).size, 4);
    const seeds = await planOfText(
      `${withPoints({ point: '50%' })}axes: {seed: {replicate: [1, 2]}}\n`.replace('of: base', 'of: base@seed=2'),
    );
    assert.equal(nodeAt(seeds, 'point').seed, 2);
  });

  test('asked for once the run is done, its steps run again', async () => {
    const plan = await planOfText(withPoints({ half: '50%' }));
    const base = nodeAt(plan, 'base');
    const done = { state: 'done', attempt: 1, finishedAt: '2026-11-29T00:00:00Z' } as const;
    const verdicts = judge(plan, (key) => (key === base.key ? done : { state: 'none' }));
    assert.equal(verdicts.get(base.key)?.verdict, 'reuse');
    assert.equal(verdicts.get(nodeAt(plan, 'half').key)?.verdict, 'run');
  });

  test('what changed of it is told in the words of its run and its own', async () => {
    const change = async (before: string, after: string) => {
      const [old, now] = [await planOfText(before), await planOfText(after)];
      return changesBetween({ plan: old, node: nodeAt(old, 'half') }, { plan: now, node: nodeAt(now, 'half') }).map(
        ({ field, before, after }) => [field, before, after],
      );
    };
    const usual = withPoints({ half: '50%' });
    assert.deepEqual(await change(usual, withPoints({ half: '25%' })), [['at', '50%', '25%']]);
    assert.deepEqual(await change(usual, withPoints({ half: '50%' }, ', lr: 1e-3')), [['lr', 0.003, 0.001]]);
  });
});

describe('what a checkpoint cannot be', () => {
  const refused = async (text: string): Promise<string[]> => {
    const planned = await planningOf(text);
    return planned.ok ? [] : planned.diagnostics.map(({ code, message }) => `${code}: ${message}`);
  };
  test('after the end of its run, or before its first step', async () => {
    const ends = '`base` ends after 156 steps of 512 tokens';
    assert.deepEqual(await refused(withPoints({ point: '80K' })), [
      `bad-value: this is not before the run's end: ${ends}`,
    ]);
    assert.deepEqual(await refused(withPoints({ point: '100' })), [
      `bad-value: this is less than half of the first step: ${ends}`,
    ]);
  });
  test('of a stage that trains on no text', async () => {
    const text = withPoints({}, '', '\n  tuned: {sft: {from: base, data: math/problems, examples: 8}}');
    assert.deepEqual(await refused(`${text}  point: {checkpoint: {of: tuned, at: 50%}}\n`), [
      'bad-value: `point` is a checkpoint of `tuned`, which is sft: pretrain and cpt runs have them',
    ]);
  });
  test('a parent, unless the stage says why', async () => {
    const tuned = (said: string) => `\n  tuned: {sft: {from: half, data: math/problems, examples: 8${said}}}`;
    assert.deepEqual(await refused(withPoints({ half: '50%' }, '', tuned(''))), [
      'undecayed-parent: `tuned` starts from `half`, which is a checkpoint, 78 of 156 steps of a run: its learning rate has not decayed to the end',
    ]);
    assert.deepEqual(await refused(withPoints({ half: '50%' }, '', tuned(`, ${why}`))), []);
  });
});

describe('marks', () => {
  const marked = (plan: Plan) => Object.fromEntries(marksOf(plan.nodes));

  test('a checkpoint and a constant schedule are undecayed, and so is all that comes of them by its ancestor', async () => {
    const text = `${withPoints({ half: '50%' })}  flat: {pretrain: ${pretrain('20K', ', schedule: constant')}}
  tuned: {sft: {from: half, ${why}, data: math/problems, examples: 8}}
  rl: {rl: {from: tuned, data: math/problems, examples: 8, batch: 8}}
evaluate: {each: [base, half, rl], suites: [heldout]}
`;
    assert.deepEqual(marked(await planOfText(text)), {
      half: ['undecayed'],
      'half/heldout': ['undecayed'],
      flat: ['undecayed'],
      tuned: ['undecayed ancestor'],
      rl: ['undecayed ancestor'],
      'rl/heldout': ['undecayed ancestor'],
    });
  });

  test('a stage that may overlap, its certificate, and what comes of it', async () => {
    const plan = await planOfText(
      lineage({
        tuned: '{from: mid, data: math/problems, examples: 64, allowOverlap: to see what a leak is worth}',
        evaluate: '{each: [rl], suites: [id]}',
      }),
    );
    assert.deepEqual(marked(plan), {
      'overlap:tuned': ['overlap allowed'],
      tuned: ['overlap allowed'],
      rl: ['overlap allowed in ancestor'],
      'rl/id': ['overlap allowed in ancestor'],
    });
  });

  test('a takeaway that compares such models is warned of', async () => {
    const text = `${withPoints({ half: '50%' })}  short: {pretrain: ${pretrain('40K')}}
evaluate: {each: [short, half], suites: [heldout]}
takeaways: [{claim: it is the same, contrast: {of: short, over: half, also: [half]}, metric: heldout.web.loss}]
`;
    const planned = await planningOf(text);
    assert.ok(planned.ok);
    assert.deepEqual(
      planned.warnings.filter(({ code }) => code === 'marked-arm').map(({ message }) => message),
      ['of what is compared, `half` is marked: undecayed'],
    );
  });
});
