import { waitsBetweenTries } from '../../activities/failures.ts';
import type { RunEvent } from '../../cli/render/run-event.ts';
import type { VerifyReport } from '../../cli/render/verify.ts';
import type { FaultKind } from './faults.ts';

/*
 * Which end of a command what happened explains. All else is a fault of Descent's own, however well the next run goes on.
 */

/** A `descent run --json` that has ended. */
export interface EndedRun {
  exitCode: number | null;
  stdout: string;
  stderr: string;
  /** What happened while it ran, in that order. */
  struck: readonly FaultKind[];
}

/** Faults that cost whatever is trained at that moment a try. */
const killers: readonly FaultKind[] = [
  'trainer killed',
  'worker killed',
  'worker stopped',
  'ingest killed',
  'host killed',
];

/** What a run says that nothing explains which happened while it ran; undefined where all is explained. */
export function unexplainedEnd({ exitCode, stdout, stderr, struck }: EndedRun): string | undefined {
  const happened = (kind: FaultKind): boolean => struck.includes(kind);
  const diskFull = happened('disk filled');
  const error = /^error: .*$/m.exec(stderr)?.[0];
  if (error !== undefined && !diskFull) return error;
  if (exitCode === 0) return undefined;
  const events = eventsOf(stdout);
  const end = events.find((event) => event.event === 'ended');
  if (exitCode === 130 && happened('run interrupted')) return undefined;
  if (exitCode === 1 && diskFull) return undefined;
  if (exitCode !== 1 || end?.event !== 'ended' || end.outcome !== 'failed') return `it ended with ${exitCode}`;
  const kills = struck.filter((kind) => killers.includes(kind)).length;
  const failures = events.flatMap((event) => (event.event === 'failed' ? [event] : []));
  const unexplained = failures.find(({ kind }) => {
    if (kind === 'no-parent') return !happened('artifact changed');
    // As often as that in a row, at one step.
    return kind !== 'killed' || kills <= (waitsBetweenTries.killed?.length ?? 0);
  });
  if (unexplained !== undefined) return `${unexplained.address} failed: ${unexplained.reason}`;
  return failures.length === 0 ? `it failed: ${end.reason}` : undefined;
}

/**
 * What `descent verify --json` found that was not injected; undefined where there is nothing else. Results may lack what
 * was published last, as long as runs are ended before they have written it, and never have what nobody published.
 */
export function unexplainedDamage(
  { artifacts, results }: VerifyReport,
  isInjected: (key: string, attempt: number) => boolean,
): string | undefined {
  const damaged = artifacts.damaged.find(({ key, attempt }) => !isInjected(key, attempt));
  if (damaged !== undefined) return `${damaged.address}: ${damaged.reason}`;
  if (results.unreadablePlans.length > 0) return results.unreadablePlans.join('\n');
  // None: the run was ended before anything was published.
  if (results.state === 'missing' || results.state === 'none') return undefined;
  if (results.state !== 'compared') return `the results are ${results.state}`;
  const extra = results.differences.find((one) => one.extra > 0);
  return extra && `the results have more than the store: ${JSON.stringify(extra)}`;
}

/** What it told; a line that was cut off when it was ended is left out. */
function eventsOf(stdout: string): RunEvent[] {
  return stdout.split('\n').flatMap((line) => {
    try {
      return [JSON.parse(line) as RunEvent];
    } catch {
      return [];
    }
  });
}
