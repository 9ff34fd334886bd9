import { deepEqual, equal } from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { CommanderError } from 'commander';
import { buildProgram } from '../../cli/program.ts';
import { openTerminal } from '../../cli/render/terminal.ts';
import { descent, packageRoot } from './support.ts';

const page = join(packageRoot, 'docs', 'command-line.md');
const block = /```text help:(\w+)\n([\s\S]*?)```/g;

test('docs/command-line.md has the help of every verb as it is (UPDATE_GOLDEN=1 writes it anew)', async () => {
  const verbs = [...(await helpOf('--help')).matchAll(/^ {2}([a-z]+) {3,}/gm)]
    .map(([, verb]) => verb)
    .filter((verb) => verb !== 'help');
  let text = await readFile(page, 'utf8');
  deepEqual([...text.matchAll(block)].map(([, verb]) => verb).sort(), verbs.sort(), 'one section a verb');
  const helps = new Map<string, string>();
  for (const verb of verbs) helps.set(verb ?? '', (await helpOf('help', verb ?? '')).trimEnd());
  const { exitCode, stdout } = await descent(['help', 'run'], packageRoot);
  deepEqual([exitCode, stdout.trimEnd()], [0, helps.get('run')], 'the program itself says the same');
  const current = text.replace(block, (_, verb: string) => `\`\`\`text help:${verb}\n${helps.get(verb)}\n\`\`\``);
  if (process.env.UPDATE_GOLDEN) {
    await writeFile(page, current);
    text = current;
  }
  equal(text, current);
});

const plain = openTerminal('never', {});

/** What the program prints, without a process of its own for each verb. */
async function helpOf(...words: string[]): Promise<string> {
  let said = '';
  const terminal = {
    ...plain,
    out: (text: string) => {
      said += text;
    },
  };
  const program = buildProgram({ terminal, cwd: packageRoot, env: {}, debug: false }, (code) => equal(code, 0));
  await program.parseAsync(['node', 'descent', ...words]).catch((error: unknown) => {
    if (!(error instanceof CommanderError && error.exitCode === 0)) throw error;
  });
  return said;
}

test('every verb shows an example in its help', async () => {
  const text = await readFile(page, 'utf8');
  for (const [, verb, help] of text.matchAll(block)) {
    equal(new RegExp(`^ {2}\\$ descent ${verb}\\b`, 'm').test(help ?? ''), true, verb);
  }
});
