/** Wall-clock matters of the loop: how fast it goes, when to tell, when to save. Nothing here touches a result. */

/** Milliseconds between progress events, between checkpoints, and the span that speed is measured over. */
const progressEvery = 250;
const checkpointEveryDefault = 60_000;
const speedSpan = 10_000;

export interface Speed {
  tokensPerSecond: number;
  secondsLeft: number;
}

export interface Pace {
  /** Notes steps of so many tokens, one unless it says how many, with so many to go; gives the speed of late when it is time to tell it. */
  afterStep(tokens: number, stepsLeft: number, steps?: number): Speed | undefined;
  /** Whether to save now, and if so, that it is done now. */
  checkpointDue(step: number): boolean;
  /** What a step took on average, without the first, which prepares for the others; undefined where there is no other. */
  secondsPerStep(): number | undefined;
}

/** @param checkpointEvery steps between checkpoints; 0: about every minute */
export function createPace(checkpointEvery: number, now: () => number = () => performance.now()): Pace {
  let told = Number.NEGATIVE_INFINITY;
  let saved = now();
  let first: number | undefined;
  let [last, others] = [now(), 0];
  let recent = [{ at: now(), tokens: 0, steps: 0 }];
  return {
    afterStep(tokens, stepsLeft, steps = 1) {
      const at = now();
      if (first === undefined) first = at;
      else others += 1;
      last = at;
      recent.push({ at, tokens, steps });
      // The span keeps at least one step, however long that took.
      while (recent.length > 2 && at - (recent[1] as { at: number }).at > speedSpan) recent = recent.slice(1);
      if (at - told < progressEvery && stepsLeft > 0) return undefined;
      told = at;
      const seconds = Math.max(at - (recent[0] as { at: number }).at, 1) / 1000;
      const done = recent.slice(1);
      return {
        tokensPerSecond: done.reduce((sum, step) => sum + step.tokens, 0) / seconds,
        secondsLeft: (stepsLeft * seconds) / done.reduce((sum, step) => sum + step.steps, 0),
      };
    },
    checkpointDue(step) {
      const due = checkpointEvery > 0 ? step % checkpointEvery === 0 : now() - saved >= checkpointEveryDefault;
      if (due) saved = now();
      return due;
    },
    secondsPerStep() {
      return first === undefined || others === 0 ? undefined : (last - first) / 1000 / others;
    },
  };
}
