import type { Client } from '@temporalio/client';
import type { LoadedConfig } from './config.ts';
import {
  type ConnectedClient,
  configuredServer,
  connectClient,
  localServer,
  type TemporalServer,
  unanswered,
} from './connect.ts';
import { isAlive, readHostState } from './host-state.ts';

/** Between two tries to reach a server that could not be reached. */
const retryMs = 10_000;

/** The Temporal that lineages of a home run on, as it is at one moment. */
export interface TemporalNow {
  /** Undefined where none runs, or it cannot be reached. */
  client: Client | undefined;
  /** Of the Temporal UI; null where it is not known. */
  uiAddress: string | null;
  /** Why it cannot be reached, in a sentence; null where it can, and where none runs. */
  trouble: string | null;
}

/** A connection that is kept from one look to the next. */
export interface KeptTemporal {
  now(): Promise<TemporalNow>;
  /** What to tell of an error that came of asking it. */
  explain(error: unknown): Promise<unknown>;
  close(): Promise<void>;
}

/**
 * Keeps a connection to the Temporal that is configured, else to the home's own for as long as that runs; starts nothing. A
 * server that cannot be reached is tried again after some seconds, and nobody waits for it in between.
 */
export function keepTemporal(home: string, loaded: LoadedConfig, env: NodeJS.ProcessEnv): KeptTemporal {
  const configured = configuredServer(loaded, env);
  let kept: { server: TemporalServer; connected: ConnectedClient } | undefined;
  let refused: { address: string; trouble: string; until: number } | undefined;
  let connecting: Promise<void> | undefined;
  let closed = false;

  const letGo = async (): Promise<void> => {
    const before = kept;
    kept = undefined;
    await before?.connected.close();
  };

  const connect = async (server: TemporalServer): Promise<void> => {
    await letGo();
    try {
      const connected = await connectClient(server);
      if (closed) await connected.close();
      else kept = { server, connected };
      refused = undefined;
    } catch (error) {
      const trouble = error instanceof Error ? error.message : String(error);
      refused = { address: server.address, trouble, until: performance.now() + retryMs };
    }
  };

  return {
    async now() {
      const { server, uiAddress } = await serverNow(home, configured, loaded);
      if (server === undefined) {
        await letGo();
        return { client: undefined, uiAddress, trouble: null };
      }
      const isRefused = refused?.address === server.address && performance.now() < refused.until;
      if (kept?.server.address !== server.address && !isRefused && !closed) {
        connecting ??= connect(server).finally(() => {
          connecting = undefined;
        });
        await connecting;
      }
      if (kept?.server.address === server.address) return { client: kept.connected.client, uiAddress, trouble: null };
      return { client: undefined, uiAddress, trouble: refused?.trouble ?? null };
    },
    async explain(error) {
      return kept === undefined ? error : await unanswered(kept.server, kept.connected, error);
    },
    async close() {
      closed = true;
      await connecting;
      await letGo();
    },
  };
}

async function serverNow(
  home: string,
  configured: TemporalServer | null,
  { config }: LoadedConfig,
): Promise<{ server: TemporalServer | undefined; uiAddress: string | null }> {
  if (configured !== null) return { server: configured, uiAddress: null };
  const state = await readHostState(home);
  if (state?.state !== 'running' || !isAlive(state)) return { server: undefined, uiAddress: null };
  return { server: localServer(state.address, home, config), uiAddress: state.uiAddress };
}
