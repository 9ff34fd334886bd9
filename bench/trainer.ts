import colours from 'picocolors';
import { columns } from '../cli/render/columns.ts';
import type { Architecture } from '../schemas/types/job.ts';
import { adamw } from '../trainer/adamw.ts';
import { capture } from '../trainer/graph/capture.ts';
import { initialise } from '../trainer/init.ts';
import { countParameters, disposeParameters } from '../trainer/model.ts';
import { type Batch, batchTensors, supervisedUpdate, type UpdateTensors } from '../trainer/supervised.ts';
import { tf } from '../trainer/tf.ts';

// How long a training step takes: `npm run bench -- trainer`, or `-- trainer 3.4M` for one size. Eager and captured steps
// take turns, so that what else the machine does falls on all of them; compiling is not counted, and shown by itself. Where
// the machine is busy, CPU time on one thread (`DESCENT_THREADS=1`) is what to compare.

const sequences = 8;

/** Timed steps of each kind. */
const steps = 15;

const sizes: Record<string, Architecture> = {
  '0.4M': architecture({ vocab: 512, hidden: 96, layers: 3, heads: 4, ffn: 256, context: 128 }),
  '3.4M': architecture({ vocab: 512, hidden: 256, layers: 4, heads: 4, ffn: 688, context: 256 }),
  '21M': architecture({ vocab: 2048, hidden: 512, layers: 6, heads: 8, ffn: 1376, context: 256 }),
};

type Shape = Pick<Architecture, 'vocab' | 'hidden' | 'layers' | 'heads' | 'ffn' | 'context'>;

function architecture(shape: Shape): Architecture {
  return { ...shape, kvHeads: shape.heads, ropeTheta: 10_000, normEpsilon: 1e-5 };
}

/** What a step took, in milliseconds. */
interface Taken {
  wall: number;
  /** On all cores together. */
  cpu: number;
}

/** What one kind of step took. */
interface Measured {
  kind: string;
  median: Taken;
  /** The first step, with the time that compiling takes. */
  first: Taken;
}

const asked = process.argv.slice(2);
const rows: string[][] = [];
for (const [name, shape] of Object.entries(sizes)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  const { parameters, measured } = measure(shape);
  const eager = measured[0]?.median as Taken;
  for (const { kind, median, first } of measured) {
    const ratios = [median.wall / eager.wall, median.cpu / eager.cpu].map((ratio) => ratio.toFixed(2));
    const [wall, cpu] = [median.wall, median.cpu].map((time) => time.toFixed(0)) as [string, string];
    const compiling = (first.cpu / 1000).toFixed(1);
    rows.push([
      name,
      parameters.toLocaleString('en'),
      kind,
      wall,
      ratios[0] as string,
      cpu,
      ratios[1] as string,
      compiling,
    ]);
  }
}
const head = ['size', 'parameters', 'step', 'median ms', 'to eager', 'CPU ms', 'to eager', 'first step, CPU s'];
const bold = head.map((title) => colours.bold(title));
process.stdout.write(
  `${columns([bold, ...rows], ['left', 'right', 'left', 'right', 'right', 'right', 'right', 'right'])}\n`,
);

function measure(shape: Architecture): { parameters: number; measured: Measured[] } {
  const parameters = initialise(shape, 1);
  const model = adamw(parameters, { betas: [0.9, 0.95], weightDecay: 0.1, clip: 1 });
  const body = (tensors: UpdateTensors) => supervisedUpdate(shape, model, tensors);
  const float32 = capture(body);
  const bfloat16 = capture(body, { precision: 'bfloat16' });
  const kinds = { eager: body, 'captured float32': float32, 'captured bfloat16': bfloat16 };
  const times = Object.entries(kinds).map(([kind, update]) => ({ kind, update, times: [] as Taken[] }));
  for (let step = 0; step <= steps; step++) {
    for (const { update, times: taken } of times) {
      const [start, cpu] = [performance.now(), process.cpuUsage()];
      tf.tidy(() => {
        const { loss, gradientNorm } = update({ ...batchTensors(randomBatch(shape)), rates: model.nextRates(1e-4) });
        return [loss.dataSync(), gradientNorm.dataSync()] as unknown as number;
      });
      const { user, system } = process.cpuUsage(cpu);
      taken.push({ wall: performance.now() - start, cpu: (user + system) / 1000 });
    }
  }
  const measured = times.map(({ kind, times: [first, ...taken] }) => ({
    kind,
    first: first as Taken,
    median: { wall: median(taken.map(({ wall }) => wall)), cpu: median(taken.map(({ cpu }) => cpu)) },
  }));
  const count = countParameters(parameters);
  for (const captured of [float32, bfloat16]) captured.dispose();
  model.dispose();
  disposeParameters(parameters);
  return { parameters: count, measured };
}

function randomBatch({ context, vocab }: Architecture): Batch {
  const draw = () => Math.floor(Math.random() * vocab);
  const count = sequences * context;
  return {
    sequences,
    time: context,
    tokens: Int32Array.from({ length: count }, draw),
    targets: Int32Array.from({ length: count }, draw),
    weights: new Float32Array(count).fill(1 / count),
  };
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;
}
