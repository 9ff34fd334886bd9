import {
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
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
import { execute, failed, failureOf, light } from './calls.ts';
import { lineageDetails, mostNamed } from './details.ts';
import { briefly, keepFailure } from './failures.ts';
import { holdingOf } from './holding.ts';
import {
  type LineageCounts,
  type LineageInput,
  type NodeFailure,
  type NodeInput,
  type NodeOutcome,
  nodesFinishedSignal,
  pauseSignal,
  resumeSignal,
  statusQuery,
  unpauseSignal,
} from './messages.ts';
import { executeActivityId, widestWindow } from './names.ts';
import { recordingOf } from './recording.ts';
import { Schedule, stateLetters } from './schedule.ts';
import { handleSignals, on } from './signals.ts';

/** A full window is filled again when this share of it has become free, or so many seconds after a place has. */
const gatheredShare = 1 / 8;
const gatherPlacesSeconds = 1;

/** It is looked after held nodes this often, should the word of an end have been lost. */
const patrolMinutes = 10;

/** How long a lineage that goes waits for results to be stored: the next one ingests what is missing. */
const recordingPatienceSeconds = 5;

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
  /** Short nodes that this run executes; all other running ones are held. */
  const executing = new Set<number>();
  const holding = holdingOf(me, planDigest, settings);
  const recording = recordingOf({
    planDigest,
    settings,
    withPlan: input.carried === undefined || input.carried.behind === true,
    failure: input.carried?.unwritten,
    inHurry: () => schedule.finished,
    onWritten: advance,
  });
  /** Whether the window was filled to its end, and whether places in it are waited for. */
  let full = false;
  let gathering = false;
  let loading = false;
  let stopping = false;
  /** What came when it was too late to go on here: it begins anew. */
  let again: { failFast: boolean } | undefined;
  let failFast = input.carried?.failFast ?? false;
  /** What a person wants, and what is so: a change takes until all nodes are told. */
  let paused = input.carried?.paused ?? false;
  let resting = false;
  let changing = false;

  function advance(): void {
    if (stopping) return;
    const leaving = workflowInfo().continueAsNewSuggested;
    if (!changing && resting !== paused) run(pauseOrGoOn);
    if (!leaving && !paused && !resting) startReady();
    if (!leaving && !loading && schedule.nextPage !== undefined) run(loadPage);
    setCurrentDetails(
      lineageDetails(schedule.counts, schedule.runningAddresses(mostNamed), Object.values(failures), paused),
    );
    const finished = schedule.finished && recording.idle;
    if (tasks.size > 0 || !(leaving || finished)) return;
    stopping = true;
    ended.resolve(finished ? 'finished' : 'continue');
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
    const page = await light.readPage({ planDigest, from, device: settings.device });
    loading = false;
    schedule.load(page);
    recording.add(page.nodes.flatMap(({ published }, offset) => (published ? [from + offset] : [])));
    advance();
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
    return schedule.running().filter((index) => !executing.has(index));
  }

  async function executeShort(index: number): Promise<void> {
    const node = schedule.node(index);
    if (node === undefined) return;
    const mine = shorts;
    executing.add(index);
    const input: NodeInput = { planDigest, index, settings, ...node };
    const outcome = await mine.run(() => execute(input, executeActivityId(index)));
    if (outcome.state === 'cancelled' && scope.consideredCancelled) return;
    executing.delete(index);
    if (outcome.state === 'cancelled' && mine.consideredCancelled) schedule.putBack(index);
    else settle(index, outcome);
  }

  function settle(index: number, outcome: NodeOutcome): void {
    if (schedule.stateOf(index) !== 'running') return;
    schedule.settle(index, outcome.state === 'done' ? 'done' : 'failed');
    recording.add([index]);
    if (outcome.state === 'done') return;
    if (failFast) ended.resolve('failed-fast');
    keepFailure(failures, index, outcome.state === 'failed' ? outcome.failure : cancelledByRequest);
  }

  /** Looks into the store again, and tries again what failed. */
  function startOver(asked: { failFast: boolean }): void {
    failFast = asked.failFast;
    schedule.restart();
    for (const index of Object.keys(failures)) delete failures[Number(index)];
    recording.tryAgain();
    advance();
  }

  async function patrol(): Promise<void> {
    for (;;) {
      await sleep(`${patrolMinutes} minutes`);
      if (!paused && !resting) run(() => holding.lookAfter(held()));
    }
  }

  /** Ends what this run has under way, and lets go of every node that was asked for. */
  async function letGo(): Promise<void> {
    stopping = true;
    scope.cancel();
    await holding.release(held);
    while (tasks.size > 0) await Promise.allSettled(tasks);
    await recording.finish(recordingPatienceSeconds);
  }

  // Before any signal is heeded: it could end with the results of these missing.
  if (input.carried?.behind) recording.add(schedule.ended());
  if (input.carried !== undefined && !paused) run(() => holding.request(held()));
  setHandler(statusQuery, () => ({
    counts: schedule.counts,
    states: schedule.states(),
    failures,
    unwritten: !recording.idle,
    pace: !paused ? 'going' : resting && !changing && tasks.size === 0 ? 'paused' : 'pausing',
  }));
  handleSignals(
    on(nodesFinishedSignal, (ends) => {
      for (const { index, outcome } of ends) settle(index, outcome);
      advance();
    }),
    on(pauseSignal, () => {
      paused = true;
      advance();
    }),
    on(unpauseSignal, () => {
      paused = false;
      advance();
    }),
    on(resumeSignal, (asked) => {
      paused = false;
      if (stopping) again = asked;
      else startOver(asked);
    }),
  );

  try {
    void scope.run(patrol).catch(ignoreCancellation);
    if (failFast && schedule.counts.failed > 0) ended.resolve('failed-fast');
    advance();
    const how = await ended;
    if (how === 'continue') {
      const written = await recording.finish(recordingPatienceSeconds);
      if (again !== undefined) startOver(again);
      const { failure } = recording;
      return await continueAsNew<typeof lineageWorkflow>({
        ...input,
        carried: {
          states: schedule.states(),
          failures,
          ...(failure && { unwritten: briefly(failure) }),
          ...((!written || failure) && { behind: true }),
          paused,
          failFast,
        },
      });
    }
    if (how === 'failed-fast') {
      await CancellationScope.nonCancellable(letGo);
      if (CancellationScope.current().consideredCancelled) throw new CancelledFailure('the lineage was cancelled');
      if (again !== undefined)
        return await continueAsNew<typeof lineageWorkflow>(begunAnew(input, again.failFast, paused));
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
  if (recording.failure !== undefined) {
    const message = `all nodes are done, but their results could not be stored: ${recording.failure.message}`;
    throw failed(message, 'results', schedule.counts);
  }
  return schedule.counts;
}

function ignoreCancellation(error: unknown): void {
  if (!isCancellation(error)) throw error;
}

/** Of a node that a person cancelled. */
const cancelledByRequest: NodeFailure = { kind: 'cancelled', message: 'it was cancelled by request', lastLines: [] };

/** A lineage that holds nothing and knows nothing of its nodes, in a history of its own. */
function begunAnew(input: LineageInput, failFast: boolean, paused: boolean): LineageInput {
  const states = stateLetters.waiting.repeat(input.total);
  return { ...input, carried: { states, failures: {}, behind: true, paused, failFast } };
}
