import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { PlanNode } from '../planner/plan.ts';
import { StoreError } from '../store/errors.ts';
import { attemptFolder, attemptNumbers } from '../store/home.ts';
import { inspectAttempt } from '../store/inspect.ts';
import { plansByAge, readPlan } from '../store/plans.ts';
import { withDatabase } from './database.ts';
import { ResultsError } from './errors.ts';
import { importedNames, readImport, recordImport } from './imports.ts';
import { type Ingested, ingestAttempts } from './ingest.ts';
import { recordLineage } from './record.ts';
import type { IngestInput } from './staging.ts';

/** What a rebuild has read. */
export interface Rebuilt extends Ingested {
  plans: number;
  attempts: number;
  /** Publications that were imported. */
  imports: number;
  /** Attempts that were left out because their files are damaged, with the reason. */
  damaged: { key: string; reason: string }[];
  /** Plans and imports that were left out because they cannot be read, a sentence each. */
  unreadable: string[];
}

/**
 * Reads everything that the store has into `results.duckdb` again: all frozen plans, the oldest run first, and the
 * events of all attempts at their nodes; and what was imported. What is there already is replaced, so it may be run at any time; after the
 * file was lost, it brings everything back. `path` is another file to read it into, `keys` are the nodes whose attempts are
 * read where these are not all.
 */
export async function rebuildResults(
  home: string,
  { path, keys }: { path?: string; keys?: ReadonlySet<string> } = {},
): Promise<Rebuilt> {
  const rebuilt: Rebuilt = {
    plans: 0,
    attempts: 0,
    imports: 0,
    metrics: 0,
    evaluations: 0,
    samples: 0,
    damaged: [],
    unreadable: [],
  };
  for (const name of await importedNames(home)) {
    const imported = await readImport(home, name).catch((error: unknown) => {
      if (!(error instanceof ResultsError)) throw error;
      rebuilt.unreadable.push(error.message);
    });
    if (!imported) continue;
    await withDatabase(home, 'write', (connection) => recordImport(connection, imported), { path });
    rebuilt.imports += 1;
  }
  const seen = new Set<string>();
  for (const digest of await plansByAge(home)) {
    const plan = await readPlan(home, digest).catch((error: unknown) => {
      if (!(error instanceof StoreError)) throw error;
      rebuilt.unreadable.push(error.message);
    });
    if (!plan) continue;
    const nodes = plan.nodes.filter(({ key }) => !seen.has(key) && keys?.has(key) !== false);
    for (const { key } of nodes) seen.add(key);
    const found = nodes.flatMap((node) => findAttempts(home, node));
    await withDatabase(home, 'write', (connection) => recordLineage(connection, plan, digest), { path });
    for (const inputs of batchesOf(found.flatMap(({ input }) => input ?? []))) {
      const ingested = await withDatabase(home, 'write', (connection) => ingestAttempts(connection, inputs), { path });
      rebuilt.attempts += inputs.length;
      rebuilt.metrics += ingested.metrics;
      rebuilt.evaluations += ingested.evaluations;
      rebuilt.samples += ingested.samples;
    }
    rebuilt.damaged.push(...found.flatMap(({ damaged }) => damaged ?? []));
    rebuilt.plans += 1;
  }
  return rebuilt;
}

/** Attempts in one transaction, and bytes of their events: enough to be fast, few enough for memory and for others to get in between. */
const mostAttempts = 5000;
const mostBytes = 64e6;

/** Attempts as they are read into the tables where there are many: so many to a transaction. */
export function* batchesOf(inputs: readonly IngestInput[]): Generator<IngestInput[]> {
  let batch: IngestInput[] = [];
  let bytes = 0;
  for (const input of inputs) {
    const size = statSync(join(input.folder, 'events.jsonl'), { throwIfNoEntry: false })?.size ?? 0;
    if (batch.length === mostAttempts || (batch.length > 0 && bytes + size > mostBytes)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(input);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

interface Found {
  input?: IngestInput;
  damaged?: { key: string; reason: string };
}

/** A node's attempts, oldest first. */
function findAttempts(home: string, node: PlanNode): Found[] {
  return attemptNumbers(home, node.key)
    .reverse()
    .map((number) => {
      const inspection = inspectAttempt(home, node.key, number);
      if (inspection.state === 'damaged') return { damaged: { key: node.key, reason: inspection.reason } };
      const manifest = inspection.state === 'whole' ? inspection.artifact : null;
      return { input: { node, manifest, folder: attemptFolder(home, node.key, number) } };
    });
}
