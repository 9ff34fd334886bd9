import type { Testing } from '../../planner/claims.ts';
import type { Key } from '../../planner/plan.ts';
import { corrected } from '../statistics/correction.ts';
import { type Measured, measure } from './arrange.ts';
import { examineContrast } from './contrast.ts';
import { examineCorrelation } from './correlation.ts';
import type { Evidence } from './evidence.ts';
import type { Examined } from './examined.ts';
import { type Part, type Question, readingsOf } from './question.ts';
import { examineTrend } from './trend.ts';
import type { PartVerdict, TakeawayVerdict, VerdictWord } from './verdict.ts';

/** Decides takeaways that are told together: p is corrected over all of their parts. */
export function decide(questions: readonly Question[], evidence: Evidence): TakeawayVerdict[] {
  const examined = questions.map((question) => question.parts.map((part) => examine(part, question.testing, evidence)));
  const family = examined.flatMap((parts) => parts.map(({ p }) => p));
  const byCorrection = new Map(
    questions.map(({ testing }) => [testing.correction, corrected(family, testing.correction)]),
  );
  let place = 0;
  return questions.map((question, index) => {
    const { number, name, claim, testing, warnings, missing } = question;
    const parts = (examined[index] as Examined[]).map((one, which) => {
      const p = byCorrection.get(testing.correction)?.[place] as number;
      place += 1;
      return { ...judge(one, p, testing), metric: question.parts[which]?.points[0]?.reading.metric ?? '' };
    });
    const found = together(parts.map((part) => part.verdict));
    // What lacks a part may be refuted, and cannot be shown.
    const verdict = missing.length > 0 && found === 'supported' ? 'not asked' : found;
    const { alpha, correction } = testing;
    return { number, name, claim, verdict, alpha, correction, parts, warnings, missing };
  });
}

/** The verdict of a claim that holds where all of its parts do. */
function together(verdicts: readonly VerdictWord[]): VerdictWord {
  const order: VerdictWord[] = ['stale', 'contradicted', 'underpowered', 'inconclusive'];
  return order.find((word) => verdicts.includes(word)) ?? (verdicts.length === 0 ? 'not asked' : 'supported');
}

function judge({ settled, p, ...part }: Examined, pCorrected: number, { alpha }: Testing): Omit<PartVerdict, 'metric'> {
  const { points, said } = part;
  const clear = pCorrected < alpha;
  const verdict =
    settled ?? (!clear || points === 'neither' ? 'inconclusive' : points === 'for' ? 'supported' : 'contradicted');
  const isAlone = verdict === 'inconclusive' && p < alpha && !clear;
  const alone = isAlone
    ? ['p is below alpha by itself, and not where all that is asked together is corrected for']
    : [];
  return { ...part, said: [...said, ...alone], verdict, p: orNull(p), pCorrected: orNull(pCorrected) };
}

function examine(part: Part, testing: Testing, evidence: Evidence): Examined {
  const { measured, besides } = measure(part, evidence);
  const examined = examineMeasured(part, measured, testing, evidence);
  const [other] = besides;
  if (other) {
    const models = besides.length === 1 ? 'model' : 'models';
    const where = 'beside another of the same level, setting and seed';
    examined.said.push(`${besides.length} ${models} left out, ${where}: ${other.address}`);
  }
  const old = staleness(part, evidence);
  if (old.length > 0) return { ...examined, settled: 'stale', p: Number.NaN, said: [...old, ...examined.said] };
  if (examined.pairs === 0) return { ...examined, settled: 'stale', p: Number.NaN, said: ['no figure to compare'] };
  if (examined.seeds >= testing.seeds || examined.settled !== null) return examined;
  const runs = examined.seeds <= 1 ? 'single runs' : `${examined.seeds} seeds`;
  const told = `${runs}, ${directionOf(examined)}; a verdict takes ${testing.seeds} seeds`;
  return { ...examined, settled: 'underpowered', said: [told, ...examined.said] };
}

function examineMeasured(part: Part, measured: readonly Measured[], testing: Testing, evidence: Evidence): Examined {
  const { saying } = part;
  switch (saying.kind) {
    case 'contrast':
      return examineContrast(part, measured, testing);
    case 'trend':
      return examineTrend(part, measured, testing);
    case 'correlation':
      return examineCorrelation(part, measured, testing, evidence);
    default:
      return saying satisfies never;
  }
}

function directionOf({ points }: Examined): string {
  return { for: 'as claimed', against: 'against the claim', neither: 'neither way' }[points];
}

/** What of a part's evaluations is not there, or older than its model. */
function staleness({ points }: Part, { seen }: Evidence): string[] {
  const asked = new Map<string, { key: Key | null; address: string }>();
  for (const point of points)
    for (const { evaluation: key } of readingsOf(point)) {
      const same = key ?? point.address; // an evaluation that there is not is one of each model
      if (!asked.has(same)) asked.set(same, { key, address: point.address });
    }
  const all = [...asked.values()];
  const told = (some: typeof all, what: string) =>
    some.length > 0 ? [`${some.length} of ${all.length} evaluations ${what}, the first of ${some[0]?.address}`] : [];
  return [
    ...told(
      all.filter(({ key }) => key === null || !seen.has(key)),
      'not done',
    ),
    ...told(
      all.filter(({ key }) => key !== null && seen.get(key)?.superseded),
      'older than their model',
    ),
  ];
}

function orNull(p: number): number | null {
  return Number.isNaN(p) ? null : p;
}
