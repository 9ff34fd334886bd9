import type { PlanNode } from '../../planner/plan.ts';
import type { TrainedOn, TrainerEvent } from '../../schemas/types/event.ts';

/** A figure of a model, made up from its address so that a test can say what must come out. */
export function heldoutLoss(address: string, domain: string): number {
  const stage = ['base', 'mid', 'long', 'tuned', 'rl'].findIndex((name) => address.startsWith(name));
  const replay = Number(/replay=(\d+)/.exec(address)?.[1] ?? 0);
  const seed = Number(/seed=(\d+)/.exec(address)?.[1] ?? 0);
  const forgotten = stage === 0 ? 0 : 0.5 - replay / 100;
  return (domain === 'web' ? 2 + forgotten : 3 - 0.5 * stage) + seed / 100;
}

/** Right answers out of five problems. */
export function rightAnswers(address: string): number {
  return ['base', 'mid', 'long', 'tuned', 'rl'].findIndex((name) => address.startsWith(name));
}

/** All that a trainer would write for a node: steps from `from` on, then done. */
export function makeEvents(
  node: PlanNode,
  { steps = 20, from = null, until = steps }: { steps?: number; from?: number | null; until?: number } = {},
): TrainerEvent[] {
  const events: TrainerEvent[] = [
    { event: 'started', resumedFrom: from, steps, device: 'cpu', engine: 'descent 0.1.0' },
  ];
  if (node.type === 'tokenizer') return [...events, done(0, 0, 'model', { vocab: 512 })];
  if (node.type === 'evaluate') return [...events, ...evaluationEvents(node), done(0, 0, null, {})];
  for (let step = (from ?? 0) + 1; step <= until; step += 1) {
    events.push({
      event: 'metrics',
      step,
      tokens: step * 2048,
      values: { loss: 5 - step / 10, lr: 1e-3, gradientNorm: 1 / step },
      data: dataOf(node, step),
    });
    if (step % 5 === 0)
      events.push({ event: 'checkpoint', step, path: `checkpoints/step-${String(step).padStart(6, '0')}` });
  }
  return until < steps
    ? events
    : [...events, done(steps, steps * 2048, 'model', { parameters: 860_000, unigramEntropy: 4.25 })];
}

/** Two sequences of text a step, or two problems. */
function dataOf({ type }: PlanNode, step: number): TrainedOn {
  const digest = step.toString(16).padStart(16, '0');
  if (type === 'sft' || type === 'rl') return { digest, problems: { math: [`p${step}`, `q${step}`] } };
  return {
    digest,
    documents: {
      web: [
        [3 * step, 3 * step + 1],
        [3 * step + 1, 3 * step + 3],
      ],
    },
  };
}

function done(
  step: number,
  tokens: number,
  model: string | null,
  facts: Record<string, number | string>,
): TrainerEvent {
  return { event: 'done', step, tokens, model, facts };
}

function evaluationEvents(node: PlanNode): TrainerEvent[] {
  const model = node.address.slice(0, node.address.lastIndexOf('/'));
  if (node.type === 'evaluate' && node.recipe.kind === 'heldout') {
    return ['math', 'web', 'all'].map((task) => {
      const value =
        task === 'all' ? (heldoutLoss(model, 'math') + heldoutLoss(model, 'web')) / 2 : heldoutLoss(model, task);
      return {
        event: 'evaluation',
        suite: 'heldout',
        task,
        metric: 'loss',
        value,
        n: 16_000,
        low: value - 0.01,
        high: value + 0.01,
      };
    });
  }
  const right = rightAnswers(model);
  const samples: TrainerEvent[] = Array.from({ length: 5 }, (_, index) => ({
    event: 'sample',
    task: 'math',
    problem: `p${index}`,
    step: 0,
    index: 0,
    prompt: `What is ${index} + 1?`,
    response:
      index < right ? ` ${index} + 1 = ${index + 1}.\nThe answer is ${index + 1}.` : ' I "like", apples | pears',
    answer: index < right ? String(index + 1) : null,
    expected: String(index + 1),
    correct: index < right,
    ...(index < right && { why: `number: ${index + 1} is ${index + 1}` }),
  }));
  const figures: TrainerEvent[] = ['math', 'all'].map((task) => ({
    event: 'evaluation',
    suite: 'id',
    task,
    metric: 'pass@1',
    value: right / 5,
    n: 5,
    low: Math.max(0, right / 5 - 0.2),
    high: Math.min(1, right / 5 + 0.2),
  }));
  return [...samples, ...figures];
}

/** Events as they lie in a file. */
export function asLines(events: readonly TrainerEvent[]): string {
  return events.map((event) => `${JSON.stringify(event)}\n`).join('');
}
