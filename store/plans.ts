import { existsSync, readFileSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson, sha256 } from '../planner/key.ts';
import type { Plan } from '../planner/plan.ts';
import { StoreError } from './errors.ts';
import { checkDigest, isDigest, lineagesFolder, plansFolder, runsPath } from './home.ts';
import { writeWhole } from './write.ts';

/**
 * Freezes a plan as `plans/<digest>.json` and gives the digest: the SHA-256 of its canonical JSON, which are the
 * file's bytes, so `sha256sum` on the file gives its name. Writing the same plan again changes nothing.
 */
export async function writePlan(home: string, plan: Plan): Promise<string> {
  const text = canonicalJson(plan);
  const digest = sha256(text);
  await writeWhole(planPath(home, digest), text);
  return digest;
}

/** Reads a frozen plan. Throws a StoreError where it is missing or no longer hashes to its name. */
export async function readPlan(home: string, digest: string): Promise<Plan> {
  const path = planPath(home, digest);
  return parsePlan(path, digest, await readFile(path, 'utf8').catch((error: unknown) => cannotRead(path, error)));
}

/** Plans of a lineage that are remembered. */
const mostRuns = 10;

/** Notes that a lineage was run with a frozen plan. */
export async function rememberRun(home: string, lineage: string, digest: string): Promise<void> {
  const before = runsOf(home, lineage);
  if (before[0] === digest) return;
  const plans = [digest, ...before.filter((other) => other !== digest)].slice(0, mostRuns);
  await writeWhole(runsPath(home, lineage), `${JSON.stringify({ plans }, null, 2)}\n`);
}

/** The plans that a lineage was run with, the newest first; each is read when it is asked for. */
export function* plansRun(home: string, lineage: string): Generator<Plan> {
  for (const digest of runsOf(home, lineage)) {
    const path = planPath(home, digest);
    // A plan that was removed explains nothing any more, and is no reason not to plan.
    if (existsSync(path)) yield parsePlan(path, digest, readFileSync(path, 'utf8'));
  }
}

/** The lineages that were run in a home, each with the newest of its plans and when it was first run with that one. */
export async function newestRuns(home: string): Promise<{ lineage: string; digest: string; at: Date }[]> {
  const names = await lineagesRun(home);
  const runs = await Promise.all(
    names.map(async (lineage) => {
      const { mtime } = await stat(runsPath(home, lineage));
      return runsOf(home, lineage)
        .slice(0, 1)
        .map((digest) => ({ lineage, digest, at: mtime }));
    }),
  );
  return runs.flat();
}

/** Digests of all frozen plans, the oldest first; one that was run again counts from then. */
export async function plansByAge(home: string): Promise<string[]> {
  const aged = await frozenPlans(home);
  return aged.sort((a, b) => a.at - b.at || (a.digest < b.digest ? -1 : 1)).map(({ digest }) => digest);
}

/**
 * Watches for plans that are frozen, also again, from now on: what it gives tells, whenever it is called, the keys of them
 * all until then.
 */
export async function watchPlans(home: string): Promise<() => Promise<ReadonlySet<string>>> {
  const known = new Map((await frozenPlans(home)).map(({ digest, file }) => [digest, file]));
  const keys = new Set<string>();
  return async () => {
    for (const { digest, file } of await frozenPlans(home)) {
      if (known.get(digest) === file) continue;
      for (const { key } of (await readPlan(home, digest)).nodes) keys.add(key);
      known.set(digest, file);
    }
    return keys;
  };
}

/** All frozen plans: `at` tells which is newer, `file` whether one was written again. */
async function frozenPlans(home: string): Promise<{ digest: string; at: number; file: string }[]> {
  const digests = await jsonNames(plansFolder(home));
  return Promise.all(
    digests.filter(isDigest).map(async (digest) => {
      const { ino, mtimeMs } = await stat(planPath(home, digest));
      return { digest, at: mtimeMs, file: `${ino} ${mtimeMs}` };
    }),
  );
}

/** The names of the lineages that were run in a home, sorted. */
export async function lineagesRun(home: string): Promise<string[]> {
  return (await jsonNames(lineagesFolder(home))).sort();
}

/** The names of a folder's JSON files, without the ending; none where there is no folder. */
async function jsonNames(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return names.filter((name) => /^[^.].*\.json$/.test(name)).map((name) => name.slice(0, -'.json'.length));
}

/** The digests of the plans that a lineage was run with, the newest first. */
function runsOf(home: string, lineage: string): string[] {
  const path = runsPath(home, lineage);
  if (!existsSync(path)) return [];
  try {
    return (JSON.parse(readFileSync(path, 'utf8')) as { plans: string[] }).plans;
  } catch (error) {
    throw new StoreError(`${path} cannot be read: remove it, and plans will say less of what changed`, {
      cause: error,
    });
  }
}

function parsePlan(path: string, digest: string, text: string): Plan {
  if (sha256(text) !== digest) {
    throw new StoreError(`the plan ${path} is damaged: its content does not hash to its name. Run the lineage again`);
  }
  return JSON.parse(text) as Plan;
}

function cannotRead(path: string, error: unknown): never {
  throw new StoreError(`cannot read the plan ${path}: run the lineage again to write it anew`, { cause: error });
}

/** Where a frozen plan lies. */
export function planPath(home: string, digest: string): string {
  return join(plansFolder(home), `${checkDigest(digest, 'the digest of a plan')}.json`);
}
