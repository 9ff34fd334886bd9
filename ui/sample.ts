import type { SampleEvent } from '../schemas/types/event.ts';
import type { Sample } from './protocol.ts';

/** A sample as a trainer told of it, `at` being where that was. */
export function sampleOf(event: SampleEvent, at: number): Sample {
  const { step, task, problem, index, prompt, response, answer, expected, correct, why, reward } = event;
  return {
    at,
    step: task === 'rollout' ? step : null,
    task,
    problem,
    index,
    prompt,
    response,
    answer,
    expected,
    right: correct,
    why: why ?? null,
    reward: reward ?? null,
  };
}
