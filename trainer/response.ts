/** A response of a model to a problem, and its verdict. */
import { graderVersion } from '../schemas/catalogue.ts';
import type { SampleEvent } from '../schemas/types/event.ts';
import type { Problem } from './data/problem.ts';
import { TrainerFailure } from './failure.ts';

/** A response as it was written. */
export interface Written {
  problem: Problem;
  /** What was asked, as text. */
  asked: string;
  /** Token ids of the prompt. */
  prompt: number[];
  /** Token ids of the response, with the end token when it ended. */
  tokens: number[];
  /** ln p of each of them, at the temperature it was drawn with. */
  logProbs: number[];
  /** False when it was cut at the longest length, or at the end of the context. */
  ended: boolean;
  /** The response as text, without the end token, and without the stop string that ended it and what comes after. */
  text: string;
}

/** A response and its verdict. */
export interface Response extends Written {
  /** The answer read from the text; null where there is none. */
  answer: string | null;
  correct: boolean;
  /** The two forms of the answer that were compared, or what was missing. */
  why: string;
  /** What a reward model gave it, where one was asked. */
  reward?: number;
}

/** A response as an event: the task (`rollout` in RL), the step of the model, and 0 for greedy or the sample's number. */
export function sampleEvent(task: string, step: number, index: number, response: Response): SampleEvent {
  return {
    event: 'sample',
    task,
    problem: response.problem.id,
    step,
    index,
    prompt: response.asked,
    response: response.text,
    answer: response.answer,
    expected: response.problem.answer,
    correct: response.correct,
    why: response.why,
    truncated: !response.ended,
    ...(response.reward === undefined ? {} : { reward: response.reward }),
  };
}

/** What a job is refused with that asks for another version of the grader than this one's. */
export function graderFailure(asked: number): TrainerFailure {
  const versions = `The job asks for version ${asked} of the grader, this trainer has version ${graderVersion}.`;
  return new TrainerFailure('bad-job', `${versions} Plan again with the Descent that trains.`);
}
