import type { Plan, PlanNode } from '../planner/plan.ts';
import { groupBy } from '../results/group-by.ts';
import { counted, nats, percent, whole } from './figures.ts';
import { differsClearly, type Measure, type StageSummary } from './summary.ts';

/** What training itself left of a pretrained model. */
export interface Pretraining {
  key: string;
  /** Mean training loss of the last tenth of the steps, in nats a token. */
  loss: number;
  /** How many steps those are. */
  steps: number;
  /** Entropy of the data's token frequencies, in nats a token: what a model that ignores context reaches at best. */
  unigramEntropy: number;
}

/** A data set that a stage of text went through again and again. */
export interface Repetition {
  address: string;
  data: string;
  /** Passes through it. */
  epochs: number;
}

/** What a stage left out of its examples, or of the responses of its pairs. */
export interface Truncation {
  key: string;
  unit: 'example' | 'response';
  /** How many there are. */
  examples: number;
  /** Those of them that the context does not hold with their prompt. */
  truncated: number;
}

/** How often a stage that learned from pairs prefers the chosen response in those that were held out. */
export interface Preference {
  key: string;
  pairs: number;
  /** Share of them, with its 95 % interval. */
  accuracy: number;
  low: number;
  high: number;
}

/** An RL that collapsed. */
export interface CollapsedTraining {
  address: string;
  /** The step at whose end that showed. */
  at: number;
  /** How: `runaway-length`, `dead-reward`, `no-signal`. */
  kind: string;
}

/** What the trainers said of the data and the losses of a plan's nodes. */
export interface Trained {
  pretrainings: readonly Pretraining[];
  repetitions: readonly Repetition[];
  truncations: readonly Truncation[];
  preferences: readonly Preference[];
  collapses: readonly CollapsedTraining[];
}

/**
 * Up to so many passes through a text are worth nearly as much as new text, and more soon teach nothing: Muennighoff et al.
 * 2023, arXiv 2305.16264.
 */
export const mostEpochs = 4;

/**
 * What the figures show, in plain sentences: how far pretraining came, which text was repeated too often, which examples
 * were cut, what was learned from pairs, which RL collapsed, what each later stage did to its parent.
 */
export function findings(
  plan: Plan,
  stages: readonly StageSummary[],
  { pretrainings, repetitions, truncations, preferences, collapses }: Trained,
): string[] {
  const types = new Map(plan.nodes.map((node) => [node.address, node.type]));
  const typeOf = (stage: StageSummary) => types.get(stage.address);
  const byAddress = new Map(stages.map((stage) => [stage.address, stage]));
  const nodeOf = ({ key }: { key: string }) => plan.nodes.filter((node) => node.key === key).slice(0, 1);
  return [
    ...pretrainings.flatMap((one) => nodeOf(one).map(({ address }) => pretrainingFinding(address, one))),
    ...repetitions.map(repetitionFinding),
    ...truncations.flatMap((one) => nodeOf(one).map((node) => truncationFinding(node, one))),
    ...preferences.flatMap((one) => nodeOf(one).map(({ address }) => preferenceFinding(address, one))),
    ...collapses.map(collapseFinding),
    ...stages.filter((stage) => typeOf(stage) === 'cpt').flatMap(lossFindings),
    ...replayFindings(plan, byAddress),
    ...stages.filter((stage) => ['sft', 'dpo', 'rl'].includes(typeOf(stage) ?? '')).flatMap(passFindings),
  ];
}

function pretrainingFinding(address: string, { loss, steps, unigramEntropy }: Pretraining): string {
  const side = loss < unigramEntropy ? 'below' : 'above';
  const gap = nats(Math.abs(unigramEntropy - loss));
  return `${address}: training loss ended at ${nats(loss)} nats a token (mean of the last ${counted(steps, 'step')}), ${gap} ${side} the ${nats(unigramEntropy)} of token frequencies alone.`;
}

function repetitionFinding({ address, data, epochs }: Repetition): string {
  return `${address}: went ${epochs.toFixed(1)} times through ${data}; after ${mostEpochs} passes text teaches little that is new, so more data or fewer tokens would be better.`;
}

function truncationFinding({ address, architecture }: PlanNode, { unit, examples, truncated }: Truncation): string {
  const context = architecture === null ? '' : ` of ${whole(architecture.context)} tokens`;
  return `${address}: ${whole(truncated)} of ${counted(examples, unit)} lost the beginning of their prompt, because the context${context} does not hold them whole.`;
}

function preferenceFinding(address: string, { pairs, accuracy, low, high }: Preference): string {
  return `${address}: prefers the chosen response in ${percent(accuracy)} of ${counted(pairs, 'held-out pair')} (${percent(low)} to ${percent(high)}).`;
}

function collapseFinding({ address, at, kind }: CollapsedTraining): string {
  return `${address}: collapsed, which shows at step ${whole(at)} (${kind}): its figures are those of a model that no longer learned.`;
}

/** What continued pretraining did to each domain. */
function lossFindings(stage: StageSummary): string[] {
  const parts = changesOf(stage, 'loss').map(({ task, before, after, change, clear }) => {
    const verdict = !clear ? 'no clear change' : change < 0 ? 'better' : 'worse';
    return `on ${task} ${nats(before)} to ${nats(after)} (${verdict})`;
  });
  return parts.length === 0 ? [] : [`${stage.address}, from ${stage.parent}: held-out loss ${parts.join(', ')}.`];
}

/** What SFT, DPO or RL did to Pass@1. */
function passFindings(stage: StageSummary): string[] {
  const parts = changesOf(stage, 'pass@1').map(({ suite, before, after, change, clear }) => {
    const verdict = clear
      ? `${change > 0 ? '+' : '-'}${percent(Math.abs(change)).replace(' %', ' points')}`
      : 'within chance';
    return `on ${suite} ${percent(before)} to ${percent(after)} (${verdict})`;
  });
  return parts.length === 0 ? [] : [`${stage.address}, from ${stage.parent}: Pass@1 ${parts.join(', ')}.`];
}

/** A stage's measures of one metric that its parent has too. */
function changesOf(
  stage: StageSummary,
  metric: string,
): (Measure & { before: number; after: number; change: number })[] {
  return stage.measures.flatMap((measure) => {
    const { change, value } = measure;
    return measure.metric !== metric || change === null
      ? []
      : [{ ...measure, before: value - change, after: value, change }];
  });
}

/** What replay kept: variants of one CPT stage with the same parent, with replay against without. */
function replayFindings(plan: Plan, stages: ReadonlyMap<string, StageSummary>): string[] {
  const variants = plan.nodes.filter((node) => node.type === 'cpt' && stages.has(node.address));
  const groups = groupBy(variants, (node) => `${node.stage} ${node.seed} ${node.parents.parent}`);
  return [...groups.values()].flatMap((group) => {
    const parent = plan.nodes.find((node) => node.key === group[0]?.parents.parent);
    if (parent?.type !== 'pretrain') return [];
    const domains = new Set(parent.recipe.mix.map(({ name }) => name));
    const without = group.filter((node) => !replays(node, parent));
    return without.flatMap((bare) =>
      group
        .filter((node) => replays(node, parent))
        .flatMap((kept) => contrast(stages.get(kept.address), stages.get(bare.address), domains)),
    );
  });
}

/** Whether a node trains on some of the data that its parent was pretrained on, whatever it calls it. */
function replays(node: PlanNode, parent: Extract<PlanNode, { type: 'pretrain' }>): boolean {
  const sources = new Set(parent.recipe.mix.map(({ source }) => JSON.stringify(source)));
  return (
    node.type === 'cpt' &&
    node.recipe.mix.some((part) => sources.has(JSON.stringify(part.source)) && part.sequences > 0)
  );
}

function contrast(
  kept: StageSummary | undefined,
  bare: StageSummary | undefined,
  domains: ReadonlySet<string>,
): string[] {
  if (!kept || !bare) return [];
  return kept.measures
    .filter((one) => one.metric === 'loss' && domains.has(one.task))
    .flatMap((one) => {
      const other = bare.measures.find((measure) => measure.metric === 'loss' && measure.task === one.task);
      if (!other) return [];
      const verdict = !differsClearly(one, other)
        ? 'made no clear difference'
        : one.value < other.value
          ? 'kept more'
          : 'kept less';
      return [
        `Replay ${verdict} of ${one.task}: held-out loss ${nats(one.value)} with it (${kept.address}), ${nats(other.value)} without (${bare.address}).`,
      ];
    });
}
