import { lineageNow } from './lineages.ts';
import type { Change } from './protocol.ts';
import type { Route } from './router.ts';
import type { Shown } from './shown.ts';

/** What happens to a lineage, as it happens. */
export function changeRoutes(shown: Shown): Route[] {
  return [
    {
      method: 'GET',
      path: '/api/lineages/:lineage/changes',
      async stream({ parameters }) {
        const { lineage } = await lineageNow(shown, parameters.lineage as string);
        const missed: Change = { kind: 'replaced' };
        return { missed, start: (tell) => shown.watch.subscribe(lineage, tell) };
      },
    },
  ];
}
