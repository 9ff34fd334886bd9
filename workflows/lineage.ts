import {
  ApplicationFailure,
  CancellationScope,
  ContinueAsNew,
  condition,
  continueAsNew,
  isCancellation,
  setCurrentDetails,
  setHandler,
  sleep,
  Trigger,
  workflowInfo,
} from '@temporalio/workflow';
import { execute, failed, failureOf, light, writer } from './calls.ts';
import { carriedFailures } from './carried.ts';
import { lineageDetails, mostNamed } from './details.ts';
import { holdingOf } from './holding.ts';
import {
  type LineageCounts,
  type LineageInput,
  mostFailures,
  type NodeFailure,
  type NodeOutcome,
  nodesFinishedSignal,
  pauseSignal,
  resumeSignal,
  statusQuery,
  unpauseSignal,
} from './messages.ts';
import { executeActivityId, widestWindow } from './names.ts';
import { Schedule } from './schedule.ts';

/** Nodes whose events go into DuckDB with one call: it likes large transactions. */
const ingestBatch = 500;
/** What ends within so many seconds goes into DuckDB together. */
const gatherResultsSeconds = 2;
/** A full window is filled again when this share of it has become free, or so many seconds after a place has. */
const gatheredShare = 1 / 8;
const gatherPlacesSeconds = 1;

/** A held node is asked for again this often, should the word of its end have been lost. */
const patrolMinutes = 30;

/**
 * Runs a frozen plan: every node once, parents first, at most a window of them at a time. Nodes that the store has are
 * not started. A node that fails blocks what depends on it, and all others go on; the workflow fails at the end, saying
 * how many did; with `failFast` it ends at the first. Cancelling it, or pausing it, lets go of all nodes: those that no
 * other lineage needs are stopped, and their checkpoints stay.
 *
 * Nothing here waits on a condition that several could pass at once: whatever ends calls `advance`, and `advance` hands
 * the free places on, first come, first served.
 */
export async function lineageWorkflow(input: LineageInput): Promise<LineageCounts> {
  const { planDigest, total, settings } = input;
  const me = workflowInfo().workflowId;
  const window = Math.min(settings.window, widestWindow);
  const schedule = new Schedule(total, input.carried?.states);
  const failures: Record<number, NodeFailure> = { ...input.carried?.failures };
  const scope = new CancellationScope();
  /** Of the short nodes, which a pause stops. */
  let shorts = new CancellationScope({ cancellable: true, parent: scope });
  const ended = new Trigger<'finished' | 'continue' | 'failed-fast'>();
  /** What this run has under way. Training nodes that were asked for are not in it: they outlive the run. */
  const tasks = new Set<Promise<void>>();
  const toIngest: number[] = [];
  const holding = holdingOf(me, planDigest, settings);
  let ingesting = false;
  let unwritten = input.carried?.unwritten;
  /** Whether the window was filled to its end, and whether places in it are waited for. */
  let full = false;
  let gathering = false;
  let loading = false;
  let stopping = false;
  let failFast = input.carried?.failFast ?? false;
  /** What a person wants, and what is so: a change takes until all nodes are told. */
  let paused = input.carried?.paused ?? false;
  let resting = paused;
  let changing = false;

  function advance(): void {
    if (stopping) return;
    const leaving = workflowInfo().continueAsNewSuggested;
    if (!changing && resting !== paused) run(pauseOrGoOn);
    if (!leaving && !paused && !resting) startReady();
    if (!leaving && !loading && schedule.nextPage !== undefined) run(loadPage);
    if (!ingesting && toIngest.length > 0) run(ingest);
    setCurrentDetails(
      lineageDetails(schedule.counts, schedule.runningAddresses(mostNamed), Object.values(failures), paused),
    );
    if (tasks.size > 0 || !(leaving || schedule.finished)) return;
    stopping = true;
    ended.resolve(schedule.finished ? 'finished' : 'continue');
  }

  function startReady(): void {
    if (gathering) return;
    if (full && schedule.counts.running < window) {
      full = false;
      run(gatherPlaces);
      return;
    }
    const toRequest: number[] = [];
    while (schedule.counts.running < window) {
      const index = schedule.take();
      if (index === undefined) break;
      if (schedule.node(index)?.runsAs === 'workflow') toRequest.push(index);
      else run(() => executeShort(index));
    }
    full = schedule.counts.running >= window;
    if (toRequest.length > 0) run(() => holding.request(toRequest));
  }

  /** Of a window that was full, several places are filled together: a call for each node would cost as much as the node. */
  async function gatherPlaces(): Promise<void> {
    gathering = true;
    const enough = () => stopping || paused || schedule.counts.running <= window * (1 - gatheredShare);
    await condition(enough, `${gatherPlacesSeconds} seconds`).finally(() => {
      gathering = false;
    });
  }

  /** Starts something of this run's own. When it throws, the lineage cannot go on. */
  function run(task: () => Promise<void>): void {
    const promise = scope
      .run(task)
      .catch((error: unknown) => ended.reject(error))
      .finally(() => {
        tasks.delete(promise);
        advance();
      });
    tasks.add(promise);
  }

  async function loadPage(): Promise<void> {
    const from = schedule.nextPage;
    if (from === undefined) return;
    loading = true;
    try {
      const page = await light.readPage({ planDigest, from, device: settings.device });
      schedule.load(page);
      toIngest.push(...page.nodes.flatMap(({ published }, offset) => (published ? [from + offset] : [])));
    } finally {
      loading = false;
    }
  }

  /** What short nodes have done is lost, which is minutes; training nodes save a checkpoint, if nobody else needs them. */
  async function pauseOrGoOn(): Promise<void> {
    changing = true;
    try {
      resting = paused;
      if (resting) {
        shorts.cancel();
        await holding.release(held);
      } else {
        shorts = new CancellationScope({ cancellable: true, parent: scope });
        await holding.request(held());
      }
    } finally {
      changing = false;
    }
  }

  function held(): number[] {
    return schedule.running().filter((index) => schedule.node(index)?.runsAs !== 'activity');
  }

  async function executeShort(index: number): Promise<void> {
    const node = schedule.node(index);
    if (node === undefined) return;
    const mine = shorts;
    const outcome = await mine.run(() => execute({ planDigest, index, settings, ...node }, executeActivityId(index)));
    if (outcome.state !== 'cancelled' || !mine.consideredCancelled) settle(index, outcome);
    else if (!scope.consideredCancelled) schedule.putBack(index);
  }

  async function recordLineage(): Promise<void> {
    ingesting = true;
    await write((results) => results.recordLineage({ planDigest }));
    ingesting = false;
  }

  /** One call at a time takes all that has come together since the last: to open DuckDB costs more than many nodes. */
  async function ingest(): Promise<void> {
    ingesting = true;
    const enough = () => stopping || unwritten !== undefined || schedule.finished || toIngest.length >= ingestBatch;
    await CancellationScope.nonCancellable(() => condition(enough, `${gatherResultsSeconds} seconds`));
    const indexes = toIngest.splice(0, ingestBatch);
    await write((results) => results.ingestNodes({ planDigest, indexes }));
    ingesting = false;
  }

  /** Results that cannot be stored stop no training: the store has them, and the next run ingests what is missing. */
  async function write(call: (results: ReturnType<typeof writer>) => Promise<void>): Promise<void> {
    if (unwritten !== undefined) return;
    try {
      await CancellationScope.nonCancellable(() => call(writer(settings)));
    } catch (error) {
      unwritten = failureOf(error);
    }
  }

  function settle(index: number, outcome: NodeOutcome): void {
    if (schedule.stateOf(index) !== 'running') return;
    schedule.settle(index, outcome.state === 'done' ? 'done' : 'failed');
    toIngest.push(index);
    if (outcome.state === 'done') return;
    if (failFast) ended.resolve('failed-fast');
    if (Object.keys(failures).length >= mostFailures) return;
    failures[index] =
      outcome.state === 'failed'
        ? outcome.failure
        : { kind: 'cancelled', message: 'it was cancelled by request', lastLines: [] };
  }

  async function patrol(): Promise<void> {
    for (;;) {
      await sleep(`${patrolMinutes} minutes`);
      if (!paused && !resting) run(() => holding.request(held()));
    }
  }

  /** Ends what this run has under way, and lets go of every node that was asked for. */
  async function letGo(): Promise<void> {
    stopping = true;
    scope.cancel();
    await holding.release(held);
    while (tasks.size > 0) await Promise.allSettled(tasks);
  }

  setHandler(statusQuery, () => ({
    counts: schedule.counts,
    states: schedule.states(),
    failures,
    unwritten: toIngest.length + (ingesting ? 1 : 0) > 0,
    pace: !paused ? 'going' : resting && !changing && tasks.size === 0 ? 'paused' : 'pausing',
  }));
  setHandler(nodesFinishedSignal, (ends) => {
    for (const { index, outcome } of ends) settle(index, outcome);
    advance();
  });
  setHandler(pauseSignal, () => {
    paused = true;
    advance();
  });
  setHandler(unpauseSignal, () => {
    paused = false;
    advance();
  });
  setHandler(resumeSignal, (asked) => {
    failFast = asked.failFast;
    paused = false;
    schedule.restart();
    for (const index of Object.keys(failures)) delete failures[Number(index)];
    unwritten = undefined;
    advance();
  });

  try {
    if (input.carried === undefined) run(recordLineage);
    else if (!paused) run(() => holding.request(held()));
    void scope.run(patrol).catch(ignoreCancellation);
    advance();
    const how = await ended;
    if (how === 'continue') {
      return await continueAsNew<typeof lineageWorkflow>({
        ...input,
        carried: {
          states: schedule.states(),
          failures: carriedFailures(failures),
          ...(unwritten && { unwritten }),
          paused,
          failFast,
        },
      });
    }
    if (how === 'failed-fast') {
      await CancellationScope.nonCancellable(letGo);
      while (toIngest.length > 0) await ingest();
    }
  } catch (error) {
    if (error instanceof ContinueAsNew) throw error;
    await CancellationScope.nonCancellable(letGo);
    if (isCancellation(error)) throw error;
    const { kind, message } = failureOf(error);
    throw ApplicationFailure.nonRetryable(`the lineage ${input.lineage} cannot go on: ${message}`, kind);
  }
  const { blocked, running, waiting } = schedule.counts;
  if (schedule.counts.failed > 0) {
    const fast = `${running + waiting + blocked} were not run any more, as the first failure ends it`;
    const slow = `${blocked} could not run because of them`;
    const message = `${schedule.counts.failed} of ${total} nodes failed, and ${failFast ? fast : slow}`;
    throw failed(message, 'nodes-failed', schedule.counts);
  }
  if (unwritten !== undefined) {
    const message = `all nodes are done, but their results could not be stored: ${unwritten.message}`;
    throw failed(message, 'results', schedule.counts);
  }
  return schedule.counts;
}

function ignoreCancellation(error: unknown): void {
  if (!isCancellation(error)) throw error;
}
