import type { Testing } from '../../planner/claims.ts';
import { corrected } from '../statistics/correction.ts';
import { measure } from './arrange.ts';
import { examineContrast } from './contrast.ts';
import { examineCorrelation } from './correlation.ts';
import type { Evidence } from './evidence.ts';
import { type Part, type Question, readingsOf } from './question.ts';
import { examineTrend } from './trend.ts';
import type { Examined, PartVerdict, TakeawayVerdict, VerdictWord } from './verdict.ts';

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
  const { points } = part;
  const clear = pCorrected < alpha;
  const verdict =
    settled ?? (!clear || points === 'neither' ? 'inconclusive' : points === 'for' ? 'supported' : 'contradicted');
  return { ...part, verdict, p: orNull(p), pCorrected: orNull(pCorrected) };
}

function examine(part: Part, testing: Testing, evidence: Evidence): Examined {
  const measured = measure(part, evidence);
  const examined =
    part.saying.kind === 'contrast'
      ? examineContrast(part, measured, testing)
      : part.saying.kind === 'trend'
        ? examineTrend(part, measured, testing)
        : examineCorrelation(part, measured, testing, evidence);
  const old = staleness(part, evidence);
  if (old.length > 0) return { ...examined, settled: 'stale', p: Number.NaN, said: [...old, ...examined.said] };
  if (examined.pairs === 0) return { ...examined, settled: 'stale', p: Number.NaN, said: ['no figure to compare'] };
  if (examined.seeds >= testing.seeds || examined.settled !== null) return examined;
  const runs = examined.seeds <= 1 ? 'single runs' : `${examined.seeds} seeds`;
  const told = `${runs}, ${directionOf(examined)}; a verdict takes ${testing.seeds} seeds`;
  return { ...examined, settled: 'underpowered', said: [told, ...examined.said] };
}

function directionOf({ points }: Examined): string {
  return { for: 'as claimed', against: 'against the claim', neither: 'neither way' }[points];
}

/** What of a part's evaluations is not there, or older than its model. */
function staleness({ points }: Part, { seen }: Evidence): string[] {
  const keys = new Map(
    points.flatMap((point) => readingsOf(point).map(({ evaluation }) => [evaluation, point.address] as const)),
  );
  const lacking = [...keys].filter(([key]) => key === null || !seen.has(key));
  const older = [...keys].filter(([key]) => key !== null && seen.get(key)?.superseded);
  return [
    ...(lacking.length > 0
      ? [`${lacking.length} of ${keys.size} evaluations not done, the first of ${lacking[0]?.[1]}`]
      : []),
    ...(older.length > 0
      ? [`${older.length} of ${keys.size} evaluations older than their model, the first of ${older[0]?.[1]}`]
      : []),
  ];
}

function orNull(p: number): number | null {
  return Number.isNaN(p) ? null : p;
}
