import { deepEqual, equal, match } from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import picocolors from 'picocolors';
import { catchUp } from '../../cli/catch-up.ts';
import { renderSummary } from '../../cli/render/summary.ts';
import type { Plan } from '../../planner/plan.ts';
import { judge } from '../../planner/verdict.ts';
import { withDatabase } from '../../results/database.ts';
import { runQuery } from '../../results/query.ts';
import { answerOf } from '../../results/verdicts/ask.ts';
import { nodesInspector } from '../../store/artifact.ts';
import { writePlan } from '../../store/plans.ts';
import { type Outcome, readOutcome } from '../../words/outcome.ts';
import { differsClearly, mainFigures, summarize } from '../../words/summary.ts';
import { golden, temporaryFolder } from '../cli/support.ts';
import { asLines, makeEvents } from '../results/events.ts';
import { makePlan } from '../results/lineage.ts';
import { runLineage, runNode } from '../results/run.ts';

async function outcomeOf(home: string, plan: Plan, digest: string): Promise<Outcome> {
  const { gathered, ...told } = await withDatabase(home, 'read', (connection) => readOutcome(connection, plan, digest));
  return { ...told, takeaways: answerOf(gathered).verdicts };
}

test('whether two proportions differ, by the interval of the difference', () => {
  // Wilson intervals of 56/70 and 48/80; Newcombe (1998) gives 0.0524 to 0.3339 for the difference: clear.
  const a = { value: 0.8, low: 0.6921, high: 0.8769 };
  const b = { value: 0.6, low: 0.4904, high: 0.7004 };
  equal(differsClearly(a, b), true);
  equal(differsClearly(b, a), true);
  equal(differsClearly(a, a), false);
  // Intervals that overlap may still differ clearly; halving the gap does not.
  equal(differsClearly({ value: 0.7, low: 0.5921, high: 0.7769 }, b), false);
});

test('the summary of a lineage: a row a model, changes from the stage before, sentences', async (t) => {
  const home = join(await temporaryFolder(t), '.descent');
  const plan = makePlan({ seeds: [1] });
  const digest = await runLineage(home, plan);
  const { stages, findings } = await outcomeOf(home, plan, digest);
  deepEqual(
    stages.map(({ address, parent }) => [address, parent]),
    [
      ['base@seed=1', null],
      ['mid@replay=0%,seed=1', 'base@seed=1'],
      ['tuned@replay=0%,seed=1', 'mid@replay=0%,seed=1'],
      ['rl@replay=0%,seed=1', 'tuned@replay=0%,seed=1'],
      ['mid@replay=20%,seed=1', 'base@seed=1'],
      ['tuned@replay=20%,seed=1', 'mid@replay=20%,seed=1'],
      ['rl@replay=20%,seed=1', 'tuned@replay=20%,seed=1'],
    ],
  );
  const web = stages[1]?.measures.find(({ task }) => task === 'web');
  deepEqual([web?.value, web?.change?.toFixed(3), web?.clear], [2.51, '0.500', true]);
  const text = `${renderSummary(stages, picocolors.createColors(false))}\n\n${findings.join('\n')}\n`;
  equal(text, await golden('summary.txt', text));
});

test('of what a reward model scored, RM@k of the most responses stands beside Pass@k', () => {
  const figures = ['maj@4', 'orm', 'pass@1', 'pass@1(sampled)', 'pass@2', 'pass@4', 'rewardAuc', 'rm@2', 'rm@4'].map(
    (metric) => ({ suite: 'id', task: 'math', metric, value: 0.5, low: 0.4, high: 0.6, n: 9 }),
  );
  deepEqual(
    mainFigures(figures).map(({ metric }) => metric),
    ['pass@1', 'pass@4', 'rm@4'],
  );
  const measures = mainFigures(figures).map((figure) => ({ ...figure, change: null, clear: false }));
  const text = renderSummary([{ address: 'tuned', parent: null, marks: [], measures }], picocolors.createColors(false));
  match(text, /id math rm@4[\s\S]*RM@k: the same of the response that the reward model likes best among k\.$/);
});

test('a stage whose parent is not evaluated is compared with the nearest model before it that is', () => {
  const plan = makePlan({ seeds: [1], replay: ['0%'], long: true });
  const keys = new Map(plan.nodes.map(({ address, key }) => [address, key]));
  const loss = (address: string, value: number) => ({
    key: keys.get(address) ?? '',
    suite: 'heldout',
    task: 'web',
    metric: 'loss',
    value,
    low: value - 0.1,
    high: value + 0.1,
    n: 100,
  });
  const stages = summarize(plan, [loss('base@seed=1', 3), loss('tuned@replay=0%,seed=1', 2.9)]);
  deepEqual(
    stages.map(({ address, parent }) => [address, parent]),
    [
      ['base@seed=1', null],
      ['tuned@replay=0%,seed=1', 'base@seed=1'],
    ],
  );
  equal(stages[1]?.measures[0]?.clear, false);
});

test('a model with two addresses is measured once for each, and told of once', async (t) => {
  const home = join(await temporaryFolder(t), '.descent');
  const plan = makePlan({ seeds: [1], replay: ['0%'] });
  const twins = plan.nodes
    .filter(({ address }) => /^(base|mid|tuned)@/.test(address))
    .map((node) => ({ ...node, stage: `${node.stage}2`, address: node.address.replace('@', '2@') }));
  const both = { ...plan, nodes: [...plan.nodes, ...twins] };
  const { stages, findings } = await outcomeOf(home, both, await runLineage(home, both));
  const alone = await outcomeOf(home, plan, await runLineage(home, plan));
  const measuresOf = (address: string, of = stages) => of.find((stage) => stage.address === address)?.measures;
  for (const [one, other] of [
    ['base@seed=1', 'base2@seed=1'],
    ['mid@replay=0%,seed=1', 'mid2@replay=0%,seed=1'],
  ] as const) {
    deepEqual(measuresOf(one), measuresOf(one, alone.stages));
    deepEqual(measuresOf(other), measuresOf(one));
  }
  const told = (of: readonly string[]) => of.filter((sentence) => !/^\w+2@/.test(sentence));
  deepEqual(told(findings), alone.findings);
});

test('results that lack what the store has are brought up to date', async (t) => {
  const home = join(await temporaryFolder(t), '.descent');
  const plan = makePlan({ seeds: [1], replay: ['0%'] });
  const digest = await writePlan(home, plan);
  for (const node of plan.nodes) await runNode(home, node);
  await catchUp(home, plan, digest, judge(plan, nodesInspector(home)));
  await catchUp(home, plan, digest, judge(plan, nodesInspector(home)));
  const { stages, findings } = await outcomeOf(home, plan, digest);
  equal(stages.length, 4);
  match(
    findings[0] ?? '',
    /^base@seed=1: training loss ended at 3\.050 nats a token \(mean of the last 2 steps\), 1\.200 below the 4\.250 of /,
  );
});

test('text that was gone through more than four times is told, problems are not', async (t) => {
  const home = join(await temporaryFolder(t), '.descent');
  const plan = makePlan({ seeds: [1], replay: ['0%'] });
  const digest = await writePlan(home, plan);
  const counts: Record<string, number> = { base: 81.25, mid: 4, tuned: 8 };
  for (const node of plan.nodes) {
    const epochs = counts[node.stage];
    const events = makeEvents(node).map((event) =>
      event.event === 'done' && epochs !== undefined && node.type !== 'evaluate'
        ? { ...event, facts: { ...event.facts, 'epochs.mine': epochs } }
        : event,
    );
    await runNode(home, node, asLines(events));
  }
  await catchUp(home, plan, digest, judge(plan, nodesInspector(home)));
  const { findings } = await outcomeOf(home, plan, digest);
  deepEqual(
    findings.filter((finding) => finding.includes('times through')),
    [
      'base@seed=1: went 81.3 times through mine; after 4 passes text teaches little that is new, so more data or fewer tokens would be better.',
    ],
  );
});

test('examples of SFT that the context cuts are told, with how many there are', async (t) => {
  const home = join(await temporaryFolder(t), '.descent');
  const plan = makePlan({ seeds: [1, 2], replay: ['0%'] });
  const digest = await writePlan(home, plan);
  for (const node of plan.nodes) {
    const cut = node.address.includes('seed=1') ? 25 : 0;
    const events = makeEvents(node).map((event) =>
      event.event === 'done' && node.type === 'sft'
        ? { ...event, facts: { ...event.facts, examples: 32, truncatedExamples: cut } }
        : event,
    );
    await runNode(home, node, asLines(events));
  }
  await catchUp(home, plan, digest, judge(plan, nodesInspector(home)));
  const { findings } = await outcomeOf(home, plan, digest);
  const tuned = plan.nodes.find(({ address }) => address === 'tuned@replay=0%,seed=1');
  deepEqual(
    findings.filter((finding) => finding.includes('prompt')),
    [
      `tuned@replay=0%,seed=1: 25 of 32 examples lost the beginning of their prompt, because the context of ${tuned?.architecture?.context} tokens does not hold them whole.`,
    ],
  );
});

test('of what was learned from pairs it is told how it was judged, and how many responses were cut', async (t) => {
  const home = join(await temporaryFolder(t), '.descent');
  const plan = makePlan({ seeds: [1, 2], replay: ['0%'] });
  const digest = await writePlan(home, plan);
  for (const node of plan.nodes) {
    const heldoutPairs = node.address.includes('seed=1') ? 40 : 0;
    const judged =
      heldoutPairs === 0 ? {} : { heldoutAccuracy: 0.9, heldoutAccuracyLow: 0.77, heldoutAccuracyHigh: 0.96 };
    const facts = { pairs: 32, truncatedResponses: heldoutPairs === 0 ? 0 : 3, heldoutPairs, ...judged };
    const events = makeEvents(node).map((event) =>
      event.event === 'done' && node.stage === 'tuned' && node.type === 'sft' ? { ...event, facts } : event,
    );
    await runNode(home, node, asLines(events));
  }
  await catchUp(home, plan, digest, judge(plan, nodesInspector(home)));
  const { findings } = await outcomeOf(home, plan, digest);
  const tuned = 'tuned@replay=0%,seed=1';
  const context = plan.nodes.find(({ address }) => address === tuned)?.architecture?.context;
  deepEqual(
    findings.filter((finding) => finding.includes('prompt') || finding.includes('prefers')),
    [
      `${tuned}: 3 of 64 responses lost the beginning of their prompt, because the context of ${context} tokens does not hold them whole.`,
      `${tuned}: prefers the chosen response in 90.0 % of 40 held-out pairs (77.0 % to 96.0 %).`,
    ],
  );
});

test('an RL that collapsed is told, and is a column of SQL', async (t) => {
  const home = join(await temporaryFolder(t), '.descent');
  const plan = makePlan({ seeds: [1, 2], replay: ['0%'] });
  const digest = await writePlan(home, plan);
  for (const node of plan.nodes) {
    const collapsed = node.address.includes('seed=1') ? { collapsedAt: 20, collapse: 'dead-reward' } : {};
    const events = makeEvents(node).map((event) =>
      event.event === 'done' && node.type === 'rl' ? { ...event, facts: { ...event.facts, ...collapsed } } : event,
    );
    await runNode(home, node, asLines(events));
  }
  await catchUp(home, plan, digest, judge(plan, nodesInspector(home)));
  const { findings } = await outcomeOf(home, plan, digest);
  deepEqual(
    findings.filter((finding) => finding.includes('collapsed')),
    [
      'rl@replay=0%,seed=1: collapsed, which shows at step 20 (dead-reward): its figures are those of a model that no longer learned.',
    ],
  );
  const { rows } = await runQuery(
    home,
    `SELECT seed, fact_collapsed_at, fact_collapse FROM lineage_wide WHERE stage = 'rl' ORDER BY seed`,
  );
  deepEqual(
    rows.map((row) => row.map((value) => (value === null ? null : String(value)))),
    [
      ['1', '20', 'dead-reward'],
      ['2', null, null],
    ],
  );
});
