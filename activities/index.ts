import type { Client } from '@temporalio/client';
import type { Claim } from './claim.ts';
import { executeActivity } from './execute.ts';
import type { ExecuteOptions } from './execution.ts';
import { holdActivities } from './holds.ts';
import { pageActivity } from './pages.ts';
import { planReader } from './plans.ts';
import { resultsActivities } from './results.ts';

/** What the activities need: where the work lies, how to start a trainer, and a client for the workflows' server. */
export interface ActivityOptions extends Omit<ExecuteOptions, 'plans'> {
  client: () => Client;
}

/** All activities, by the task queue that serves them. */
export function createActivities({ client, ...options }: ActivityOptions) {
  const { home, storage } = options;
  const plans = planReader(home, storage);
  return {
    /** On the lineage queue: short ones. */
    light: { readPage: pageActivity(home, plans, storage), ...holdActivities(home, plans, client) },
    /** On the results queue, one at a time, by the worker that has the claim to write. */
    results: (claim: Claim) => resultsActivities({ home, storage }, plans, claim),
    /** On the queue of a device class. */
    device: { executeNode: executeActivity({ ...options, plans }) },
  };
}

/** The activities as workflows see them. */
export type Activities = ReturnType<typeof createActivities>['light'] &
  ReturnType<ReturnType<typeof createActivities>['results']> &
  ReturnType<typeof createActivities>['device'];
