import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson, sha256 } from '../planner/key.ts';
import type { Plan } from '../planner/plan.ts';
import { StoreError } from './errors.ts';
import { checkDigest, plansFolder } from './home.ts';
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
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new StoreError(`cannot read the plan ${path}: run the lineage again to write it anew`, { cause: error });
  });
  if (sha256(text) !== digest) {
    throw new StoreError(`the plan ${path} is damaged: its content does not hash to its name. Run the lineage again`);
  }
  return JSON.parse(text) as Plan;
}

function planPath(home: string, digest: string): string {
  return join(plansFolder(home), `${checkDigest(digest, 'the digest of a plan')}.json`);
}
