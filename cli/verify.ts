import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { recordProcess } from '../activities/processes.ts';
import { compareResults } from '../results/compare.ts';
import { replaceDatabase, withDatabase } from '../results/database.ts';
import { UnreadableDatabaseError } from '../results/errors.ts';
import { type Rebuilt, rebuildResults } from '../results/rebuild.ts';
import { databasePath, findHome, importsFolder, keysBeginning, plansFolder } from '../store/home.ts';
import { machineName } from '../store/machine.ts';
import { damageIn, publishedAttempts } from '../store/published.ts';
import { lackingIn } from '../store/remote/lacking.ts';
import { type Context, type ExitCode, exitCodes } from './context.ts';
import { CommandError } from './failure.ts';
import { findNode } from './find-node.ts';
import { readHistory } from './history.ts';
import { byteProgress } from './render/byte-progress.ts';
import { renderVerify, type VerifyReport } from './render/verify.ts';
import { withStorage } from './storage.ts';

/**
 * `descent verify [NODE...]`: hashes what was published again, and compares the results with what the store says. Exit code
 * 1 where something is damaged or differs; with `--rebuild` the results are made anew from the store, and differ no more.
 */
export async function verify(
  texts: string[],
  options: { rebuild?: true; json?: true },
  context: Context,
): Promise<ExitCode> {
  const { terminal } = context;
  const home = findHome(context.cwd, context.env);
  if (options.rebuild) await mayRebuild(home, texts, context);
  const named = texts.length === 0 ? undefined : new Set<string>();
  for (const text of texts) named?.add((await findNode(home, text, null)).node.key);
  const artifacts = await verifyArtifacts(home, named, options, context);
  const results = await verifyResults(home, named, options);
  const ok =
    artifacts.damaged.length === 0 &&
    (artifacts.storage?.lacking.length ?? 0) === 0 &&
    results.unreadablePlans.length === 0 &&
    (results.rebuilt || (results.state === 'compared' ? results.differences.length === 0 : results.state === 'none'));
  const report: VerifyReport = { ok, artifacts, results };
  terminal.out(options.json ? JSON.stringify(report, null, 2) : renderVerify(report, terminal.colours));
  return ok ? exitCodes.fine : exitCodes.error;
}

async function mayRebuild(home: string, texts: readonly string[], context: Context): Promise<void> {
  if (texts.length > 0)
    throw new CommandError('--rebuild makes all results anew: it takes no nodes', 'descent verify --rebuild');
  await (await import('./idle.ts')).refuseWhileRunning(home, 'the results are not rebuilt', context);
}

/** Hashes the published attempts of some nodes, or of all, and notes damage in the store. */
async function verifyArtifacts(
  home: string,
  named: ReadonlySet<string> | undefined,
  { json }: { json?: true },
  context: Context,
): Promise<VerifyReport['artifacts']> {
  const { terminal } = context;
  const published = publishedAttempts(home, named ? [...named] : keysBeginning(home, ''));
  const bytes = published.reduce((sum, one) => sum + (one.artifact ? one.bytes : 0), 0);
  const progress = json ? undefined : byteProgress(terminal, bytes, () => performance.now() / 1000);
  const damaged: { key: string; attempt: number; reason: string }[] = [];
  try {
    for (const one of published) {
      const reason = await damageIn(one, (size) => progress?.add(size));
      if (reason !== undefined) damaged.push({ key: one.key, attempt: one.attempt, reason });
    }
  } finally {
    progress?.close();
  }
  const { nodes } = await readHistory(
    home,
    published.map(({ key }) => key),
  );
  const marked = [...nodes].flatMap(([key, { places, marks }]) =>
    marks.size > 0 ? [{ address: places[0]?.address ?? null, key, marks: [...marks] }] : [],
  );
  const storage = await withStorage(context, async ({ bucket }) => {
    const whole = published.flatMap(({ artifact }) => (artifact ? [artifact] : []));
    const lacking = await lackingIn(bucket, whole);
    return {
      address: bucket.address,
      lacking: lacking.map(({ artifact: { address, key, attempt }, reason }) => ({ address, key, attempt, reason })),
    };
  });
  return {
    storage: storage ?? null,
    marked: marked.sort((a, b) => ((a.address ?? '') < (b.address ?? '') ? -1 : 1)),
    attempts: published.length,
    bytes,
    damaged: damaged.map((one) => ({ address: nodes.get(one.key)?.places[0]?.address ?? null, ...one })),
  };
}

/** Makes the results of the store alone, beside `results.duckdb`, and compares the two; with `rebuild` they change places. */
async function verifyResults(
  home: string,
  keys: ReadonlySet<string> | undefined,
  { rebuild = false }: { rebuild?: boolean },
): Promise<VerifyReport['results']> {
  const path = databasePath(home);
  const none = { state: 'none', rebuilt: false, aside: null, unreadablePlans: [] } as const;
  if (![path, plansFolder(home), importsFolder(home)].some((there) => existsSync(there))) return none;
  await removeLeftovers(path);
  const temporary = `${path}.rebuilt-${encodeURIComponent(machineName())}-${process.pid}-${randomBytes(4).toString('hex')}`;
  try {
    const made = await rebuildResults(home, { path: temporary, ...(keys && { keys }) });
    // Without any plan there would be no file.
    await withDatabase(home, 'write', async () => {}, { path: temporary });
    const found = await compare(home, temporary, keys, made);
    const unreadablePlans = made.unreadable;
    if (!rebuild || unreadablePlans.length > 0) return { ...found, rebuilt: false, aside: null, unreadablePlans };
    return { ...found, rebuilt: true, aside: await replaceDatabase(home, temporary), unreadablePlans };
  } finally {
    await removeRebuilt(temporary);
  }
}

async function compare(
  home: string,
  rebuilt: string,
  keys: ReadonlySet<string> | undefined,
  { attempts, imports }: Rebuilt,
) {
  if (!existsSync(databasePath(home)))
    return attempts + imports === 0 ? ({ state: 'none' } as const) : ({ state: 'missing', attempts } as const);
  try {
    return { state: 'compared', ...(await compareResults(home, rebuilt, { keys })) } as const;
  } catch (error) {
    if (!(error instanceof UnreadableDatabaseError)) throw error;
    return { state: 'unreadable', reason: (error.message.split('\n')[0] ?? '').trim() } as const;
  }
}

/** Removes the rebuilt files of processes of this machine that were killed. */
async function removeLeftovers(path: string): Promise<void> {
  for (const name of existsSync(dirname(path)) ? await readdir(dirname(path)) : []) {
    const [, machine = '', pid = ''] = /^results\.duckdb\.rebuilt-(.*)-(\d+)-[0-9a-f]{8}$/.exec(name) ?? [];
    if (machine === encodeURIComponent(machineName()) && recordProcess(Number(pid)) === undefined)
      await removeRebuilt(join(dirname(path), name));
  }
}

/** Removes a rebuilt file and what DuckDB keeps beside it. */
async function removeRebuilt(path: string): Promise<void> {
  for (const name of await readdir(dirname(path)))
    if (name.startsWith(basename(path))) await rm(join(dirname(path), name), { recursive: true, force: true });
}
