/** A lineage with takeaways and made-up answers of its models, so that a test can say what must be found. */
import type { Plan, PlanNode } from '../../planner/plan.ts';
import type { TrainerEvent } from '../../schemas/types/event.ts';
import { random } from '../../trainer/random.ts';
import { asLines, makeEvents } from './events.ts';
import { ingestPlan, leaveEvents } from './run.ts';

/** A lineage file: four shares of replay, some seeds, and takeaways. */
export function claimsFile(takeaways: string, { seeds = [1, 2, 3, 4], tokens = '20K' } = {}): string {
  return `lineage: claims
models: {nano: {layers: 2, hidden: 32, heads: 4, ffn: 64, context: 64}}
data:
  web: {generator: stories}
  math: {generator: arithmetic}
stages:
  base: {pretrain: {model: nano, data: web, tokens: 40K}}
  mid: {cpt: {from: base, tokens: ${tokens}, batch: 512, mix: {math: 1, replay: "{replay}"}}}
  tuned: {sft: {from: mid, data: math, examples: 100}}
axes:
  replay: [0%, 5%, 20%, 40%]
  seed: {replicate: [${seeds.join(', ')}]}
evaluate: {each: [tuned], suites: [heldout, id], samples: 4}
takeaways:
${takeaways}
`;
}

/** The chance that a model solves a problem: of its address. */
export type Skill = (address: string) => number;

const problems = 80;

/**
 * Records a plan as if its evaluations had been run, or those of its nodes: every model answers 80 problems, greedily, and right with the chance that its skill
 * says, plus what the problem and the seed make of it.
 */
export async function recordAnswers(
  home: string,
  plan: Plan,
  skill: Skill,
  nodes = plan.nodes.filter(({ type }) => type === 'evaluate'),
): Promise<void> {
  const inputs = [];
  for (const node of nodes) inputs.push(await leaveEvents(home, node, asLines(eventsOf(node, skill))));
  await ingestPlan(home, plan, inputs);
}

function eventsOf(node: PlanNode, skill: Skill): TrainerEvent[] {
  if (node.type !== 'evaluate' || node.recipe.kind !== 'problems') return makeEvents(node);
  const [started, ...others] = makeEvents(node).filter(({ event }) => event === 'started' || event === 'done');
  const model = node.address.slice(0, node.address.lastIndexOf('/'));
  const right = Array.from({ length: problems }, (_, problem) => {
    const hardness = 0.3 * (random(1, 'problem', problem).uniform() - 0.5);
    return random(1, 'answer', model, problem).uniform() < skill(model) + hardness;
  });
  const value = right.filter(Boolean).length / problems;
  const samples = right.map(
    (correct, problem): TrainerEvent => ({
      event: 'sample',
      task: 'math',
      problem: `p${problem}`,
      step: 0,
      index: 0,
      prompt: 'What is 1 + 1?',
      response: correct ? '2' : '3',
      answer: correct ? '2' : '3',
      expected: '2',
      correct,
    }),
  );
  const figure = { event: 'evaluation' as const, suite: 'id', task: 'math', value, n: problems };
  const interval = { low: value - 0.1, high: value + 0.1 };
  // Every sampled response would be as the greedy one.
  const figures = ['pass@1', 'pass@4', 'maj@4'].map((metric): TrainerEvent => ({ ...figure, metric, ...interval }));
  return [started as TrainerEvent, ...samples, ...figures, ...others];
}
