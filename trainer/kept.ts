/** Responses that an earlier evaluation kept, graded again: what is asked and who answers is the same, so nothing is sampled. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { SampleEvent, TrainerEvent } from '../schemas/types/event.ts';
import { grade } from './data/grade/grade.ts';
import type { Problem } from './data/problem.ts';
import { TrainerFailure } from './failure.ts';
import type { Attempted } from './figures.ts';
import type { Response } from './response.ts';

/** Responses by task and problem, each with its number: 0 is the greedy one. */
export type KeptResponses = ReadonlyMap<string, ReadonlyMap<number, SampleEvent>>;

/**
 * The responses in the events of an evaluation, of its last beginning alone: what came before it is void.
 *
 * @throws TrainerFailure `bad-data` where the file cannot be read, or is none of events.
 */
export async function readResponses(path: string): Promise<KeptResponses> {
  const kept = new Map<string, Map<number, SampleEvent>>();
  const lines = createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Number.POSITIVE_INFINITY });
  try {
    for await (const line of lines) {
      const event = JSON.parse(line) as TrainerEvent;
      if (event.event === 'started') kept.clear();
      if (event.event !== 'sample') continue;
      const name = nameOf(event.task, event.problem);
      const responses = kept.get(name) ?? new Map<number, SampleEvent>();
      kept.set(name, responses.set(event.index, event));
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new TrainerFailure('bad-data', `${path}: the responses that it kept cannot be read: ${reason}`, {
      cause: error,
    });
  }
  return kept;
}

/**
 * The kept responses to a problem with the verdicts of today's grader. They have no tokens.
 *
 * @throws TrainerFailure `bad-data` unless there are the greedy response and as many sampled ones.
 */
export function gradeAgain(kept: KeptResponses, task: string, problem: Problem, samples: number): Attempted {
  const responses = kept.get(nameOf(task, problem.id));
  const at = (index: number): Response => {
    const event = responses?.get(index);
    if (event === undefined) {
      const which = `the response ${index} to the problem ${problem.id} of ${task}`;
      throw new TrainerFailure('bad-data', `The earlier evaluation did not keep ${which}. Evaluate the model anew.`);
    }
    const { prompt, response, truncated = false, reward } = event;
    return {
      problem,
      asked: prompt,
      prompt: [],
      tokens: [],
      logProbs: [],
      ended: !truncated,
      text: response,
      ...grade(problem, response),
      ...(reward === undefined ? {} : { reward }),
    };
  };
  return { greedy: at(0), sampled: Array.from({ length: samples }, (_, i) => at(i + 1)) };
}

function nameOf(task: string, problem: string): string {
  return JSON.stringify([task, problem]);
}
