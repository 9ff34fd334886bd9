import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { keyOf } from '../../planner/key.ts';
import type { Json } from '../../planner/plan.ts';
import type { Publication } from '../../store/artifact.ts';
import type { Attempt } from '../../store/attempt.ts';
import { beginAttempt } from '../../store/attempt.ts';

/** A home of its own for one test, removed after it. */
export async function temporaryHome(test: TestContext): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'descent-'));
  test.after(() => rm(home, { recursive: true, force: true }));
  return home;
}

/** A node to store: its pre-image and the key it hashes to. */
export function nodeNamed(name: string): { key: string; preimage: { [name: string]: Json } } {
  const preimage = { type: 'pretrain', version: 1, recipe: { name, lr: 3e-3 }, seed: 0, parents: {} };
  return { key: keyOf(preimage), preimage };
}

/** Begins an attempt that is not published. */
export async function begun(home: string, node: { key: string; preimage: object }, from = 1): Promise<Attempt> {
  const begun = await beginAttempt(home, node, { from });
  if (begun.state !== 'begun') throw new Error('the node is published already');
  return begun.attempt;
}

/** What a trainer leaves: events, a job, a model, and a checkpoint. */
export async function leaveFiles(attempt: Attempt, weights = tensors([1, 2, 3, 4])): Promise<void> {
  await mkdir(join(attempt.folder, 'model'), { recursive: true });
  await writeFile(join(attempt.folder, 'model', 'config.json'), '{"hidden_size":128}\n');
  await writeFile(join(attempt.folder, 'model', 'model.safetensors'), weights);
  await writeFile(join(attempt.folder, 'events.jsonl'), '{"event":"interrupted","step":1}\n');
  await writeFile(join(attempt.folder, 'job.json'), '{"contract":1}\n');
  await leaveCheckpoint(attempt.folder, 120);
}

/** A whole checkpoint. */
export async function leaveCheckpoint(attemptFolder: string, step: number): Promise<string> {
  const folder = join(attemptFolder, 'checkpoints', `step-${String(step).padStart(6, '0')}`);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'model.safetensors'), tensors([step, step + 1]));
  await writeFile(join(folder, 'optimizer.safetensors'), tensors([0.5]));
  await writeFile(join(folder, 'state.json'), JSON.stringify({ step }));
  return folder;
}

/** A safetensors file with one tensor. */
export function tensors(values: number[]): Buffer {
  const data = Buffer.from(new Float32Array(values).buffer);
  const header = Buffer.from(
    JSON.stringify({ 'lm_head.weight': { dtype: 'F32', shape: [values.length], data_offsets: [0, data.length] } }),
  );
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, data]);
}

/** What is published with `leaveFiles`. */
export function publication(attempt: Attempt, preimage: object): Publication {
  return {
    type: 'pretrain',
    address: 'base',
    preimage,
    parents: {},
    model: 'model',
    facts: { parameters: 860_000 },
    provenance: {
      engine: 'descent 0.1.0',
      device: 'cpu',
      startedAt: attempt.startedAt,
      finishedAt: new Date().toISOString(),
      executions: attempt.executions,
    },
  };
}

/** A script of this folder in a process of its own, ended with the test at the latest. */
export function startScript(test: TestContext, url: URL, args: string[]): Script {
  const child = spawn(process.execPath, [fileURLToPath(url), ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let errors = '';
  child.stderr.on('data', (data) => {
    errors += data;
  });
  const closed = once(child, 'close').then(([code, signal]) => ({ code, signal, errors }));
  test.after(async () => {
    child.kill('SIGKILL');
    await closed;
  });
  return {
    say: (line) => child.stdin.write(`${line}\n`),
    nextLine: async () => {
      const { value, done } = await lines.next();
      if (done) throw new Error(`the script ended: ${(await closed).errors}`);
      return value;
    },
    kill: (signal) => child.kill(signal),
    closed,
  };
}

/** A process that a test steers by lines. */
export interface Script {
  say(line: string): void;
  nextLine(): Promise<string>;
  kill(signal: NodeJS.Signals): void;
  closed: Promise<{ code: number | null; signal: NodeJS.Signals | null; errors: string }>;
}
