import { engineEntry, engineOf } from '../schemas/engines.ts';
import type { LineageFile } from '../schemas/types/lineage.ts';
import type { Ancestry } from './ancestry.ts';
import { parameterCount } from './architecture.ts';
import type { Setting } from './axes.ts';
import { fieldsOf } from './fields.ts';
import { placementOf } from './nodes.ts';
import type { Placement, PlanNode, Task } from './plan.ts';
import { totalTokens } from './quantities.ts';
import type { Surroundings } from './resolved.ts';
import type { DeclaredStage } from './stages.ts';
import { own } from './tree.ts';

/** A node that trains on text from the beginning of a run to its end. */
export type Run = Extract<PlanNode, { type: 'pretrain' | 'cpt' }>;

/** A point of a run: the task that leaves the model there, what comes after it starts from, and what its table shows. */
export interface Point {
  task: Extract<Task, { type: 'checkpoint' }>;
  ancestry: Ancestry;
  settings: PlanNode['settings'];
}

/**
 * The point of a run that a `checkpoint` stage names: `at` to the nearest step, at least one and fewer than the run has. The
 * task has the run's whole recipe, because the learning rate of each step and the order of the data follow from that.
 * `ancestry` is what starts from the run. Undefined where there is no such point, which is reported.
 */
export function pointOf(
  stage: DeclaredStage,
  setting: Setting,
  run: Run,
  ancestry: Ancestry,
  report: Surroundings['report'],
): Point | undefined {
  const fields = fieldsOf(stage, setting);
  const at = fields.span('at');
  if (run.accepted) {
    const message = `\`${run.address}\` stands on an accepted artifact, of which only the end is known`;
    report(['stages', stage.name, 'checkpoint', 'of'], 'bad-value', message, 'take a run that is trained here');
    return undefined;
  }
  const { recipe } = run;
  const engine = engineOf(recipe);
  if (engine !== undefined) {
    const message = `\`${run.address}\` is trained by ${engineEntry(engine).title}, which leaves its end alone`;
    const hint = 'take a run of the built-in trainer, or train a shorter one';
    report(['stages', stage.name, 'checkpoint', 'of'], 'bad-value', message, hint);
    return undefined;
  }
  const { context } = ancestry.architecture;
  const batchTokens = recipe.batchSequences * context;
  const tokens = at && !('share' in at) ? totalTokens(at, parameterCount(ancestry.architecture)) : undefined;
  const exact = at && 'share' in at ? at.share * recipe.steps : (tokens ?? Number.POSITIVE_INFINITY) / batchTokens;
  const steps = Math.round(exact);
  if (steps < 1 || steps >= recipe.steps) {
    const ends = `\`${run.address}\` ends after ${recipe.steps.toLocaleString('en')} steps of ${batchTokens.toLocaleString('en')} tokens`;
    const [message, hint] =
      steps < 1
        ? [`this is less than half of the first step: ${ends}`, 'name a later point']
        : [`this is not before the run's end: ${ends}`, 'name an earlier point, or evaluate the run itself'];
    report(fields.path('at'), 'bad-value', message, hint);
    return undefined;
  }
  const seen = steps * batchTokens;
  const settings = {
    of: run.address,
    tokens: seen,
    steps,
    runTokens: recipe.steps * batchTokens,
    runSteps: recipe.steps,
    seed: run.seed,
  };
  return {
    task: { type: 'checkpoint', recipe: { run: recipe, steps } },
    ancestry: run.type === 'pretrain' ? { ...ancestry, corpus: { tokens: seen, mixture: recipe.mix } } : ancestry,
    settings,
  };
}

/** Where a checkpoint runs: what its own entry says, else where its run does. */
export function placementOfPoint(file: LineageFile, stage: string, run: Run): Placement {
  return own(file.placement ?? {}, stage) === undefined ? run.placement : placementOf(file, stage);
}
