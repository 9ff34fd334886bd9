import { deepEqual, doesNotMatch, equal, fail, match } from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { claimNode } from '../../activities/claim.ts';
import { withDatabase } from '../../results/database.ts';
import { ingestAttempts } from '../../results/ingest.ts';
import { recordLineage } from '../../results/record.ts';
import type { TrainerEvent } from '../../schemas/types/event.ts';
import { beginAttempt } from '../../store/attempt.ts';
import { writePlan } from '../../store/plans.ts';
import { asLines, makeEvents } from '../results/events.ts';
import { makePlan } from '../results/lineage.ts';
import { ingestPlan, runLineage, runNode } from '../results/run.ts';
import { descent, golden, temporaryFolder } from './support.ts';

describe('with the results of a lineage', () => {
  let folder = '';
  const plan = makePlan({ seeds: [1], replay: ['0%'] });
  const key = (address: string) => plan.nodes.find((node) => node.address === address)?.key ?? '';

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'descent cli '));
    await runLineage(join(folder, '.descent'), plan);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  test('show: all sections of a model', async () => {
    const { exitCode, stdout, stderr } = await descent(['show', 'mid@replay=0%,seed=1'], folder);
    deepEqual([exitCode, stderr], [0, '']);
    const text = stdout.replaceAll(folder, '<folder>');
    equal(text, await golden('show.txt', text));
  });

  test('show: the memory that a trainer took, beside what was planned', async (t) => {
    const other = await temporaryFolder(t);
    const home = join(other, '.descent');
    await writePlan(home, plan);
    const base = plan.nodes.find(({ address }) => address === 'base@seed=1') ?? fail('no base');
    const events = makeEvents(base);
    events.splice(-1, 0, { event: 'memory', peakBytes: 448_000_000 });
    const input = await runNode(home, base, asLines(events));
    await ingestPlan(home, plan, [input]);
    const { stdout } = await descent(['show', 'base@seed=1'], other);
    match(stdout, /^ {2}memory +448 MB taken, [\d.]+ [MG]B planned at most$/m);
  });

  test('show: by the beginning of the key, as JSON', async () => {
    const { exitCode, stdout } = await descent(['show', key('base@seed=1').slice(0, 8), '--json'], folder);
    equal(exitCode, 0);
    const report = JSON.parse(stdout) as { address: string; children: string[]; attempts: { state: string }[] };
    equal(report.address, 'base@seed=1');
    deepEqual(report.children, ['base@seed=1/heldout', 'base@seed=1/id', 'mid@replay=0%,seed=1']);
    deepEqual(
      report.attempts.map(({ state }) => state),
      ['done'],
    );
  });

  test('show: an unknown node, with the nearest', async () => {
    deepEqual(await descent(['show', 'mid@replay=0%,sed=1'], folder), {
      exitCode: 1,
      stdout: '',
      stderr:
        'error: no lineage of this home has a node mid@replay=0%,sed=1\n' +
        '  hint: did you mean `mid@replay=0%,seed=1`? `descent status <lineage>` lists all\n',
    });
    const bare = await descent(['show', 'mid/id'], folder);
    match(bare.stderr, /hint: did you mean mid@replay=0%,seed=1\/id\? /);
    const short = await descent(['show', key('base@seed=1').slice(0, 3)], folder);
    match(short.stderr, /hint: of a key, give 4 digits or more; /);
    const lineage = await descent(['show', 'base@seed=1', '--lineage', 'repaly'], folder);
    equal(lineage.stderr, 'error: there is no lineage repaly\n  hint: the only one is replay\n');
  });

  test('status: a line a lineage; one that is named, node by node; an unknown one with the nearest', async () => {
    const all = await descent(['status'], folder);
    deepEqual([all.exitCode, all.stderr], [0, '']);
    match(all.stdout, /^replay {2}13 nodes: 13 done {2}last run \d{4}-\d\d-\d\d \d\d:\d\d UTC\n$/);
    const one = await descent(['status', 'replay', '--json'], folder);
    const [report] = JSON.parse(one.stdout) as [{ running: boolean; nodes: { address: string; state: string }[] }];
    equal(report.running, false);
    deepEqual(
      report.nodes.map(({ address, state }) => [address, state]),
      plan.nodes.map(({ address }) => [address, 'done']),
    );
    const unknown = await descent(['status', 'repaly'], folder);
    equal(unknown.stderr, 'error: there is no lineage repaly\n  hint: the only one is replay\n');
  });

  test('query: SQL, a saved query, parameters, formats', async () => {
    const count = await descent(['query', 'select count(*) as nodes from lineage_nodes', '--format', 'json'], folder);
    deepEqual(count, { exitCode: 0, stdout: '[\n{"nodes":13}\n]\n', stderr: '' });
    const saved = await descent(['query', 'curves', '-p', 'stage=base', '-p', 'points=2', '-f', 'csv'], folder);
    equal(saved.stdout, 'address,step,tokens,value\r\nbase@seed=1,10,20480,4\r\nbase@seed=1,20,40960,3\r\n');
    const text = await descent(['query', 'select $who as who', '--param', 'who=a=b', '-f', 'md'], folder);
    equal(text.stdout, '| who |\n| --- |\n| a=b |\n');
    const twice = await descent(['query', 'curves', '-p', 'stage=base', '-p', 'stage=mid'], folder);
    deepEqual([twice.exitCode, twice.stderr], [1, 'error: the parameter stage is given twice\n']);
  });

  test('query: a file of SQL, with parameters of its own', async (t) => {
    const own = join(await temporaryFolder(t), 'own.sql');
    await writeFile(
      own,
      '-- Nodes of a type.\n-- $type VARCHAR = pretrain in nodes.type: Their type.\nSELECT count(*) AS n FROM nodes WHERE type = $type;\n',
    );
    const counted = await descent(['query', own, '-f', 'csv'], folder);
    deepEqual([counted.exitCode, counted.stdout.split(/\r?\n/)[0]], [0, 'n'], counted.stderr);
    const unknown = await descent(['query', own, '--param', 'type=pretrian'], folder);
    equal(unknown.exitCode, 1);
    match(unknown.stderr, /there is no type pretrian: did you mean `pretrain`\?/);
    await writeFile(own, '-- Nodes.\n-- $type TEXT: Their type.\nSELECT 1;\n');
    match(
      (await descent(['query', own], folder)).stderr,
      /own\.sql: cannot read the parameter line .* TYPE is one of VARCHAR/,
    );
    match((await descent(['query', 'missing.sql'], folder)).stderr, /cannot read missing\.sql/);
  });

  test('query: the SQL in its own examples', async () => {
    const { stdout } = await descent(['query', '--help'], folder);
    const examples = [...stdout.matchAll(/^ {2}\$ descent query "([^"]+)"/gm)].map(([, sql]) => sql ?? '');
    equal(examples.length, 2);
    for (const sql of examples) {
      const { exitCode, stderr } = await descent(['query', sql], folder);
      deepEqual([exitCode, stderr], [0, '']);
    }
  });

  test('query: to files, Parquet among them', async (t) => {
    const out = await temporaryFolder(t);
    const csv = await descent(['query', 'select 1 as x', '-f', 'csv', '-o', join(out, 'a.csv')], folder);
    deepEqual([csv.exitCode, csv.stdout], [0, '']);
    equal(await readFile(join(out, 'a.csv'), 'utf8'), 'x\r\n1\r\n');
    const nowhere = await descent(['query', 'from metrics', '-f', 'parquet'], folder);
    match(nowhere.stderr, /name a file for it: --output/);
    for (const format of ['csv', 'parquet']) {
      const onFolder = await descent(['query', 'select 1 as x', '-f', format, '-o', out], folder);
      deepEqual([onFolder.exitCode, onFolder.stdout], [1, '']);
      equal(onFolder.stderr, `error: ${out} is a folder\n  hint: name a file: --output rows.csv\n`);
    }
    for (const format of ['csv', 'parquet']) {
      const made = await descent(['query', 'select 1 as x', '-f', format, '-o', join(out, format, 'x')], folder);
      equal(made.stderr, `wrote 1 row to ${join(out, format, 'x')}\n`, 'the folder is made');
      const within = join(out, 'a.csv', 'x');
      const { stderr } = await descent(['query', 'select 1 as x', '-f', format, '-o', within], folder);
      match(stderr, /^error: cannot make .*a\.csv: .* is a file; name another folder\n$/);
    }
    const path = join(out, 'm.parquet');
    equal((await descent(['query', 'from metrics', '-f', 'parquet', '-o', path], folder)).exitCode, 0);
    const read = `select count(*) as rows from '${path}'`;
    const refused = await descent(['query', read], folder);
    equal(refused.exitCode, 1);
    match(refused.stderr, /--allow-files/);
    const allowed = await descent(['query', read, '--allow-files', '-f', 'csv'], folder);
    match(allowed.stdout, /^rows\r\n\d+\r\n$/);
  });

  test('query: what is wrong with the SQL, without a stack', async () => {
    const { exitCode, stdout, stderr } = await descent(['query', 'select nothing from nowhere'], folder);
    deepEqual([exitCode, stdout], [1, '']);
    match(stderr, /^error: .*nowhere/);
    doesNotMatch(stderr, /\n\s+at /);
  });

  test('query --list: every saved query with its parameters', async () => {
    const { exitCode, stdout } = await descent(['query', '--list'], folder);
    equal(exitCode, 0);
    for (const name of ['summary', 'curves', 'forgetting']) match(stdout, new RegExp(`^${name}$`, 'm'));
    match(stdout, /--param points=<integer> {2,}Points a node, at most\. Default: 20\./);
  });
});

test('status: an empty home has no lineages, as JSON an empty list', async (t) => {
  const folder = await temporaryFolder(t);
  deepEqual(await descent(['status', '--json'], folder), { exitCode: 0, stdout: '[]\n', stderr: '' });
  const text = await descent(['status'], folder);
  deepEqual(text, { exitCode: 0, stdout: 'no lineage was run in this home yet\n', stderr: '' });
});

test('results.duckdb is gone: every verb that reads it says how to get it back', async (t) => {
  const folder = await temporaryFolder(t);
  await mkdir(join(folder, '.descent', 'store'), { recursive: true });
  for (const args of [['query', 'summary'], ['show', 'base'], ['status']]) {
    const { exitCode, stderr } = await descent(args, folder);
    equal(exitCode, 1);
    match(
      stderr,
      /^error: results\.duckdb is missing in .*: `descent verify --rebuild` brings it back; .* nothing is trained again\n$/,
    );
  }
});

describe('a node that failed', () => {
  let folder = '';
  const plan = makePlan({ seeds: [1], replay: ['0%'] });
  const [tokenizer, base] = plan.nodes;
  if (!tokenizer || !base) throw new Error('the plan has a tokenizer and a base');

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'descent cli '));
    const home = join(folder, '.descent');
    const done = await runNode(home, tokenizer);
    const attempt = await beginAttempt(home, base, { from: 1 });
    if (attempt.state !== 'begun') throw new Error('the attempt was made already');
    const [started, ...steps] = makeEvents(base);
    if (!started) throw new Error('a trainer tells that it has started');
    const events: TrainerEvent[] = [
      started,
      ...steps.slice(0, 1),
      { event: 'failed', step: 1, kind: 'diverged', message: 'loss became NaN' },
    ];
    await writeFile(join(attempt.attempt.folder, 'events.jsonl'), asLines(events));
    const digest = await writePlan(home, plan);
    await withDatabase(home, 'write', async (connection) => {
      await recordLineage(connection, plan, digest);
      await ingestAttempts(connection, [done, { node: base, manifest: null, folder: attempt.attempt.folder }]);
    });
  });
  after(() => rm(folder, { recursive: true, force: true }));

  test('status: it has failed, and what needs it is blocked', async () => {
    const { stdout } = await descent(['status', 'replay', '--json'], folder);
    const [report] = JSON.parse(stdout) as [{ nodes: { address: string; state: string; reason: string | null }[] }];
    const stateOf = (address: string) => {
      const { state, reason } = report.nodes.find((node) => node.address === address) ?? {};
      return [state, reason];
    };
    deepEqual(stateOf('tokenizer:words'), ['done', null]);
    deepEqual(stateOf('base@seed=1'), ['failed', 'loss became NaN']);
    deepEqual(stateOf('base@seed=1/id'), ['blocked', 'base@seed=1 failed']);
    deepEqual(stateOf('rl@replay=0%,seed=1/id'), ['blocked', 'base@seed=1 failed']);
  });

  test('show: failed; running while a worker executes it again', async () => {
    const failed = await descent(['show', 'base@seed=1'], folder);
    match(failed.stdout, /\nAttempt 1: failed\n.*\n +checkpoint +none yet\n +failed +loss became NaN \(diverged\)\n/);
    const claim = await claimNode(join(folder, '.descent'), base.key, {
      staleSeconds: 30,
      stopSeconds: 1,
      signal: AbortSignal.timeout(60_000),
      onWait: () => {},
    });
    try {
      const again = await descent(['show', 'base@seed=1'], folder);
      match(again.stdout, /\nAttempt 1: running\n.*\n +checkpoint +none yet\n/);
    } finally {
      await claim.release();
    }
  });
});

test('without results: every verb that reads them says what to do', async (t) => {
  const folder = await temporaryFolder(t);
  for (const args of [
    ['query', 'summary'],
    ['show', 'base'],
  ]) {
    const { exitCode, stderr } = await descent(args, folder);
    equal(exitCode, 1);
    match(stderr, /^error: there are no results yet in .*: run a lineage first\n$/);
  }
});
