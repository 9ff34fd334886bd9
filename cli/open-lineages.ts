import { existsSync } from 'node:fs';
import type { Client } from '@temporalio/client';
import { publicationIn } from '../results/publications.ts';
import { type QueryOptions, runQuery } from '../results/query.ts';
import { databasePath, storeFolder } from '../store/home.ts';
import { loadConfig } from './config.ts';
import {
  type ConnectedClient,
  configuredServer,
  connectClient,
  localServer,
  type TemporalServer,
  unanswered,
} from './connect.ts';
import type { Context } from './context.ts';
import { isAlive, readHostState } from './host-state.ts';

/** A lineage that was run in a home. */
export interface KnownLineage {
  lineage: string;
  title: string | null;
  /** Absolute path of its file. */
  file: string;
  /** Digest of its newest plan. */
  plan: string;
  /** ISO 8601, UTC. */
  lastRun: string;
}

/** The lineages that were run in this home, the newest first; none in one that nothing was run in. Imported ones were not. */
export async function knownLineages(
  home: string,
  options: Pick<QueryOptions, 'patienceSeconds' | 'besideForSeconds'> = {},
): Promise<KnownLineage[]> {
  if (!existsSync(databasePath(home)) && !existsSync(storeFolder(home))) return [];
  const { rows } = await runQuery(
    home,
    'SELECT lineage, title, file, plan, last_recorded FROM latest_lineages ORDER BY last_recorded DESC, lineage',
    {},
    options,
  );
  return rows
    .map(([lineage, title, file, plan, lastRun]) => ({
      lineage: String(lineage),
      title: title === null || title === undefined ? null : String(title),
      file: String(file),
      plan: String(plan),
      lastRun: String(lastRun),
    }))
    .filter(({ lineage }) => publicationIn(lineage) === undefined);
}

/** A client of the Temporal that lineages of this home run on, or undefined where none runs; starts nothing. */
export async function connectIfAlive(
  home: string,
  context: Context,
): Promise<(ConnectedClient & { server: TemporalServer }) | undefined> {
  const loaded = await loadConfig(context.cwd, context.env);
  const server = configuredServer(loaded, context.env) ?? (await ownServer(home, loaded.config));
  return server && { ...(await connectClient(server)), server };
}

/**
 * Hands a client of the Temporal that lineages of this home run on, or undefined where none runs, to `use`; starts
 * nothing. Throws a CommandError that says who is silent where a call of `use` was not answered in time.
 */
export async function askTemporal<T>(
  home: string,
  context: Context,
  use: (client: Client | undefined) => Promise<T>,
): Promise<T> {
  const connected = await connectIfAlive(home, context);
  if (connected === undefined) return await use(undefined);
  try {
    return await use(connected.client);
  } catch (error) {
    throw await unanswered(connected.server, connected, error);
  } finally {
    await connected.close();
  }
}

/** The server that `descent up` or `descent run` keeps up for a home; undefined where none runs. */
export async function ownServer(home: string, config: { codec?: string | null }): Promise<TemporalServer | undefined> {
  const state = await readHostState(home);
  return state?.state === 'running' && isAlive(state) ? localServer(state.address, home, config) : undefined;
}
