import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

/** The compiled command line. */
export const binary = fileURLToPath(new URL('../../cli/main.js', import.meta.url));

/** The checkout that the tests were compiled in, or the folder that stands for it. */
export const packageRoot = fileURLToPath(new URL('../../../', import.meta.url));

/** What a command line came to. */
export interface Outcome {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

/** A folder of the test's own with a space in its path, as users have them; gone after the test. */
export async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'descent cli '));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Runs `descent` with these arguments in a folder, without a terminal; killed after two minutes. */
export function descent(
  args: readonly string[],
  cwd: string,
  options: { env?: NodeJS.ProcessEnv; nodeArgs?: string[] } = {},
): Promise<Outcome> {
  const { NO_COLOR, FORCE_COLOR, DESCENT_HOME, ...env } = process.env;
  const child = spawn(process.execPath, [...(options.nodeArgs ?? []), binary, ...args], {
    cwd,
    env: { ...env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 120_000,
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ exitCode, ...output }));
  });
}

/** Starts a command whose signals the test sends. */
export function start(
  t: TestContext,
  folder: string,
  ...args: string[]
): { child: ChildProcess; ended: Promise<Outcome> } {
  const child = spawn(process.execPath, [binary, ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  }
  const ended = new Promise<Outcome>((resolve) => child.on('close', (exitCode) => resolve({ exitCode, ...output })));
  return { child, ended };
}

/** A lineage of five nodes: two small models, each evaluated, and their tokenizer. */
export const smallLineage = `lineage: small
models:
  nano: {layers: 1, hidden: 16, heads: 2, ffn: 32, context: 32}
data:
  web: {generator: stories}
stages:
  base: {pretrain: {model: nano, data: web, tokens: 8K, lr: "{lr}"}}
axes:
  lr: [1e-3, 3e-3]
evaluate: {each: [base], suites: [heldout]}
`;

/** Writes `smallLineage`, or another text, as `lineage.yaml` in a folder. */
export async function writeLineage(folder: string, text: string = smallLineage): Promise<void> {
  await writeFile(join(folder, 'lineage.yaml'), text);
}

/** Writes a `temporal.config.json` with two slots for the CPU, so that nothing depends on the machine's own devices. */
export async function writeDevices(
  folder: string,
  cpu: { speed?: { peak: number; utilisation: number }; memory?: number; launcher?: object } = {},
) {
  const config = { devices: { cpu: { slots: 2, threads: 1, ...cpu } } };
  await writeFile(join(folder, 'temporal.config.json'), JSON.stringify(config));
}

/**
 * Compares a text with a file in `test/cli/golden`, or writes the file anew where UPDATE_GOLDEN is set:
 * `UPDATE_GOLDEN=1 npm test -- test/cli`. Gives what to compare with.
 */
export async function golden(name: string, text: string): Promise<string> {
  const path = join(packageRoot, 'test', 'cli', 'golden', name);
  if (process.env.UPDATE_GOLDEN) await writeFile(path, text);
  return readFile(path, 'utf8');
}
