// What pages have their reader do can be done: files plan, commands exist, and what costs nothing says what stands there.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { loadConfig } from '../../cli/config.ts';
import { buildProgram } from '../../cli/program.ts';
import { openTerminal } from '../../cli/render/terminal.ts';
import { withDatabase } from '../../results/database.ts';
import { runQuery } from '../../results/query.ts';
import { readSavedQuery } from '../../results/saved.ts';
import { packageRoot, temporaryFolder } from '../cli/support.ts';
import { blocksOf, give, readPage, type Step, says, stepsOf, trimmed, writeStep } from './page.ts';
import { surround } from './surroundings.ts';

const howTos = readdirSync(join(packageRoot, 'docs', 'how-to')).map((file) => join('how-to', file));
const pages = ['tutorial.md', ...howTos];

for (const name of pages) {
  test(`docs/${name}: files plan, and what comes before anything runs says what the page has`, async (t) => {
    const folder = await temporaryFolder(t);
    const env = await surround(t, name, folder);
    let page = await readPage(name);
    let checked = 0;
    const ran = new Set<string>();
    for (const step of stepsOf(page)) {
      if (step.kind === 'file') {
        await writeStep(folder, step);
        await check(folder, step, env);
        continue;
      }
      const [lineage = ''] = /\S+\.yaml/.exec(step.command) ?? [];
      if (/ run /.test(step.command)) ran.add(lineage);
      if (!isQuick(step.command) || ran.has(lineage)) continue;
      const { exitCode, output } = await give(folder, step.command, env);
      assert.equal(exitCode, step.exitCode, `${step.command}\n${output}`);
      if (process.env.UPDATE_GOLDEN && !says(output, step.output))
        page = page.replace(step.output, `${trimmed(output)}\n`);
      else assert.ok(says(output, step.output), `${step.command} says\n${output}\nand the page has\n${step.output}`);
      checked++;
    }
    if (process.env.UPDATE_GOLDEN) writeFileSync(join(packageRoot, 'docs', name), page);
    assert.ok(checked > 0, 'something is compared');
  });
}

/** Looks at a file as what reads it does, without running anything. Throws where it is not what it should be. */
async function check(folder: string, { name, text }: Step & { kind: 'file' }, env: NodeJS.ProcessEnv): Promise<void> {
  if (name.endsWith('temporal.config.json')) await loadConfig(join(folder, dirname(name)), {});
  if (name.endsWith('.sql')) await runQuery(await emptyHome(folder), readSavedQuery(name, text));
  if (!/^lineage: /m.test(text)) return;
  const { exitCode, output } = await give(folder, `descent validate ${name}`, env);
  assert.equal(exitCode, 0, `${name}\n${output}`);
}

/** A home without any results. */
async function emptyHome(folder: string): Promise<string> {
  const home = join(folder, 'nothing');
  await mkdir(home, { recursive: true });
  await withDatabase(home, 'write', async () => {});
  return home;
}

/** Whether a command trains nothing and asks nobody. */
function isQuick(command: string): boolean {
  return /^((npx )?descent (init|validate|plan|graph)|node|mkdir|cp) /.test(command);
}

describe('every command that a page has exists, with its options', () => {
  const documents = [
    'README.md',
    ...readdirSync(join(packageRoot, 'docs'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.md'))
      .map((file) => join('docs', file)),
  ];
  for (const document of documents) {
    const commands = blocksOf(readFileSync(join(packageRoot, document), 'utf8')).flatMap(({ info, body }) =>
      ['', 'console', 'sh'].includes(info.split(' ')[0] ?? '') ? commandsIn(body) : [],
    );
    if (commands.length > 0)
      test(document, async () => {
        for (const command of commands) await parse(command);
      });
  }
});

/** The command lines of Descent in a block, each as words, without what is said beside them. */
function commandsIn(body: string): string[][] {
  return body
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .flatMap((line) => line.split(/ (?:&&|\||;) /))
    .flatMap((line) => {
      const [, said] = /^(?:\$ )?(?:[A-Z_]+=\S+ )*(?:npx )?descent (.+?)(?: {2,}.*)?$/.exec(line.trim()) ?? [];
      return said === undefined || /^<verb>/.test(said) ? [] : [wordsOf(said)];
    });
}

/** The words of a shell's command line, without its quotes. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/(?:[^\s"']+|"[^"]*"|'[^']*')+/g)].map(([word]) => word.replaceAll(/["']/g, ''));
}

async function parse(words: readonly string[]): Promise<void> {
  const said: string[] = [];
  const hear = (text: string) => said.push(text);
  const terminal = { ...openTerminal('never', {}), out: hear, err: hear };
  const program = buildProgram({ terminal, cwd: packageRoot, env: {}, debug: false }, () => {});
  for (const verb of program.commands) verb.action(() => {});
  const [verb = ''] = words.filter((word) => !word.startsWith('-'));
  assert.ok(
    program.commands.some((command) => command.name() === verb),
    `there is no verb ${verb}: descent ${words.join(' ')}`,
  );
  if (words.some((word) => /[<[]/.test(word))) return;
  await program.parseAsync(['node', 'descent', ...words]).catch((error: Error) => {
    assert.fail(`descent ${words.join(' ')}: ${error.message}\n${said.join('\n')}`);
  });
}
