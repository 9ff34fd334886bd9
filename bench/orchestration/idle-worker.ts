import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { followEvents, outputPath } from '../../activities/events.ts';
import type { Trainer, TrainerStart } from '../../activities/trainer.ts';
import { loadConfig } from '../../cli/config.ts';
import { configuredServer } from '../../cli/connect.ts';
import { runWorker } from '../../cli/worker.ts';
import type { TrainerEvent } from '../../schemas/types/event.ts';
import type { Job } from '../../schemas/types/job.ts';

// A worker as any other, but for its trainers, which do nothing and are no processes: `idle-worker.js HOME`. What
// remains is what Descent itself costs. It serves the Temporal that is configured in its folder until SIGTERM.

const [, , home = ''] = process.argv;
const stopping = new AbortController();
process.on('SIGTERM', () => stopping.abort());
const loaded = await loadConfig(process.cwd(), process.env);
const server = configuredServer(loaded, process.env);
if (server === null) throw new Error('no Temporal is configured here');
await runWorker({
  home,
  config: loaded.config,
  server,
  classes: Object.keys(loaded.config.devices),
  lineages: true,
  env: process.env,
  signal: stopping.signal,
  start,
});
process.exit();

/** Leaves what the contract wants of a trainer: a model of two small files, or a figure, and events that say so. */
async function start({ jobPath, folder, execution, onEvent }: TrainerStart): Promise<Trainer> {
  const { type } = JSON.parse(await readFile(jobPath, 'utf8')) as Job;
  const events: TrainerEvent[] = [{ event: 'started', resumedFrom: null, steps: 1, device: 'cpu', engine: 'none' }];
  if (type === 'evaluate') {
    const figure = { suite: 'heldout', task: 'all', metric: 'loss', value: 1, n: 10, low: 0, high: 2 };
    events.push({ event: 'evaluation', ...figure }, { event: 'done', step: 1, tokens: 0, model: null, facts: {} });
  } else {
    await mkdir(join(folder, 'model'), { recursive: true });
    await writeFile(join(folder, 'model', 'config.json'), '{}\n');
    await writeFile(join(folder, 'model', 'model.safetensors'), Buffer.from('\u0002\0\0\0\0\0\0\0{}', 'latin1'));
    events.push({ event: 'metrics', step: 1, tokens: 10, values: { loss: 1 } });
    events.push({ event: 'done', step: 1, tokens: 10, model: 'model', facts: { parameters: 1 } });
  }
  await writeFile(outputPath(folder, execution), events.map((event) => `${JSON.stringify(event)}\n`).join(''));
  const said = followEvents(folder, execution, Promise.resolve(), onEvent);
  return {
    process: null,
    stop: () => undefined,
    ended: said.then((all) => ({ said: all, code: 0, signal: null, lastLines: [] })),
  };
}
