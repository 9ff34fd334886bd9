import { type AxisValue, addressOf } from './axes.ts';
import { listed } from './diagnostic.ts';
import type { Lineage } from './load.ts';
import type { Surroundings } from './resolved.ts';
import { pinnedValues } from './space.ts';
import { type DeclaredStage, parseReference } from './stages.ts';
import type { Expansion, Variant } from './variants.ts';

/** The address of what scores the responses of a model; undefined where nothing does, or where that is not clear, which is reported. */
export type RewardModelOf = (stage: DeclaredStage, variant: Variant) => string | undefined;

/**
 * Finds the reward model that the file's evaluations name: of its variants the one with the values of the model that is
 * evaluated, where the reference pins no others.
 */
export function rewardModels(
  { file }: Lineage,
  { space, stages }: Expansion,
  report: Surroundings['report'],
): RewardModelOf {
  if (file.evaluate?.rewardModel === undefined) return () => undefined;
  const reference = parseReference(file.evaluate.rewardModel);
  const judge = stages.find(({ scope }) => scope.stage.name === reference.stage);
  if (!judge) return () => undefined; // it was told
  const { axes } = judge.scope;
  const pins = pinnedValues(space, axes, reference.pins);
  const there = new Set(judge.variants.map(({ address }) => address));
  return (stage, { address, setting }) => {
    const values = new Map<string, AxisValue>();
    const open: string[] = [];
    for (const { name } of axes) {
      const value = pins.get(name) ?? setting.get(name);
      if (value) values.set(name, value);
      else open.push(name);
    }
    const found = addressOf(reference.stage, values);
    if (open.length === 0 && there.has(found)) return found;
    const message =
      open.length > 0
        ? `\`${reference.stage}\` varies over ${listed(open)}, and \`${stage.name}\`, which it is to score, does not`
        : `\`${found}\`, which is to score \`${address}\`, is not there`;
    const [first] = judge.variants;
    report(
      ['evaluate', 'rewardModel'],
      'missing-variant',
      message,
      first && `pin one of its variants: "${first.address}"`,
    );
    return undefined;
  };
}
