import { spawn } from 'node:child_process';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { binary, packageRoot } from '../cli/support.ts';

/** What a page has its reader do: put a text into a file, or give a command, beside what it then says. */
export type Step =
  | { kind: 'file'; name: string; text: string }
  | { kind: 'command'; command: string; output: string; exitCode: number };

/**
 * The steps of a page, in their order. A file is a block whose fence names it after the language (`yaml lineage.yaml`); a
 * command is a line of a `console` block that begins with `$`, with its output below; `exit=1` on the fence is how it ends.
 */
export function stepsOf(text: string): Step[] {
  return blocksOf(text).flatMap(({ info, body }): Step[] => {
    const [language, name = ''] = info.split(' ');
    if (language === 'console') return commandsOf(body, Number(/^exit=(\d+)$/.exec(name)?.[1] ?? 0));
    return name === '' || name.includes('=') ? [] : [{ kind: 'file', name, text: body }];
  });
}

/** The fenced blocks of a page: what stands after the fence, and what stands in it. */
export function blocksOf(text: string): { info: string; body: string }[] {
  return [...text.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)].map(([, info = '', body = '']) => ({
    info: info.trim(),
    body,
  }));
}

function commandsOf(body: string, exitCode: number): Step[] {
  return body
    .split(/^\$ /m)
    .slice(1)
    .map((part): Step => {
      const [, command = '', output = ''] = /^((?:.*\\\n)*.*)\n([\s\S]*)$/.exec(part) ?? [];
      return { kind: 'command', command, output, exitCode };
    });
}

/** Whether a command says what its page has below it; lines of dots stand for any lines. */
export function says(output: string, page: string): boolean {
  const parts = trimmed(page).split(/^\.\.\.$/m);
  const pattern = parts.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('[\\s\\S]*?');
  return new RegExp(`^${pattern}$`).test(trimmed(output));
}

/** Text without blanks at the ends of its lines, nor empty lines at its ends. */
export function trimmed(text: string): string {
  return text.replaceAll(/[ \t]+$/gm, '').trim();
}

/** A page of docs/, by its name there. */
export function readPage(name: string): Promise<string> {
  return readFile(join(packageRoot, 'docs', name), 'utf8');
}

/** Puts the text of a step into its file, below a folder. */
export async function writeStep(folder: string, { name, text }: Step & { kind: 'file' }): Promise<void> {
  await mkdir(dirname(join(folder, name)), { recursive: true });
  await writeFile(join(folder, name), text);
}

/**
 * Gives a command to bash in a folder, where `descent` and `npx descent` are those of this build, and gives what came of it;
 * `output` is what a terminal would show.
 */
export async function give(
  folder: string,
  command: string,
  env: NodeJS.ProcessEnv = {},
): Promise<{ exitCode: number | null; output: string }> {
  const commands = await withCommands(folder);
  const { NO_COLOR, FORCE_COLOR, DESCENT_HOME, ...outer } = process.env;
  const child = spawn('bash', ['-c', `exec 2>&1; ${command}`], {
    cwd: folder,
    env: { ...outer, ...env, PATH: `${commands}${delimiter}${process.env.PATH}` },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ exitCode, output }));
  });
}

/** A folder with the commands that pages use, beside the folder that they work in. */
async function withCommands(folder: string): Promise<string> {
  const commands = join(folder, '.commands');
  await mkdir(commands, { recursive: true });
  const run = `exec '${process.execPath}' '${binary}' "$@"`;
  for (const [name, script] of [
    ['descent', run],
    ['npx', `shift\n${run}`],
  ] as const) {
    await writeFile(join(commands, name), `#!/bin/sh\n${script}\n`);
    await chmod(join(commands, name), 0o755);
  }
  return commands;
}
