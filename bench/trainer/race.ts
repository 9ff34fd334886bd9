import { cpus } from 'node:os';
import { type Engine, type Program, startEngine } from './engine.ts';
import type { Task, Turn } from './tasks.ts';

/** Who takes part in a race: a program on its variant of the task. */
export interface Entrant {
  name: string;
  program: Program;
  task: Task;
}

/** What an entrant took. */
export interface Raced {
  name: string;
  /** The first time, with what is compiled at it. */
  first: Turn;
  /** The median of its turns. */
  seconds: number;
  cpuSeconds: number;
  /** The least of its turns. */
  leastSeconds: number;
  /** Its seconds to those of the first entrant: the median of the rounds' ratios. */
  ratio: number;
  peakMegabytes: number | undefined;
  /** Whether other programs kept the processors busy meanwhile, which falls on the entrants unequally. */
  disturbed: boolean;
}

/** The share of all processors' time from which on others' work disturbs a race. */
const mostOfOthers = 0.1;

/**
 * Lets entrants take turns at their tasks: only one works at a time, and each round begins with another one. A turn is
 * `repeats` times the task. The first time and a turn after it are to warm up and do not count.
 *
 * Turns even out a machine whose speed drifts, and not one that is busy: OpenMP's threads (PyTorch's) wait for each other
 * by spinning, and where one of them is kept from running, steps take many times as long, of CPU time too.
 */
export async function race(entrants: readonly Entrant[], repeats: number, rounds: number): Promise<Raced[]> {
  const engines: Engine[] = [];
  try {
    const firsts: Turn[] = [];
    for (const { program, task } of entrants) {
      const engine = startEngine(program, task);
      engines.push(engine);
      firsts.push(await engine.turn(1));
      await engine.turn(repeats);
    }
    const turns: Turn[][] = engines.map(() => []);
    const [start, busy] = [performance.now(), busySeconds()];
    for (let round = 0; round < rounds; round++) {
      for (let place = 0; place < engines.length; place++) {
        const at = (round + place) % engines.length;
        (turns[at] as Turn[]).push(await (engines[at] as Engine).turn(repeats));
      }
    }
    const own = turns.flat().reduce((sum, { cpuSeconds }) => sum + cpuSeconds * repeats, 0);
    const available = (cpus().length * (performance.now() - start)) / 1000;
    const disturbed = busySeconds() - busy - own > mostOfOthers * available;
    const peaks = await Promise.all(engines.map((engine) => engine.peakMegabytes()));
    return entrants.map(({ name }, at) => ({
      name,
      first: firsts[at] as Turn,
      ...summary(turns[at] as Turn[], turns[0] as Turn[]),
      peakMegabytes: peaks[at],
      disturbed,
    }));
  } finally {
    await Promise.all(engines.map((engine) => engine.stop()));
  }
}

function summary(turns: Turn[], ofFirst: Turn[]): Pick<Raced, 'seconds' | 'cpuSeconds' | 'leastSeconds' | 'ratio'> {
  return {
    seconds: median(turns.map(({ seconds }) => seconds)),
    cpuSeconds: median(turns.map(({ cpuSeconds }) => cpuSeconds)),
    leastSeconds: Math.min(...turns.map(({ seconds }) => seconds)),
    ratio: median(turns.map(({ seconds }, round) => seconds / (ofFirst[round] as Turn).seconds)),
  };
}

/** What all processors have worked, for whomever. */
function busySeconds(): number {
  return cpus().reduce((sum, { times: { user, nice, sys, irq } }) => sum + (user + nice + sys + irq) / 1000, 0);
}

/** The middle one of some numbers; of an even number, the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const [low, high] = [Math.floor((sorted.length - 1) / 2), Math.ceil((sorted.length - 1) / 2)];
  return ((sorted[low] as number) + (sorted[high] as number)) / 2;
}
