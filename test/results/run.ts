import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson, sha256 } from '../../planner/key.ts';
import type { Plan, PlanNode } from '../../planner/plan.ts';
import { withDatabase } from '../../results/database.ts';
import { ingestAttempts } from '../../results/ingest.ts';
import { recordLineage } from '../../results/record.ts';
import type { IngestInput } from '../../results/staging.ts';
import type { Manifest } from '../../schemas/types/manifest.ts';
import { type Publication, publish } from '../../store/artifact.ts';
import { beginAttempt } from '../../store/attempt.ts';
import { writePlan } from '../../store/plans.ts';
import { asLines, makeEvents } from './events.ts';

/** Runs a node the way activities do, but with made-up events: begins an attempt, leaves files, publishes. */
export async function runNode(
  home: string,
  node: PlanNode,
  text = asLines(makeEvents(node)),
  from = 1,
): Promise<IngestInput> {
  const begun = await beginAttempt(home, node, { from });
  if (begun.state === 'published') return { node, manifest: begun.artifact, folder: begun.artifact.folder };
  const { attempt } = begun;
  await writeFile(join(attempt.folder, 'events.jsonl'), text);
  const publication = publicationOf(node, attempt.executions);
  if (publication.model !== null) {
    await mkdir(join(attempt.folder, publication.model), { recursive: true });
    await writeFile(join(attempt.folder, publication.model, 'config.json'), '{}');
  }
  return { node, manifest: await publish(attempt, publication), folder: attempt.folder };
}

/** Freezes the plan, runs every node, and records and ingests all of it. Gives the plan's digest. */
export async function runLineage(home: string, plan: Plan): Promise<string> {
  const digest = await writePlan(home, plan);
  const inputs: IngestInput[] = [];
  for (const node of plan.nodes) inputs.push(await runNode(home, node));
  await ingestPlan(home, plan, inputs);
  return digest;
}

/** What runLineage leaves in the results, without a store: where the many small files do not matter. */
export async function recordRuns(home: string, plan: Plan): Promise<string> {
  const inputs: IngestInput[] = [];
  for (const node of plan.nodes) inputs.push(await leaveEvents(home, node, asLines(makeEvents(node))));
  await ingestPlan(home, plan, inputs);
  return sha256(canonicalJson(plan));
}

/** Events of a finished attempt, in a folder that nothing was published from. */
export async function leaveEvents(
  home: string,
  node: PlanNode,
  text: string,
  attempt = 1,
): Promise<IngestInput & { manifest: Manifest }> {
  const folder = join(home, 'runs', node.key, `attempt-${attempt}`);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'events.jsonl'), text);
  return { node, folder, manifest: { manifest: 1, key: node.key, attempt, files: [], ...publicationOf(node, 1) } };
}

/** Records a plan and ingests what its nodes left. */
export async function ingestPlan(home: string, plan: Plan, inputs: readonly IngestInput[]): Promise<void> {
  await withDatabase(home, 'write', async (connection) => {
    await recordLineage(connection, plan, sha256(canonicalJson(plan)));
    await ingestAttempts(connection, inputs);
  });
}

function publicationOf(node: PlanNode, executions: number): Publication {
  const trained = node.type !== 'evaluate' && node.type !== 'data';
  return {
    type: node.type,
    address: node.address,
    preimage: node.preimage,
    parents: node.parents,
    model: trained ? 'model' : null,
    facts: trained ? { parameters: 860_000, unigramEntropy: 4.25 } : {},
    provenance: {
      engine: 'descent 0.1.0',
      device: 'cpu',
      startedAt: '2026-01-01T00:00:00.000Z',
      finishedAt: '2026-01-01T00:01:30.500Z',
      executions,
    },
  };
}
