import { existsSync } from 'node:fs';
import { isRunning } from '../activities/processes.ts';
import { runQuery } from '../results/query.ts';
import { databasePath, storeFolder } from '../store/home.ts';
import { loadConfig } from './config.ts';
import { type ConnectedClient, configuredServer, connectClient, localServer } from './connect.ts';
import type { Context } from './context.ts';
import { readHostState } from './host-state.ts';

/** A lineage that was run in a home. */
export interface KnownLineage {
  lineage: string;
  /** Digest of its newest plan. */
  plan: string;
  /** ISO 8601, UTC. */
  lastRun: string;
}

/** The lineages that were run in this home, the newest first; none in one that nothing was run in. */
export async function knownLineages(home: string): Promise<KnownLineage[]> {
  if (!existsSync(databasePath(home)) && !existsSync(storeFolder(home))) return [];
  const { rows } = await runQuery(
    home,
    'SELECT lineage, plan, last_recorded FROM latest_lineages ORDER BY last_recorded DESC, lineage',
  );
  return rows.map(([lineage, plan, lastRun]) => ({
    lineage: String(lineage),
    plan: String(plan),
    lastRun: String(lastRun),
  }));
}

/** A client of the Temporal that lineages of this home run on, or undefined where none runs; starts nothing. */
export async function connectIfAlive(home: string, context: Context): Promise<ConnectedClient | undefined> {
  const loaded = await loadConfig(context.cwd, context.env);
  const configured = configuredServer(loaded, context.env);
  if (configured !== null) return connectClient(configured);
  const state = await readHostState(home);
  if (state?.state !== 'running' || !isRunning(state.host)) return undefined;
  return connectClient(localServer(state.address, home, loaded.config));
}
