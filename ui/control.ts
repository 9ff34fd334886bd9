import type { Live } from './live.ts';
import type { Done } from './protocol.ts';
import type { Route } from './router.ts';
import type { Shown } from './shown.ts';

/** What may be done to a lineage: each is answered when it is done. */
export function controlRoutes({ live, watch }: Shown): Route[] {
  const verbs: (keyof Live & ('pause' | 'unpause' | 'cancel'))[] = ['pause', 'unpause', 'cancel'];
  return verbs.map((verb) => ({
    method: 'POST' as const,
    path: `/api/lineages/:lineage/${verb}`,
    async answer({ parameters, body }): Promise<Done> {
      // No form of another site can send JSON.
      await body();
      const done = await live[verb](parameters.lineage as string);
      watch.lookSoon(parameters.lineage as string);
      return { done };
    },
  }));
}
