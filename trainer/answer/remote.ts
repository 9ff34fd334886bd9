/** Answers of an OpenAI-compatible endpoint. */
import { setMaxListeners } from 'node:events';
import type { GenerateJob } from '../../schemas/types/job.ts';
import { TrainerFailure } from '../failure.ts';
import { random } from '../random.ts';
import { version } from '../version.ts';
import type { Answerer } from './answerer.ts';
import type { Question } from './answers.ts';
import { createEndpoint, type Endpoint, type Patience } from './endpoint.ts';
import { endpointSettings } from './endpoint-settings.ts';

/** Requests at a time. A server takes as many as it can at once, and lets the others wait. */
const requestsAtOnce = 16;

/** Milliseconds between looks whether it is to stop. */
const lookEvery = 100;

/**
 * The model of that name at the endpoint that the environment names. Responses are asked for one by one, each with a seed
 * that follows from the job's, the problem and the sample, since servers may refuse to give several at once; whether it
 * makes them the same again is the server's affair.
 *
 * @throws TrainerFailure as `endpointSettings` does
 */
export function remoteAnswerer(
  { recipe, seed }: Pick<GenerateJob, 'recipe' | 'seed'>,
  model: string,
  env: NodeJS.ProcessEnv,
  patience?: Patience,
): Answerer {
  const { temperature, topP, maxResponse } = recipe;
  const endpoint = createEndpoint(
    { model, temperature, topP, maxTokens: maxResponse },
    endpointSettings(env),
    patience,
    (line) => process.stderr.write(`${line}\n`),
  );
  return {
    engine: { device: 'cpu', engine: `descent ${version()}, OpenAI-compatible endpoint` },
    async answer(questions, answers, { stopped, onAnswers }) {
      const stop = new AbortController();
      setMaxListeners(0, stop.signal); // all requests wait for it
      const look = setInterval(() => stopped() && stop.abort(), lookEvery);
      const missing = questions.filter((question) => !answers.has(question)).values();
      const work = async () => {
        for (const question of missing) {
          if (stop.signal.aborted) return;
          const answer = await askOne(endpoint, question, seed, stop.signal);
          answers.keep([answer]);
          onAnswers([answer]);
        }
      };
      try {
        await together(Array.from({ length: requestsAtOnce }, work), stop);
      } catch (error) {
        if (!stopped() || error instanceof TrainerFailure) throw error;
      } finally {
        clearInterval(look);
      }
    },
  };
}

async function askOne(endpoint: Endpoint, { problem, index, sample }: Question, seed: number, signal: AbortSignal) {
  const drawn = random(seed, 'generate', 'sample', `${problem.id}/${sample}`).integer(2 ** 31 - 1);
  return { index, sample, ...(await endpoint.ask(problem.prompt, drawn, signal)) };
}

/** Waits for all; when one fails the others are stopped, and its error is thrown. */
async function together(all: readonly Promise<void>[], stop: AbortController): Promise<void> {
  let failed: { error: unknown } | undefined;
  await Promise.all(
    all.map((one) =>
      one.catch((error: unknown) => {
        failed ??= { error };
        stop.abort();
      }),
    ),
  );
  if (failed) throw failed.error;
}
