import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Manifest } from '../../schemas/types/manifest.ts';
import { binary } from '../cli/support.ts';

/** Two small models through all four stages, in seconds; slow enough that a step can be met half-way. */
export const tinyLineage = `lineage: tiny
models:
  nano: {layers: 1, hidden: 32, heads: 2, ffn: 64, context: 64, tokenizer: words}
tokenizers:
  words: {bpe: {vocab: 512, data: [web, math/problems], characters: 100K}}
data:
  web: {generator: stories}
  math: {generator: arithmetic}
stages:
  base: {pretrain: {model: nano, data: web, tokens: 100K, batch: 1K}}
  mid: {cpt: {from: base, tokens: 30K, batch: 1K, mix: {math: 1, replay: 25%}}}
  tuned: {sft: {from: mid, data: math/problems, examples: 200, batch: 8}}
  rl: {rl: {from: tuned, data: math/problems, examples: 128, batch: 32, maxResponse: 8}}
evaluate: {each: [rl], suites: [heldout], heldoutTokens: 2K}
placement:
  default: {device: cpu, checkpointEvery: 7}
`;

/** Two trainings of a small model, each tuned and evaluated, in seconds. */
export const pairLineage = `lineage: pair
models:
  nano: {layers: 1, hidden: 32, heads: 2, ffn: 64, context: 32}
data:
  web: {generator: stories}
stages:
  base: {pretrain: {model: nano, data: web, tokens: 8K, lr: "{lr}"}}
  tuned: {cpt: {from: base, tokens: 8K, mix: {web: 1}}}
axes:
  lr: [1e-3, 3e-3]
evaluate: {each: [tuned], suites: [heldout]}
`;

/** A `descent run` under way. */
export interface Running {
  process: ChildProcess;
  /** Resolves when it has ended. */
  ended: Promise<{ exitCode: number | null; output: string }>;
}

/** Starts `descent run` on a lineage file, its output in JSON lines; killed at the end of the test where it still runs. */
export function startRun(t: TestContext, file: string, home: string): Running {
  const child = spawn(process.execPath, [binary, 'run', file, '--json'], {
    env: { ...process.env, DESCENT_HOME: home },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  return { process: child, ended: once(child, 'close').then(([exitCode]) => ({ exitCode, output })) };
}

/** Runs a lineage to its end, however often it takes, and fails after `most` runs. Gives the last run's output. */
export async function runToEnd(t: TestContext, file: string, home: string, most = 2): Promise<string> {
  for (let run = 1; ; run++) {
    const { exitCode, output } = await startRun(t, file, home).ended;
    if (exitCode === 0) return output;
    if (run === most) throw new Error(`run ${run} of ${file} ended with ${exitCode}:\n${output}`);
  }
}

/** SHA-256 of every published model's weights, by address. Throws where two attempts at a model differ. */
export async function weights(home: string): Promise<Record<string, string>> {
  const digests: Record<string, string> = {};
  for (const { address, attempt, files } of await manifests(home)) {
    const file = files.find(({ path }) => path === 'model/model.safetensors');
    if (file === undefined) continue;
    digests[address] ??= file.sha256;
    if (digests[address] !== file.sha256)
      throw new Error(`attempt ${attempt} of ${address} has other weights than another attempt`);
  }
  return digests;
}

/** Every manifest in a home's store. */
export async function manifests(home: string): Promise<Manifest[]> {
  const store = join(home, 'store');
  const found: Manifest[] = [];
  for (const key of (await readdir(store)).sort()) {
    for (const attempt of await readdir(join(store, key))) {
      const text = await readFile(join(store, key, attempt, 'manifest.json'), 'utf8').catch(() => undefined);
      if (text !== undefined) found.push(JSON.parse(text) as Manifest);
    }
  }
  return found;
}

/** Waits until something is there, for at most so many minutes. */
export async function until<T>(what: string, look: () => Promise<T | undefined>, minutes = 5): Promise<T> {
  const deadline = performance.now() + minutes * 60_000;
  while (performance.now() < deadline) {
    const found = await look();
    if (found !== undefined) return found;
    await sleep(20);
  }
  throw new Error(`waited ${minutes} minutes for ${what}`);
}
