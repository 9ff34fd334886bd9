import type { PartVerdict, TakeawayVerdict, VerdictWord } from '../../results/verdicts/verdict.ts';
import { counted } from '../../words/figures.ts';
import { partCells, shownP } from '../../words/verdicts.ts';
import { type Alignment, columns, cutTo, fitColumns, type Spare } from './columns.ts';
import type { Colours } from './terminal.ts';

/**
 * A row for each part of each takeaway: verdict, where the effect points, the effect with its interval, seeds, corrected p;
 * below it why some are stale, what could not be asked, and what p and interval are of. Claims that are long are cut, and in
 * lines of `width` characters columns are left out. Empty without takeaways.
 */
export function renderTakeaways(
  takeaways: readonly TakeawayVerdict[],
  colours: Colours,
  width = Number.POSITIVE_INFINITY,
): string {
  if (takeaways.length === 0) return '';
  const head = ['', 'takeaway', 'verdict', 'points', 'effect', 'interval', 'seeds', 'p'];
  const rows = takeaways.flatMap(({ number, name, claim, verdict, parts, alpha }) => {
    const whole = [String(number), name ?? cutTo(widestClaim, claim), word(verdict, colours)];
    const [only, ...others] = parts;
    if (name === null && only && others.length === 0) return [[...whole, ...partCells(only, alpha)]];
    return [
      whole,
      ...parts.map((part) => ['', `  ${part.name}`, word(part.verdict, colours), ...partCells(part, alpha)]),
    ];
  });
  const fitted = fitColumns({ rows: [head, ...rows], alignments }, width, spare);
  const [shownHead = [], ...shown] = fitted.rows;
  return [
    columns([shownHead.map((text) => colours.bold(text)), ...shown], fitted.alignments),
    ...[...reasons(takeaways), ...legend(takeaways)].map(colours.dim),
  ].join('\n');
}

/** Cells of a claim in a table; `descent takeaways LINEAGE NUMBER` has all of it. */
const widestClaim = 72;
const alignments: Alignment[] = ['right', 'left', 'left', 'left', 'right', 'left', 'right', 'right'];
const spare: Spare = { drop: [[3], [6], [5]], shorten: [{ column: 1, least: 20 }] };

/** Why takeaways are stale or lack a part. */
function reasons(takeaways: readonly TakeawayVerdict[]): string[] {
  return takeaways.flatMap(({ number, parts, missing }) => {
    const stale = parts.filter(({ verdict }) => verdict === 'stale').flatMap(({ said }) => said.slice(0, 1));
    return [
      ...[...new Set(stale)].map((one) => `${number} is stale: ${one}`),
      ...missing.map((one) => `${number} is not asked: ${one}`),
    ];
  });
}

/** What p is, where any is shown: an interval may leave out zero where its p says nothing. */
function legend(takeaways: readonly TakeawayVerdict[]): string[] {
  const tested = takeaways.filter(({ parts }) => parts.some(({ pCorrected }) => pCorrected !== null));
  const corrections = [...new Set(tested.map(({ correction }) => correction))].filter((name) => name !== 'none');
  return corrections.length === 0
    ? []
    : [`p is corrected (${corrections.join(', ')}) for all that is tested here; intervals are not`];
}

/** One takeaway in full: each part with what was tested and what there is to say. */
export function renderTakeaway(takeaway: TakeawayVerdict, colours: Colours): string {
  const { number, name, claim, verdict, alpha, correction, parts, warnings, missing } = takeaway;
  const lines = [
    `${colours.bold(`${number}${name === null ? '' : ` ${name}`}`)}  ${word(verdict, colours)}`,
    claim,
    ...missing.map((one) => `  not asked: ${one}`),
    ...parts.flatMap((part) => ['', ...partLines(part, alpha, correction, colours)]),
    ...(warnings.length > 0 ? ['', ...warnings.map((warning) => colours.yellow(`! ${warning}`))] : []),
  ];
  return lines.join('\n');
}

function partLines(part: PartVerdict, alpha: number, correction: string, colours: Colours): string[] {
  const [points, effect, interval] = partCells(part, alpha);
  const counts = [
    counted(part.seeds, 'seed'),
    counted(part.pairs, part.effectOf === 'difference' ? 'pair' : 'model'),
    ...(part.problems === null ? [] : [counted(part.problems, 'problem')]),
  ].join(', ');
  const p = part.p === null ? 'none' : `${shownP(part.p)}, corrected (${correction}) ${shownP(part.pCorrected ?? 1)}`;
  const rows = [
    ['claimed', part.claimed],
    ['points', points],
    ['effect', `${effect} ${interval}`.trim() || 'none'],
    ['over', counts],
    ['test', part.test],
    ['p', p],
    ...part.said.map((said, index) => [index === 0 ? 'note' : '', said]),
  ].map(([name = '', value = '']) => [`  ${name}`, value]);
  return [`${colours.bold(part.name)}  ${word(part.verdict, colours)}`, columns(rows)];
}

function word(verdict: VerdictWord, colours: Colours): string {
  switch (verdict) {
    case 'supported':
      return colours.green(verdict);
    case 'contradicted':
      return colours.red(verdict);
    case 'stale':
      return colours.yellow(verdict);
    case 'inconclusive':
    case 'underpowered':
    case 'not asked':
      return colours.dim(verdict);
    default:
      return verdict satisfies never;
  }
}
