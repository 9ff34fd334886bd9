import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Plan } from '../../planner/plan.ts';
import { withDatabase } from '../../results/database.ts';
import { ingestAttempts } from '../../results/ingest.ts';
import { recordLineage } from '../../results/record.ts';
import type { IngestInput } from '../../results/staging.ts';
import { storeFolder } from '../../store/home.ts';
import { rememberRun, writePlan } from '../../store/plans.ts';
import { makePlan } from '../../test/results/lineage.ts';
import { leaveRun } from '../results/made.ts';

/** How large a home is made. */
export interface Size {
  /** Settings of ten seeds each: three models and six evaluations. */
  shares: number;
  /** Steps of each training, with a row for each of four metrics. */
  steps: number;
}

/** Attempts in one transaction. */
const batch = 200;

/**
 * Makes a home with one lineage, as if all of it had been run: its frozen plan, every attempt in the store, and their rows
 * in the results. Written straight to its place and without fsync, as no run has to survive anything.
 */
export async function makeHome(home: string, { shares, steps }: Size): Promise<{ plan: Plan; metrics: number }> {
  const plan = makePlan({
    lineage: 'large',
    seeds: Array.from({ length: 10 }, (_, seed) => seed + 1),
    // Of 320 sequences another one each.
    replay: Array.from({ length: shares }, (_, share) => share / 320),
  });
  const digest = await writePlan(home, plan);
  await withDatabase(home, 'write', (connection) => recordLineage(connection, plan, digest));
  const nodes = [...new Map(plan.nodes.map((node) => [node.key, node])).values()];
  let metrics = 0;
  for (let from = 0; from < nodes.length; from += batch) {
    const inputs: IngestInput[] = [];
    for (const node of nodes.slice(from, from + batch)) {
      const input = await leaveRun(storeFolder(home), node, steps);
      await publishAtOnce(input);
      inputs.push(input);
    }
    metrics += (await withDatabase(home, 'write', (connection) => ingestAttempts(connection, inputs))).metrics;
    process.stderr.write(`${(from + inputs.length).toLocaleString('en')} attempts\n`);
  }
  await rememberRun(home, plan.lineage, digest);
  return { plan, metrics };
}

/** What publishing leaves: a lease, and the manifest as the claim after it and at its own place. */
async function publishAtOnce({ folder, manifest, node }: IngestInput): Promise<void> {
  const claims = join(folder, 'claims');
  await mkdir(claims);
  const lease = { token: node.key, pid: 1, host: 'bench', startedAt: '2026-01-01T00:00:00.000Z' };
  const text = `${JSON.stringify(manifest, null, 2)}\n`;
  await writeFile(join(claims, '1.json'), JSON.stringify(lease));
  await writeFile(join(claims, '2.json'), text);
  await writeFile(join(folder, 'manifest.json'), text);
}
