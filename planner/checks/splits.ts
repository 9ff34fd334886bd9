import { setNameOf } from '../data.ts';
import { type Diagnostic, diagnose } from '../diagnostic.ts';
import { type DeclaredStage, dataReferences, declaredStages, operationOf } from '../stages.ts';
import type { Source } from '../syntax.ts';

type Split = 'sft' | 'rl';

/** Checks that what stages made has problems in the split that is read of it: what was in a split stays in it. */
export function* checkSplits(source: Source): Generator<Diagnostic> {
  const stages = declaredStages(source.value);
  for (const stage of stages.values()) {
    const place = () => source.place(['stages', stage.name, stage.kind ?? '', 'data']);
    const wanted = splitReadBy(stage);
    for (const name of wanted ? stage.reads : []) {
      const splits = splitsOf(name, stages);
      if (wanted === undefined || splits.size === 0 || splits.has(wanted)) continue;
      const message = `${stage.kind} reads the ${wanted} split, and \`${name}\` has problems in the ${[...splits][0]} split alone`;
      const hint = `say \`split: ${wanted}\` where they are generated, or part them anew: a build with \`split\``;
      yield diagnose(source.file, place(), 'wrong-part', message, { hint });
    }
    if (stage.kind !== 'build' || operationOf(stage) !== 'agree') continue;
    const sets = dataReferences(stage.body).map((reference) => splitsOf(setNameOf(reference), stages));
    const [sft, rl] = (['sft', 'rl'] as const).map((split) => sets.filter((splits) => splits.has(split)).length);
    if (sets.length < 2 || sft !== 1 || rl !== 1) continue;
    const message = 'these sets are of different splits, and have no problem in common to agree on';
    const hint = 'generate them of one split: say the same `split` in both';
    yield diagnose(source.file, place(), 'bad-value', message, { hint });
  }
}

function splitReadBy({ kind, body }: DeclaredStage): Split | undefined {
  if (kind === 'generate') return body.split === 'rl' ? 'rl' : 'sft';
  return kind === 'sft' || kind === 'rl' ? kind : undefined;
}

/** The splits for learning in which a set can have problems; none of stages in a circle, which is told elsewhere. */
function splitsOf(name: string, stages: ReadonlyMap<string, DeclaredStage>, seen = new Set<string>()): Set<Split> {
  const stage = stages.get(name);
  if (stage?.kind === 'generate') return new Set([splitReadBy(stage) ?? 'sft']);
  if (stage?.kind !== 'build' || operationOf(stage) === 'split') return new Set(['sft', 'rl']);
  if (seen.has(name)) return new Set();
  seen.add(name);
  return new Set(dataReferences(stage.body).flatMap((reference) => [...splitsOf(setNameOf(reference), stages, seen)]));
}
