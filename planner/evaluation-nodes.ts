import { askedBy } from './ancestry.ts';
import { defaults } from './defaults.ts';
import type { Evaluation } from './evaluations.ts';
import type { Lineage } from './load.ts';
import type { MakeNode } from './nodes.ts';
import type { Key, PlanNode } from './plan.ts';
import type { Surroundings } from './resolved.ts';
import type { Start } from './starts.ts';

/** Whether a reward model has something to score in an evaluation. */
export function isScored({ recipe }: Evaluation): boolean {
  return recipe.kind === 'problems';
}

/** The node of an evaluation of a model, whose responses `judge` scores where there is one. What does not fit is reported. */
export function evaluationNode(
  { file }: Lineage,
  { address, stage, axes, placement, architecture }: PlanNode,
  { ancestry, parents }: Start,
  judge: Start | undefined,
  { suite, recipe, settings }: Evaluation,
  around: Surroundings,
  makeNode: MakeNode,
): PlanNode {
  if (recipe.kind === 'problems' && architecture && recipe.maxResponse >= architecture.context) {
    const message = `a response of ${recipe.maxResponse} tokens leaves no room for a prompt in the context of ${architecture.context} of \`${stage}\``;
    around.report(
      ['evaluate', ...(file.evaluate?.maxResponse === undefined ? [] : ['maxResponse'])],
      'bad-value',
      message,
      'lower `maxResponse`, or give the model a longer `context`',
    );
  }
  const { template } = askedBy(ancestry.template);
  const rewardTemplate = judge && askedBy(judge.ancestry.template).template;
  const asked =
    // The recipe itself where nothing is added: what is known of it is known by the object.
    recipe.kind === 'problems' && (template || rewardTemplate)
      ? { ...recipe, ...(template && { template }), ...(rewardTemplate && { rewardTemplate }) }
      : recipe;
  return makeNode(
    { type: 'evaluate', recipe: asked },
    {
      address: `${address}/${suite}`,
      stage,
      axes,
      seed: file.evaluate?.seed ?? defaults.evaluate.seed,
      parents: judge ? { ...parents, rewardModel: judge.parents.parent as Key } : parents,
      placement,
      architecture,
      ...(judge && { judge: judge.ancestry.architecture }),
      settings,
    },
  );
}
