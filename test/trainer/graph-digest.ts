/** Prints the digest of what some captured steps of training leave: for graph.test.ts, in a process of its own. */
import { createHash } from 'node:crypto';
import { adamw } from '../../trainer/adamw.ts';
import { initialise } from '../../trainer/init.ts';
import { supervisedSteps } from '../../trainer/supervised.ts';
import { tiny } from './support.ts';

// As wide, and with as many rows, as it takes for products to be split among threads.
const architecture = { ...tiny, hidden: 64, ffn: 172 };
const model = adamw(initialise(architecture, 1), { betas: [0.9, 0.95], weightDecay: 0.1, clip: 1 });
const update = supervisedSteps(architecture, model);
const [sequences, time] = [33, 64];
const drawn = (step: number) =>
  Int32Array.from({ length: sequences * time }, (_, i) => (i * 31 + 7 * step) % tiny.vocab);
const weights = new Float32Array(sequences * time).fill(1 / (sequences * time));
const digest = createHash('sha256');
for (let step = 0; step < 3; step++) {
  const metrics = update({ sequences, time, tokens: drawn(step), targets: drawn(step + 1), weights }, 1e-3);
  digest.update(JSON.stringify(metrics));
}
for (const parameter of Object.values(model.parameters)) digest.update(parameter.dataSync());
process.stdout.write(digest.digest('hex'));
