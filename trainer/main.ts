/** The built-in trainer, a program: `node main.js <job.json> [--detached]`, as `runProgram` says. */
import type { Job } from '../schemas/types/job.ts';
import type { Outcome, TrainerContext } from './context.ts';
import { runProgram } from './program.ts';

type Run<Type extends Job['type']> = (job: Extract<Job, { type: Type }>, context: TrainerContext) => Promise<Outcome>;

/** What runs each type of job. Loaded when needed: TensorFlow reads the environment once, and a tokenizer needs none. */
const stages: { [Type in Job['type']]: () => Promise<{ run: Run<Type> }> } = {
  tokenizer: () => import('./stages/tokenizer.ts'),
  overlap: () => import('./stages/overlap.ts'),
  pretrain: () => import('./stages/pretrain.ts'),
  cpt: () => import('./stages/cpt.ts'),
  trunk: () => import('./stages/trunk.ts'),
  checkpoint: () => import('./stages/checkpoint.ts'),
  sft: () => import('./stages/sft.ts'),
  rl: () => import('./stages/rl.ts'),
  dpo: () => import('./stages/dpo.ts'),
  reward: () => import('./stages/reward.ts'),
  generate: () => import('./stages/generate.ts'),
  build: () => import('./stages/build.ts'),
  evaluate: () => import('./stages/evaluate.ts'),
};

await runProgram(async (job, context) => {
  process.env.DESCENT_DEVICE = job.placement.device;
  process.env.DESCENT_THREADS = String(job.placement.threads);
  const { run } = await stages[job.type]();
  return (run as Run<Job['type']>)(job as never, context);
});
