import type { Mark } from '../../planner/marks.ts';
import type { Comparison, RowOwner, TableDifference } from '../../results/compare.ts';
import { bytes, counted, shortKey, whole } from '../../words/figures.ts';
import { columns } from './columns.ts';
import type { Colours } from './terminal.ts';

/** What `descent verify` found; `--json` prints it as it is. */
export interface VerifyReport {
  /** Nothing is damaged, and nothing differs, or differs any more. */
  ok: boolean;
  artifacts: {
    /** Published attempts, and the bytes of theirs that were hashed. */
    attempts: number;
    bytes: number;
    damaged: { address: string | null; key: string; attempt: number; reason: string }[];
    /** What the object storage lacks of what is noted to be there; null where none is configured. */
    storage: {
      address: string;
      lacking: { address: string | null; key: string; attempt: number; reason: string }[];
    } | null;
    /** Published models of which something has to be known before they are compared. */
    marked: { address: string | null; key: string; marks: Mark[] }[];
  };
  results: {
    /** Whether the rebuilt results are in place now. */
    rebuilt: boolean;
    /** Where a file lies that could not be read, when it was rebuilt. */
    aside: string | null;
    /** Plans that count for nothing because they are damaged, a sentence each. */
    unreadablePlans: readonly string[];
  } & (
    | ({ state: 'compared' } & Comparison)
    | { state: 'missing'; attempts: number }
    | { state: 'unreadable'; reason: string }
    /** Nothing was ever run. */
    | { state: 'none' }
  );
}

type Damaged = VerifyReport['artifacts']['damaged'];

/** Differences that are shown; `--json` has all. */
const mostShown = 30;

/** What was hashed and what was compared, and all that is not as it should be. */
export function renderVerify({ artifacts, results }: VerifyReport, colours: Colours): string {
  const { red, green } = colours;
  const { attempts, damaged } = artifacts;
  const looked = `${counted(attempts, 'published attempt')}, ${bytes(artifacts.bytes)}`;
  const state = damaged.length === 0 ? green('all whole') : red(`${whole(damaged.length)} damaged`);
  const lines = [`store: ${looked}: ${state}`];
  if (damaged.length > 0)
    lines.push(
      columns(damaged.map(({ address, key, reason }) => [`  ${address ?? '?'}`, shortKey(key), reason])),
      '  noted: they are served to nobody, and `descent run` makes them anew',
    );
  lines.push(...storageLines(artifacts.storage, colours));
  if (artifacts.marked.length > 0)
    lines.push(
      `marked: ${counted(artifacts.marked.length, 'model')} to be compared with care`,
      columns(
        artifacts.marked.map(({ address, key, marks }) => [`  ${address ?? '?'}`, shortKey(key), marks.join(', ')]),
      ),
    );
  lines.push(...results.unreadablePlans.map((sentence) => red(sentence)), ...resultLines(results, damaged, colours));
  return lines.join('\n');
}

function storageLines(storage: VerifyReport['artifacts']['storage'], { red, green }: Colours): string[] {
  if (storage === null) return [];
  const { address, lacking } = storage;
  if (lacking.length === 0) return [`${address}: ${green('has all that is noted to be there, by name and size')}`];
  return [
    `${address}: ${red(`lacks something of ${counted(lacking.length, 'attempt')}`)}`,
    columns(lacking.map(({ address, key, reason }) => [`  ${address ?? '?'}`, shortKey(key), reason])),
    '  `descent run` puts there again what is whole here',
  ];
}

function resultLines(results: VerifyReport['results'], damaged: Damaged, { red, green, dim }: Colours): string[] {
  const rebuilt = results.rebuilt ? ['results.duckdb is rebuilt from the store'] : [];
  switch (results.state) {
    case 'none':
      return ['results: nothing was run in this home yet', ...rebuilt];
    case 'missing':
      return results.rebuilt
        ? rebuilt
        : [`results: ${red('results.duckdb is missing')}, and --rebuild brings it back from the store`];
    case 'unreadable':
      return [
        `results: ${red(results.reason)}`,
        ...(results.rebuilt ? rebuilt : ['  --rebuild makes it anew from the store']),
        ...(results.aside === null ? [] : [`  the file that could not be read is ${results.aside} now`]),
      ];
    case 'compared': {
      const { differences, onlyInResults, rows, attempts, unfinished } = results;
      const count = Object.values(rows).reduce((sum, one) => sum + one, 0);
      const looked = `${counted(attempts, 'attempt')}, ${counted(count, 'row')} in ${counted(Object.keys(rows).length, 'table')}`;
      const same = differences.length === 0;
      const verdict = same ? green('each is in results.duckdb exactly once') : red('results.duckdb differs');
      const more = differences.length - mostShown;
      return [
        `results: ${looked}: ${verdict}`,
        ...(same ? [] : [columns(differences.slice(0, mostShown).map(differenceRow))]),
        ...(more > 0 ? [`  and ${whole(more)} more: --json has all`] : []),
        ...(same || results.rebuilt ? [] : ['  --rebuild makes it anew from the store']),
        ...(unfinished > 0 ? [dim(`  ${counted(unfinished, 'unfinished attempt')} not compared`)] : []),
        ...onlyLines(onlyInResults, damaged, results.rebuilt).map((line) => dim(line)),
        ...rebuilt,
      ];
    }
    default:
      return results satisfies never;
  }
}

function differenceRow({ table, of, missing, extra, changed }: TableDifference): string[] {
  const parts = [
    missing > 0 ? `${counted(missing, 'row')} missing` : '',
    extra > 0 ? `${counted(extra, 'row')} too many` : '',
    changed > 0 ? `${counted(changed, 'row')} changed` : '',
  ];
  return [`  ${table}`, ownerText(of), parts.filter((part) => part !== '').join(', ')];
}

/** What only the results have is no error: the store was freed of it, or it is damaged there, which was told already. */
function onlyLines(only: Comparison['onlyInResults'], damaged: Damaged, rebuilt: boolean): string[] {
  const isDamaged = ({ of }: Comparison['onlyInResults'][number]) =>
    of.kind === 'attempt' && damaged.some(({ key, attempt }) => key === of.key && attempt === of.attempt);
  const end = rebuilt ? 'forgotten now' : 'a rebuild forgets them';
  return [
    ...onlyPart(only.filter(isDamaged), `what the store has damaged; ${end}`),
    ...onlyPart(
      only.filter((one) => !isDamaged(one)),
      `what the store no longer has; ${rebuilt ? end : `no error, and ${end}`}`,
    ),
  ];
}

function onlyPart(only: Comparison['onlyInResults'], what: string): string[] {
  if (only.length === 0) return [];
  const rows = only.reduce((sum, one) => sum + one.rows, 0);
  const shown = only.slice(0, mostShown).map(({ of, rows }) => [`    ${ownerText(of)}`, counted(rows, 'row')]);
  const more = only.length > mostShown ? [`    and ${whole(only.length - mostShown)} more: --json has all`] : [];
  return [`  only in results.duckdb: ${counted(rows, 'row')} of ${what}`, columns(shown), ...more];
}

function ownerText(of: RowOwner): string {
  switch (of.kind) {
    case 'plan':
      return `${of.lineage ?? 'a lineage'}, plan ${shortKey(of.plan)}`;
    case 'node':
      return `${of.address ?? '?'} (${shortKey(of.key)})`;
    case 'attempt':
      return `${of.address ?? '?'} (${shortKey(of.key)}) attempt ${of.attempt}`;
    default:
      return of satisfies never;
  }
}
