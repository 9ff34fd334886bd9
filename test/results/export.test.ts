import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { withDatabase } from '../../results/database.ts';
import { exportViews } from '../../results/export.ts';
import { ingestAttempt } from '../../results/ingest.ts';
import { openLineageEvents } from '../../results/openlineage.ts';
import { runQuery, writeParquet } from '../../results/query.ts';
import { beginAttempt } from '../../store/attempt.ts';
import { temporaryHome } from '../store/support.ts';
import { asLines, makeEvents } from './events.ts';
import { makePlan } from './lineage.ts';
import { ingestPlan, recordRuns } from './run.ts';

const plan = makePlan({ seeds: [1, 2], replay: ['0%'] });
const other = makePlan({ lineage: 'other', seeds: [3], replay: ['40%'] });

let home = '';
before(async () => {
  home = await mkdtemp(join(tmpdir(), 'descent-export-'));
  await recordRuns(home, plan);
  await recordRuns(home, other);
});
after(() => rm(home, { recursive: true, force: true }));

test('every view is a Parquet file with the rows of its lineage, and the same again', async () => {
  const folder = join(home, 'out');
  const views = await exportViews(home, 'replay', folder, 'parquet');
  const { rows } = await runQuery(home, 'SELECT view_name FROM duckdb_views() WHERE NOT internal ORDER BY 1');
  assert.deepEqual(
    views.map(({ view }) => view),
    rows.map(([name]) => name),
  );
  assert.deepEqual((await readdir(folder)).sort(), views.map(({ view }) => `${view}.parquet`).sort());
  const counts = new Map(views.map(({ view, rows: count }) => [view, count]));
  for (const [view, where] of [
    ['curves', "lineage = 'replay'"],
    ['lineage_wide', "lineage = 'replay'"],
    [
      'latest_metrics',
      "key IN (SELECT key FROM lineage_nodes JOIN latest_lineages USING (plan) WHERE lineage = 'replay')",
    ],
  ] as const) {
    const kept = await runQuery(
      home,
      `SELECT (SELECT count(*) FROM (FROM ${view} WHERE ${where} EXCEPT ALL FROM read_parquet($path))),
        (SELECT count(*) FROM read_parquet($path)), (SELECT count(*) FROM ${view})`,
      { path: join(folder, `${view}.parquet`) },
      { files: true },
    );
    const [[missing, found, all] = []] = kept.rows;
    assert.deepEqual([missing, found], [0, counts.get(view)], view);
    assert.ok(Number(found) > 0 && Number(found) < Number(all), `${view}: the other lineage is left out`);
  }
  const again = join(home, 'again');
  await exportViews(home, 'replay', again, 'parquet');
  for (const name of await readdir(folder))
    assert.deepEqual(await readFile(join(folder, name)), await readFile(join(again, name)), name);
});

test('CSV tells an empty text from NULL, and has times and lists as other programs read them', async () => {
  await withDatabase(home, 'write', (connection) =>
    connection.run("UPDATE attempts SET message = 'a \"b\", c', failure = '' WHERE address = 'base@seed=3'"),
  );
  const folder = join(home, 'csv');
  await mkdir(folder); // an empty one is taken
  await exportViews(home, 'other', folder, 'csv');
  const lines = (await readFile(join(folder, 'latest_attempts.csv'), 'utf8')).split('\n');
  assert.match(lines[0] ?? '', /^key,attempt,address,state,.*,failure,message$/);
  const base = lines.find((line) => line.includes(',base@seed=3,')) ?? '';
  assert.match(base, /,2026-01-01T00:00:00\.000Z,2026-01-01T00:01:30\.500Z,.*,"","a ""b"", c"$/);
  assert.match(lines.find((line) => line.includes(',rl@replay=40%,seed=3') || line.includes('"rl@')) ?? '', /,,$/);
});

test('a folder with something in it is left as it is, and nothing is left beside it', async () => {
  const folder = join(home, 'exports', 'out');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'mine.txt'), 'mine');
  await assert.rejects(exportViews(home, 'other', folder, 'csv'), /is there already: name a folder/);
  await assert.rejects(exportViews(home, 'other', join(folder, 'mine.txt'), 'csv'), /is there already/);
  assert.deepEqual(await readdir(join(home, 'exports'), { recursive: true }), ['out', 'out/mine.txt']);
});

/** What the spec asks of an event: https://openlineage.io/spec/2-0-2/OpenLineage.json. */
function followsSpec(event: Awaited<ReturnType<typeof openLineageEvents>>[number]): void {
  assert.match(event.run.runId, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.match(event.eventTime, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
  assert.equal(event.schemaURL, 'https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent');
  const facets = [event.run.facets, event.job.facets, ...[...event.inputs, ...event.outputs].map((set) => set.facets)];
  for (const facet of facets.flatMap(Object.values)) {
    assert.equal(facet._producer, event.producer);
    assert.match(facet._schemaURL, /^https:\/\/openlineage\.io\/spec\/facets\/\d-\d-\d\/(\w+)\.json#\/\$defs\/\1$/);
  }
  assert.match(event.producer, /^pkg:npm\/descent@\d/);
}

test('OpenLineage: a pair of events for each attempt, joined by keys', async () => {
  const events = await openLineageEvents(home, 'replay');
  for (const event of events) followsSpec(event);
  const runs = groups(events);
  assert.equal(runs.size, new Set(plan.nodes.map(({ key }) => key)).size);
  for (const pair of runs.values())
    assert.deepEqual(
      pair.map(({ eventType }) => eventType),
      ['START', 'COMPLETE'],
    );
  const mid = plan.nodes.find(({ address }) => address === 'mid@replay=0%,seed=1');
  const made = events.find(({ job, eventType }) => job.name === `replay/${mid?.address}` && eventType === 'COMPLETE');
  assert.deepEqual(
    made?.inputs.map(({ name }) => name),
    Object.values(mid?.parents ?? {}),
  );
  assert.equal(made?.inputs[0]?.facets.documentation?.description, 'base@seed=1');
  assert.deepEqual(
    made?.outputs.map(({ name }) => name),
    [mid?.key],
  );
  assert.equal(made?.outputs[0]?.facets.datasetType?.datasetType, 'MODEL');
  assert.equal(made?.outputs[0]?.facets.version?.datasetVersion, 'attempt-1');
  assert.deepEqual(
    [made?.run.facets.processing_engine?.name, made?.run.facets.processing_engine?.version],
    ['descent', '0.1.0'],
  );
  assert.deepEqual(await openLineageEvents(home, 'replay'), events);
});

function groups(events: Awaited<ReturnType<typeof openLineageEvents>>) {
  const found = new Map<string, typeof events>();
  for (const event of events) found.set(event.run.runId, [...(found.get(event.run.runId) ?? []), event]);
  return found;
}

test('OpenLineage: what failed says why and has no output, and what runs has no end', async (t) => {
  const own = await temporaryHome(t);
  const small = makePlan({ seeds: [1], replay: ['0%'] });
  const [tokenizer, base] = small.nodes;
  assert.ok(tokenizer && base);
  await ingestPlan(own, small, []);
  const [running, failing] = [await beginAttempt(own, tokenizer), await beginAttempt(own, base)];
  assert.ok(running.state === 'begun' && failing.state === 'begun');
  const started = makeEvents(base, { until: 3 });
  const failed = { event: 'failed', step: 3, kind: 'diverged', message: 'the loss is NaN' } as const;
  await writeFile(join(running.attempt.folder, 'events.jsonl'), asLines(started.slice(0, 1)));
  await writeFile(join(failing.attempt.folder, 'events.jsonl'), asLines([...started, failed]));
  await utimes(join(failing.attempt.folder, 'events.jsonl'), 4e9, 4e9);
  for (const [node, { attempt }] of [
    [tokenizer, running],
    [base, failing],
  ] as const)
    await withDatabase(own, 'write', (connection) =>
      ingestAttempt(connection, { node, manifest: null, folder: attempt.folder }),
    );
  const events = await openLineageEvents(own, 'replay');
  for (const event of events) followsSpec(event);
  assert.deepEqual(events.map(({ eventType, job }) => `${eventType} ${job.name}`).sort(), [
    'FAIL replay/base@seed=1',
    'START replay/base@seed=1',
    'START replay/tokenizer:words',
  ]);
  const last = events.at(-1);
  assert.deepEqual([last?.eventTime, last?.outputs], [new Date(4e12).toISOString(), []]);
  assert.equal(last?.run.facets.errorMessage?.message, 'the loss is NaN');
});

test('what is ended while it writes leaves nothing behind', async () => {
  const folder = join(home, 'ended');
  await mkdir(folder);
  const leaving = new AbortController();
  const exporting = exportViews(home, 'replay', join(folder, 'views'), 'csv', leaving.signal);
  leaving.abort();
  await assert.rejects(exporting, { name: 'AbortError' });
  const signal = AbortSignal.abort();
  await assert.rejects(writeParquet(home, 'from metrics', {}, join(folder, 'rows.parquet'), { signal }));
  assert.deepEqual(await readdir(folder), []);
});
