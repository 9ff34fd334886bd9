import { existsSync } from 'node:fs';
import { canonicalJson, sha256 } from '../../planner/key.ts';
import type { Plan } from '../../planner/plan.ts';
import { planPath } from '../plans.ts';
import { writeWhole } from '../write.ts';
import { planName } from './names.ts';
import type { Storage } from './storage.ts';

/** Puts a frozen plan where workers of other hosts find it. */
export async function sharePlan({ bucket }: Storage, plan: Plan): Promise<void> {
  const text = canonicalJson(plan);
  await bucket.putNew(planName(sha256(text)), text);
}

/** Brings a frozen plan into this home, where only the storage has it. What is another than its digest says is left there. */
export async function bringPlan(home: string, storage: Storage | undefined, digest: string): Promise<void> {
  const path = planPath(home, digest);
  if (storage === undefined || existsSync(path)) return;
  const text = await storage.bucket.readText(planName(digest));
  if (text !== undefined && sha256(text) === digest) await writeWhole(path, text);
}
