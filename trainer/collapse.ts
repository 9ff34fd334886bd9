/**
 * Collapses of reinforcement learning, told by the figures of its rounds: responses that no longer end, and rewards from
 * which nothing is learned any more.
 */
import type { CheckpointState } from '../schemas/types/checkpoint.ts';

/** Of each round, what a collapse is told by. */
export type RoundFigures = NonNullable<CheckpointState['rounds']>[number];

/**
 * A collapse, and the step (from 1) at the end of which it shows:
 *
 * - `runaway-length`: the truncation rate was above `mostTruncated` in each round of a window, after a round that was not;
 * - `dead-reward`: the mean reward of a window is at most `deadReward`, after a window where it was `aliveReward` or more;
 * - `no-signal`: no group had a signal in any round of a window, and that is not because all is solved.
 */
export interface Collapse {
  kind: 'runaway-length' | 'dead-reward' | 'no-signal';
  at: number;
}

/** Rounds in a row that make a collapse: one odd round is none. */
export const window = 10;
/** A truncation rate above this is that of responses that run away: most of them are cut. */
export const mostTruncated = 0.5;
/** A mean reward over a window that is as good as none, of rewards from 0 to 1. */
export const deadReward = 0.01;
/** One that is clearly above that: what was learned once, and is lost. */
export const aliveReward = 0.1;
/** Rewards without a signal because all responses are right: there the task is done. */
export const solvedReward = 0.99;

/** The first collapse in the rounds of a training, in their order; undefined where there is none. */
export function firstCollapse(rounds: readonly RoundFigures[]): Collapse | undefined {
  // How many rounds in a row, up to this one, had responses that run away, or no signal.
  let [truncated, withoutSignal] = [0, 0];
  let [wasShort, wasAlive] = [false, false];
  for (const [index, round] of rounds.entries()) {
    const isTruncated = round.truncationRate > mostTruncated;
    truncated = isTruncated ? truncated + 1 : 0;
    wasShort ||= !isTruncated;
    withoutSignal = round.groupsWithoutSignal >= 1 ? withoutSignal + 1 : 0;
    const at = index + 1;
    if (at < window) continue;
    const reward = rounds.slice(at - window, at).reduce((sum, each) => sum + each.reward, 0) / window;
    if (wasShort && truncated >= window) return { kind: 'runaway-length', at };
    if (wasAlive && reward <= deadReward) return { kind: 'dead-reward', at };
    if (withoutSignal >= window && reward < solvedReward) return { kind: 'no-signal', at };
    wasAlive ||= reward >= aliveReward;
  }
  return undefined;
}
