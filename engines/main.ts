/** The program that trains or evaluates with another framework: `node main.js <job.json> [--detached]`, as `runProgram` says. */
import { engineOf } from '../schemas/engines.ts';
import type { DrivenEngine, Job } from '../schemas/types/job.ts';
import type { Outcome, TrainerContext } from '../trainer/context.ts';
import { TrainerFailure } from '../trainer/failure.ts';
import { runProgram } from '../trainer/program.ts';

/** What runs a job by each engine. */
const adapters: {
  [Name in DrivenEngine]: () => Promise<{ run(job: Job, context: TrainerContext): Promise<Outcome> }>;
} = {
  litgpt: () => import('./litgpt/adapter.ts'),
  trl: () => import('./trl/adapter.ts'),
  'llama-factory': () => import('./llama-factory/adapter.ts'),
  verl: () => import('./verl/adapter.ts'),
  'lm-eval': () => import('./lm-eval/adapter.ts'),
};

await runProgram(async (job, context) => {
  const engine = engineOf(job.recipe);
  const adapter =
    engine !== undefined && Object.hasOwn(adapters, engine) ? adapters[engine as DrivenEngine] : undefined;
  if (adapter === undefined) throw new TrainerFailure('bad-job', `${job.address} names no engine that Descent drives`);
  const { run } = await adapter();
  return run(job, context);
});
