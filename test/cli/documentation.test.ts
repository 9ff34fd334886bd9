import { deepEqual, equal } from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { descent, packageRoot } from './support.ts';

const page = join(packageRoot, 'docs', 'command-line.md');
const block = /```text help:(\w+)\n([\s\S]*?)```/g;

test('docs/command-line.md has the help of every verb as it is (UPDATE_GOLDEN=1 writes it anew)', async () => {
  const help = await descent(['--help'], packageRoot);
  const verbs = [...help.stdout.matchAll(/^ {2}([a-z]+) {3,}/gm)]
    .map(([, verb]) => verb)
    .filter((verb) => verb !== 'help');
  let text = await readFile(page, 'utf8');
  deepEqual([...text.matchAll(block)].map(([, verb]) => verb).sort(), verbs.sort(), 'one section a verb');
  const helps = new Map<string, string>();
  for (const verb of verbs) {
    const { exitCode, stdout } = await descent(['help', verb ?? ''], packageRoot);
    equal(exitCode, 0);
    helps.set(verb ?? '', stdout.trimEnd());
  }
  const current = text.replace(block, (_, verb: string) => `\`\`\`text help:${verb}\n${helps.get(verb)}\n\`\`\``);
  if (process.env.UPDATE_GOLDEN) {
    await writeFile(page, current);
    text = current;
  }
  equal(text, current);
});

test('every verb shows an example in its help', async () => {
  const text = await readFile(page, 'utf8');
  for (const [, verb, help] of text.matchAll(block)) {
    equal(new RegExp(`^ {2}\\$ descent ${verb}\\b`, 'm').test(help ?? ''), true, verb);
  }
});
