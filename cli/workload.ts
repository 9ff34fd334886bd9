import type { PlanNode } from '../planner/plan.ts';
import type { Verdict } from '../planner/verdict.ts';
import { amount, counted, whole } from './render/figures.ts';

/** How much there is to do in one node, as far as its recipe says it. */
export interface Work {
  /** Optimizer steps; null where the trainer derives them from examples, or where there are none. */
  steps: number | null;
  /** Tokens trained on; null where that depends on the text of the examples, or where nothing is trained. */
  tokens: number | null;
  /** In words: `391 steps · 801K tokens`, `4,000 examples`, `200 problems x (1 + 4)`. */
  text: string;
}

/** What a node's recipe says of its size, less the steps that are done. Pure; every node of a plan has an answer. */
export function workOf(node: PlanNode, done = 0): Work {
  switch (node.type) {
    case 'data':
      return words(
        'hub' in node.recipe
          ? `${node.recipe.patterns.join(' + ')} of ${node.recipe.hub}`
          : counted(node.files.length, 'file'),
      );
    case 'tokenizer':
      return words(tokenizerWork(node.recipe));
    case 'pretrain':
    case 'cpt':
    case 'trunk': {
      const { batchSequences } = node.recipe;
      const steps = node.recipe.steps - Math.max(done, node.startsAt ?? 0);
      const tokens = steps * batchSequences * (node.architecture?.context ?? 0);
      return { steps, tokens, text: `${counted(steps, 'step')} · ${amount(tokens)} tokens` };
    }
    case 'sft':
      return words(`${whole(node.recipe.examples)} examples${passes(node.recipe.epochs)}`);
    case 'rl':
      return words(`${whole(node.recipe.examples)} prompts${passes(node.recipe.epochs)}`);
    case 'evaluate':
      return words(evaluationWork(node.recipe));
    default:
      return node satisfies never;
  }
}

/** The steps that what a verdict goes on from has behind it; 0 where the node starts from its beginning. */
export function stepsDone({ reason }: Verdict): number {
  return reason.kind === 'checkpoint' ? reason.step : 0;
}

/** What is left to do of a list of nodes, by their verdicts. */
export function totalWork(
  nodes: readonly PlanNode[],
  verdictOf: (node: PlanNode) => Verdict,
): { steps: number; tokens: number } {
  let steps = 0;
  let tokens = 0;
  for (const node of nodes) {
    const work = workOf(node, stepsDone(verdictOf(node)));
    steps += work.steps ?? 0;
    tokens += work.tokens ?? 0;
  }
  return { steps, tokens };
}

function tokenizerWork(recipe: Extract<PlanNode, { type: 'tokenizer' }>['recipe']): string {
  if (recipe.kind === 'hub') return `of ${recipe.hub}`;
  return recipe.kind === 'bpe' ? `${amount(recipe.characters)} characters` : '';
}

function evaluationWork(recipe: Extract<PlanNode, { type: 'evaluate' }>['recipe']): string {
  if (recipe.kind === 'heldout') return `${amount(recipe.tokens)} tokens${times(recipe.domains.length, 'domain')}`;
  const responses = recipe.samples === 0 ? '' : ` x ${1 + recipe.samples} responses`;
  return `${whole(recipe.problems)} problems${times(recipe.tasks.length, 'task')}${responses}`;
}

function words(text: string): Work {
  return { steps: null, tokens: null, text };
}

function passes(epochs: number): string {
  return epochs === 1 ? '' : ` x ${counted(epochs, 'epoch')}`;
}

function times(count: number, noun: string): string {
  return count === 1 ? '' : ` x ${counted(count, noun)}`;
}
