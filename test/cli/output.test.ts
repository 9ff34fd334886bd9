/** What `report`, `export` and `query` say of a file that cannot be written, or of a lineage that is not there. */
import { deepEqual, equal } from 'node:assert/strict';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createColors } from 'picocolors';
import { describeFailure, Refusal } from '../../cli/failure.ts';
import { whileWriting } from '../../cli/output.ts';
import { recordedLineage } from '../../cli/recorded-lineage.ts';
import { asSystemError } from '../../results/errors.ts';
import { descent, temporaryFolder } from './support.ts';

/** What a command ends with: its exit code, and what it says of what went wrong. */
async function said(folder: string, ...args: string[]): Promise<[number | null, string]> {
  const { exitCode, stderr } = await descent(args, folder);
  return [exitCode, stderr.replaceAll(folder, 'HERE')];
}

test('names that no report can have, before anything is looked up', async (t) => {
  const folder = await temporaryFolder(t);
  const neither = (name: string, hint: string): [number, string] => [
    1,
    `error: a report is a page or Markdown, and ${name} is named like neither\n  hint: ${hint}\n`,
  ];
  const ends = 'end it in .html or .md, or say what it is: --format html';
  deepEqual(await said(folder, 'report', '--out', 'my.txt'), neither('my.txt', ends));
  deepEqual(await said(folder, 'report', '--out', ''), neither('nothing', ends));
  deepEqual(
    await said(folder, 'report', '--out', 'my.PDF'),
    neither('my.PDF', 'name it my.html, and print that to a PDF in a browser'),
  );
  deepEqual(await said(folder, 'report', '--out', '/dev/null', '--format', 'md'), [
    1,
    'error: /dev/null is there, and is no file that could be replaced\n  hint: name a file: --out report.html\n',
  ]);
  deepEqual(await said(folder, 'query', 'summary', '-o', '-'), [
    1,
    'error: - names no file\n  hint: name a file: --output rows.csv\n',
  ]);
});

test('a lineage that is not there: where it was looked for, and what brings it', async (t) => {
  const folder = await temporaryFolder(t);
  const model = 'models: {nano: {layers: 1, hidden: 16, heads: 2, ffn: 32, context: 32}}';
  const stages = 'stages: {base: {pretrain: {model: nano, data: web, tokens: 8K}}}';
  await writeFile(join(folder, 'new.yaml'), `lineage: new\n${model}\ndata: {web: {generator: stories}}\n${stages}\n`);
  const asked = async (name?: string) => {
    const error = await recordedLineage(join(folder, 'home'), name, { cwd: folder }).catch((failure) => failure);
    equal(error instanceof Refusal, name === 'gone.yaml');
    return [error.message.replace(folder, 'HERE'), error.hint];
  };
  const whatToDo = '`descent run <file>` runs a lineage, `descent import published/evolm` brings what a paper reports';
  deepEqual(await asked(), ['nothing was run in HERE/home yet', whatToDo]);
  deepEqual(await asked('mine'), ['nothing was run in HERE/home yet', whatToDo]);
  deepEqual(await asked('published/evolm'), [
    'published/evolm is not imported into HERE/home yet',
    'descent import published/evolm',
  ]);
  deepEqual(await asked('new.yaml'), ['the lineage new was not run in HERE/home yet', 'descent run new.yaml']);
  deepEqual(await asked('gone.yaml'), ['gone.yaml: there is no such file', 'give the path of a lineage file']);
  deepEqual(await readdir(folder), ['new.yaml']);
});

test('what was imported is read where nothing else was run, by whatever verb', async (t) => {
  const folder = await temporaryFolder(t);
  equal((await descent(['import', 'published/evolm'], folder)).exitCode, 0);
  const { stdout } = await descent(['takeaways'], folder);
  equal(stdout, (await descent(['takeaways', 'published/evolm', '--paper'], folder)).stdout);
  deepEqual(await said(folder, 'takeaways', 'published/evolm', '13'), [
    1,
    'error: there is no takeaway 13\n  hint: there are 1 pretraining-saturates, 2 size-needs-budget, 3 replay-keeps-general-ability, 4 post-training-needs-cpt, 5 more-cpt-more-id, 6 cpt-generalizes, 7 excessive-sft, 8 sft-limits-rl, 9 rl-saturates, 10 rl-sharpens, 11 allocation, 12 reward-scores-tell\n',
  ]);
  deepEqual(await said(folder, 'export', '--to', 'runs.jsonl', '--format', 'openlineage'), [
    0,
    'wrote 0 events of published/evolm to runs.jsonl: nothing of it was run here\n',
  ]);
  equal((await descent(['query', 'figure2', '-f', 'parquet', '-o', 'new/deep/rows.parquet'], folder)).exitCode, 0);
});

test('why the system did not let a file be written, in one line, with what to do', async () => {
  const failing = (error: unknown) =>
    whileWriting('my.html', () => Promise.reject(error)).catch((said: Error & { hint?: string }) => [
      said.message,
      said.hint,
    ]);
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  deepEqual(await failing(new Error('cannot write /tmp/my.html: …', { cause: full })), [
    'cannot write my.html: the disk is full',
    'free some space, or name another place',
  ]);
  const forbidden = Object.assign(new Error('EACCES: permission denied, open'), { code: 'EACCES' });
  deepEqual(await failing(forbidden), [
    'cannot write my.html: this user may not write there',
    'see whose it is and who may write it (`ls -ld`), or name another place',
  ]);
  const duckdb = 'TransactionContext Error: Failed to commit: Could not write file "r.wal": No space left on device';
  deepEqual(await failing(asSystemError(new Error(duckdb), '/home/r')), [
    'cannot write my.html: the disk is full',
    'free some space, or name another place',
  ]);
  const left = await whileWriting('my.html', (signal) => {
    process.emit('SIGINT', 'SIGINT');
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('INTERRUPT'))));
  }).catch((error) => describeFailure(error, createColors(false), false));
  deepEqual(left, { text: 'error: interrupted, and my.html is not written', exitCode: 130 });
  const other = new Error('no such column');
  deepEqual(await failing(other), ['no such column', undefined]);
});
