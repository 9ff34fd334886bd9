import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Check } from '#setup/inspect.mjs';
import { trainingFlops, wholeSequences } from '../planner/flops.ts';
import type { SelfTest, SelfTestEvent } from '../schemas/self-test.ts';
import type { UtilisationWatch } from './gpu-watch.ts';
import { lastLine } from './last-line.ts';

/** Where the trainer computes: a device, and what its process finds in its environment beside this one's. */
export interface Side {
  device: 'cpu' | 'gpu';
  env?: Record<string, string>;
}

/** What training took, on the device that is tested. */
export interface Speed {
  precision: SelfTest['precision'];
  tokensPerSecond: number;
  /** Floating-point operations a second: of the model's training, and in matrix products alone. */
  modelFlops: number;
  productFlops: number;
  /** The share of them that training reaches. */
  utilisation: number;
  /** Mean share of the time in which the GPU was at work, as its driver says; null where it does not say. */
  busy: number | null;
  /** Of the first update, which is compiled. */
  firstSeconds: number;
}

export interface GpuTest {
  /** What is tested, and what it is compared with. */
  subject: Side;
  reference: Side;
  precisions: readonly SelfTest['precision'][];
  /** Trained on both sides, to compare. */
  small: Pick<SelfTest, 'architecture' | 'sequences' | 'warmup' | 'updates'>;
  /** Trained on what is tested, to time. */
  large: Pick<SelfTest, 'architecture' | 'sequences' | 'warmup' | 'updates' | 'product'>;
  /** Begins to look at what is tested while it trains. */
  watch(): UtilisationWatch;
  /** Gets a line on what is being done. */
  tell(text: string): void;
}

export interface GpuTestReport {
  checks: Check[];
  speeds: Speed[];
}

/**
 * How far two devices may be apart: losses relatively, and weights as the distance between them over that which training
 * moved them. Other orders of sums alone (XLA and oneDNN on one CPU) give a fiftieth of the one and a hundredth of the
 * other in float32. Products that were rounded to TF32 in place of float32 give more than the second allows.
 */
const tolerances = { float32: { loss: 1e-5, weights: 1e-3 }, bfloat16: { loss: 1e-3, weights: 0.05 } };

/**
 * Trains the same small model from the same weights on the same batch on two devices and compares them, trains it on the
 * first once more, which is to give the same bytes, and measures there how fast a larger one trains. In each precision,
 * each training in a process of its own, one after the other. What fails is a check with a remedy; it throws for nothing.
 */
export async function testGpu(test: GpuTest): Promise<GpuTestReport> {
  const folder = await mkdtemp(join(tmpdir(), 'descent-gpu-'));
  const report: GpuTestReport = { checks: [], speeds: [] };
  try {
    for (const precision of test.precisions) {
      report.checks.push(...(await agreement(test, precision, folder)));
      if (report.checks.some(({ status }) => status === 'missing')) return report;
    }
    for (const precision of test.precisions) await addSpeed(test, precision, report);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return report;
}

/** What came of a training, and its weights before and after. */
type Trained = Extract<SelfTestEvent, { event: 'done' }> & { weights: Float32Array };

async function agreement(test: GpuTest, precision: SelfTest['precision'], folder: string): Promise<Check[]> {
  const { subject, reference, small, tell } = test;
  const train = async (side: Side): Promise<Trained> => {
    tell(`training on the ${side.device} in ${precision}`);
    const weights = join(folder, 'weights');
    const done = await runSelfTest(side, { ...small, precision, product: null, weights });
    return { ...done, weights: new Float32Array((await readFile(weights)).buffer) };
  };
  const name = `Agrees with the ${reference.device} (${precision})`;
  try {
    const expected = await train(reference);
    const found = await train(subject);
    if (found.device !== subject.device) return [notUsed(subject, found)];
    const again = await train(subject);
    return [compare(name, precision, found, expected), compareBytes(precision, found, again)];
  } catch (error) {
    return [failed(name, error)];
  }
}

function notUsed({ device }: Side, found: Trained): Check {
  return {
    name: `TensorFlow uses the ${device}`,
    status: 'missing',
    found: `it computed on the ${found.device}`,
    remedy: 'see that the driver answers (`nvidia-smi`); with TF_CPP_MIN_LOG_LEVEL=0 TensorFlow says why it does not',
  };
}

/** Whether two trainings agree within what `precision` allows. */
export function compare(
  name: string,
  precision: SelfTest['precision'],
  found: Pick<Trained, 'losses' | 'weights'>,
  expected: Pick<Trained, 'losses' | 'weights'>,
): Check {
  const allowed = tolerances[precision];
  const loss = Math.max(...found.losses.map((value, i) => Math.abs(value / (expected.losses[i] as number) - 1)));
  const half = expected.weights.length / 2;
  const distance = (a: Float32Array, b: Float32Array) => Math.hypot(...blocks(a, b));
  const after = expected.weights.subarray(half);
  const weights = distance(found.weights.subarray(half), after) / distance(expected.weights.subarray(0, half), after);
  const said = `losses of ${found.losses.length} updates within ${loss.toExponential(1)}, weights within ${weights.toExponential(1)} of the way trained`;
  // A loss that is NaN is no number that is small enough.
  if (loss <= allowed.loss && weights <= allowed.weights) return { name, status: 'ok', found: said };
  return {
    name,
    status: 'missing',
    found: `${said}; ${allowed.loss} and ${allowed.weights} are allowed`,
    remedy:
      'do not train on it. Unset TF_XLA_FLAGS, XLA_FLAGS and NVIDIA_TF32_OVERRIDE if you have set them; update the driver; then report it with the output of `--json`',
  };
}

/** The distances of two vectors, a stretch at a time: `Math.hypot` takes so many arguments and no more. */
function blocks(a: Float32Array, b: Float32Array): number[] {
  const size = 4096;
  return Array.from({ length: Math.ceil(a.length / size) }, (_, block) => {
    let sum = 0;
    for (let i = block * size; i < Math.min(a.length, (block + 1) * size); i++)
      sum += ((a[i] as number) - (b[i] as number)) ** 2;
    return Math.sqrt(sum);
  });
}

function compareBytes(precision: SelfTest['precision'], found: Trained, again: Trained): Check {
  const name = `Gives the same bytes again (${precision})`;
  const digest = ({ weights }: Trained) => createHash('sha256').update(weights).digest('hex').slice(0, 12);
  const [first, second] = [digest(found), digest(again)];
  if (first === second) return { name, status: 'ok', found: `SHA-256 ${first} twice` };
  return {
    name,
    status: 'missing',
    found: `SHA-256 ${first}, then ${second}`,
    remedy:
      'resumed trainings would not end as uninterrupted ones do: unset TF_DETERMINISTIC_OPS, XLA_FLAGS and CUBLAS_WORKSPACE_CONFIG if you have set them, and see that no memory errors are counted (`nvidia-smi -q -d ECC`)',
  };
}

async function addSpeed(test: GpuTest, precision: SelfTest['precision'], report: GpuTestReport): Promise<void> {
  const { subject, large, watch, tell } = test;
  const { architecture, sequences } = large;
  const name = `Speed (${precision})`;
  tell(`timing the ${subject.device} in ${precision}`);
  let watching: UtilisationWatch | undefined;
  try {
    const done = await runSelfTest(subject, { ...large, precision, weights: null }, () => {
      watching = watch();
    });
    const busy = (await watching?.end()) ?? null;
    const modelFlops = trainingFlops(architecture, wholeSequences(sequences, architecture.context)) / done.seconds;
    const productFlops = done.productFlops as number;
    const tokensPerSecond = (sequences * architecture.context) / done.seconds;
    const { firstSeconds } = done;
    const speed = { precision, tokensPerSecond, modelFlops, productFlops, busy, firstSeconds };
    report.speeds.push({ ...speed, utilisation: modelFlops / productFlops });
    report.checks.push({ name, status: 'ok', found: describeSpeed(report.speeds.at(-1) as Speed) });
  } catch (error) {
    report.checks.push(failed(name, error));
  } finally {
    await watching?.end();
  }
}

function describeSpeed({ tokensPerSecond, modelFlops, productFlops, utilisation, busy, firstSeconds }: Speed): string {
  const tera = (flops: number) => `${(flops / 1e12).toPrecision(3)} TFLOP/s`;
  return [
    `${Math.round(tokensPerSecond)} tokens/s`,
    `${tera(modelFlops)}, ${(100 * utilisation).toFixed(0)} % of the ${tera(productFlops)} of matrix products alone`,
    busy === null ? 'how busy the GPU was is not known' : `the GPU at work ${(100 * busy).toFixed(0)} % of the time`,
    `first update ${firstSeconds.toFixed(1)} s`,
  ].join('; ');
}

function failed(name: string, error: unknown): Check {
  const remedy = 'read what it says; `descent doctor` without --gpu checks the rest of the machine';
  return { name, status: 'missing', found: `the process failed: ${lastLine(error)}`, remedy };
}

/** Longest that one training may take, compiling included. */
const timeoutMs = 600_000;

/** Trains in a process of its own; `onTiming` when what is timed begins. Rejects with what the process said, where it fails. */
async function runSelfTest(
  { device, env }: Side,
  request: SelfTest,
  onTiming: () => void = () => undefined,
): Promise<Extract<SelfTestEvent, { event: 'done' }>> {
  const program = fileURLToPath(new URL('../trainer/selftest.js', import.meta.url));
  const child = spawn(process.execPath, [program, JSON.stringify(request)], {
    env: { ...process.env, DESCENT_DEVICE: device, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: timeoutMs,
  });
  let stderr = '';
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  const ended = new Promise<string>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(signal === null ? `exit code ${code}` : `ended by ${signal}`));
  });
  let last: SelfTestEvent | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    last = JSON.parse(line) as SelfTestEvent;
    if (last.event === 'timing') onTiming();
  }
  const how = await ended;
  if (last?.event === 'done') return last;
  if (last?.event === 'failed') throw new Error(last.message);
  throw Object.assign(new Error(how), { stderr: stderr || how });
}
