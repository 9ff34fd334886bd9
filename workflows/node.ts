import {
  CancellationScope,
  CancelledFailure,
  condition,
  isCancellation,
  log,
  setCurrentDetails,
  setHandler,
  sleep,
} from '@temporalio/workflow';
import { execute, failed, inTask, light } from './calls.ts';
import {
  holdersQuery,
  holdSignal,
  type NodeInput,
  type NodeOutcome,
  pausedQuery,
  pauseSignal,
  releaseSignal,
  unpauseSignal,
} from './messages.ts';
import { executeActivityId } from './names.ts';
import { handleSignals, on } from './signals.ts';

/** How often it asks whether those who hold the node are still there: a lineage that was terminated cannot let go. */
const auditMinutes = { first: 10, longest: 60 };

/**
 * Trains one node, once, for all lineages that hold it. Started by the first of them together with its hold; tells each
 * how it ended. When the last one lets go, or a person pauses it, the training is stopped, and its checkpoint stays.
 */
export async function nodeWorkflow(input: NodeInput): Promise<NodeOutcome> {
  /** Place of the node in each holder's plan. */
  const holders = new Map<string, number>();
  let training: CancellationScope | undefined;
  let paused = false;

  const release = (lineage: string): void => {
    if (holders.delete(lineage) && holders.size === 0) training?.cancel();
  };
  setHandler(holdersQuery, () => [...holders.keys()]);
  setHandler(pausedQuery, () => paused);
  handleSignals(
    on(holdSignal, ({ lineage, index }) => {
      holders.set(lineage, index);
    }),
    on(releaseSignal, ({ lineage }) => release(lineage)),
    on(pauseSignal, () => {
      paused = true;
      training?.cancel();
    }),
    on(unpauseSignal, () => {
      paused = false;
    }),
  );

  const audit = new CancellationScope();
  void audit.run(() => auditHolders(() => [...holders.keys()], release)).catch(ignoreCancellation);

  const person = CancellationScope.current();
  let outcome: NodeOutcome = { state: 'cancelled' };
  // Let go and taken up again while it was stopping, or unpaused: it goes on.
  while (outcome.state === 'cancelled' && holders.size > 0 && !person.consideredCancelled) {
    if (paused) {
      setCurrentDetails('paused: `descent unpause` goes on from the newest checkpoint');
      await condition(() => !paused || holders.size === 0).catch(ignoreCancellation);
      setCurrentDetails('');
      continue;
    }
    training = new CancellationScope();
    outcome = await training.run(() => execute(input, executeActivityId()));
  }

  audit.cancel();
  await CancellationScope.nonCancellable(() => tell(holders, outcome));
  if (person.consideredCancelled) throw new CancelledFailure('the training was cancelled by request');
  if (outcome.state === 'failed') {
    throw failed(outcome.failure.message, outcome.failure.kind, outcome.failure);
  }
  return outcome;
}

/** Tells every holder, also those that come while the others are told. */
async function tell(holders: Map<string, number>, outcome: NodeOutcome): Promise<void> {
  while (holders.size > 0) {
    await Promise.all(
      [...holders].map(async ([lineage, index]) => {
        holders.delete(lineage);
        try {
          await inTask.tellLineage({ lineage, index, outcome });
        } catch (error) {
          log.warn('could not tell a lineage that this node has ended', { lineage, reason: String(error) });
        }
      }),
    );
  }
}

async function auditHolders(holders: () => string[], release: (lineage: string) => void): Promise<void> {
  for (let minutes = auditMinutes.first; ; minutes = Math.min(auditMinutes.longest, minutes * 2)) {
    await sleep(`${minutes} minutes`);
    try {
      const ended = await light.endedLineages(holders());
      ended.forEach(release);
    } catch (error) {
      if (isCancellation(error)) throw error;
      log.warn('could not ask which lineages still need this node', { reason: String(error) });
    }
  }
}

function ignoreCancellation(error: unknown): void {
  if (!isCancellation(error)) throw error;
}
