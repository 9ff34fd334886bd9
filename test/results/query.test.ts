import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { DuckDBInstance } from '@duckdb/node-api';
import { withDatabase } from '../../results/database.ts';
import { runQuery, writeParquet } from '../../results/query.ts';
import { temporaryHome } from '../store/support.ts';

/** A home with an empty database. */
async function emptyHome(test: Parameters<typeof temporaryHome>[0]): Promise<string> {
  const home = await temporaryHome(test);
  await withDatabase(home, 'write', async () => {});
  return home;
}

test('values of every type come out as JSON has them, losing nothing', async (t) => {
  const home = await emptyHome(t);
  const values: [sql: string, json: unknown][] = [
    ['NULL', null],
    ['true', true],
    ['42::BIGINT', 42],
    ['9007199254740993::BIGINT', '9007199254740993'],
    ['(-9007199254740991)::BIGINT', -9_007_199_254_740_991],
    ['170141183460469231731687303715884105727::HUGEINT', '170141183460469231731687303715884105727'],
    ['count(*)', 1],
    ['0.1::DOUBLE', 0.1],
    [`'nan'::DOUBLE`, 'NaN'],
    [`'-inf'::DOUBLE`, '-Infinity'],
    ['12.50', 12.5],
    ['-0.003', -0.003],
    ['12345678901234567890.25', '12345678901234567890.25'],
    [`TIMESTAMPTZ '2026-01-02 03:04:05.5+02'`, '2026-01-02T01:04:05.500Z'],
    [`TIMESTAMPTZ '2026-01-02 03:04:05.123456Z'`, '2026-01-02T03:04:05.123456Z'],
    [`TIMESTAMPTZ '1969-12-31 23:59:59.999999Z'`, '1969-12-31T23:59:59.999999Z'],
    [`TIMESTAMPTZ 'infinity'`, 'infinity'],
    [`TIMESTAMP '2026-01-02 03:04:05'`, '2026-01-02 03:04:05'],
    [`DATE '2026-01-02'`, '2026-01-02'],
    [`INTERVAL 90 SECONDS`, '00:01:30'],
    [`'a"b'`, 'a"b'],
    ['[1, NULL, 3]::BIGINT[]', [1, null, 3]],
    [`{'a': 1::BIGINT, 'b': [0.5]}`, { a: 1, b: [0.5] }],
    [`MAP {'x': 1, 'y': 2}`, { x: 1, y: 2 }],
    [`'\\x00A'::BLOB`, '\\x00A'],
    [`'{"a": 1}'::JSON`, '{"a": 1}'],
  ];
  const { rows, columns } = await runQuery(home, `SELECT ${values.map(([sql]) => sql).join(', ')}`);
  for (const [index, [sql, json]] of values.entries()) assert.deepEqual(rows[0]?.[index], json, sql);
  assert.deepEqual(columns[2], { name: 'CAST(42 AS BIGINT)', type: 'BIGINT' });
});

test('columns of the same name are told apart', async (t) => {
  const { columns } = await runQuery(await emptyHome(t), 'SELECT 1 AS x, 2 AS x');
  assert.deepEqual(
    columns.map(({ name }) => name),
    ['x', 'x:1'],
  );
});

test('of several statements the last one answers, and parameters reach all of them', async (t) => {
  const home = await emptyHome(t);
  const sql = 'CREATE TEMP TABLE t AS SELECT $a AS a; SELECT a, $b AS b FROM t';
  assert.deepEqual((await runQuery(home, sql, { a: 2, b: 'x' })).rows, [[2, 'x']]);
  assert.deepEqual((await runQuery(home, 'SELECT * FROM range(10) LIMIT $n', { n: '2' })).rows, [[0], [1]]);
  assert.deepEqual((await runQuery(home, 'SELECT $a, $b, $c, $d', { a: null, b: 0.5, c: false, d: 2 ** 40 })).rows, [
    [null, 0.5, false, 2 ** 40],
  ]);
});

test('errors of a person’s SQL are one message with the place', async (t) => {
  const home = await emptyHome(t);
  const cases: [string, string][] = [
    ['slect 1', 'Parser Error: syntax error at or near "slect"\n\nLINE 1: slect 1\n        ^'],
    [
      'select lineage\nfrom lineage',
      'Catalog Error: Table with name lineage does not exist!\nDid you mean "lineages"?\n\nLINE 2: from lineage\n             ^',
    ],
    [
      `select 'a'::int`,
      `Conversion Error: Could not convert string 'a' to INT32\n\nLINE 1: select 'a'::int\n                  ^`,
    ],
    ['select $a', 'the parameter a is missing'],
    ['  -- nothing\n', 'there is no SQL to run'],
    [';/* nothing */;', 'there is no SQL to run'],
  ];
  for (const [sql, message] of cases) await assert.rejects(runQuery(home, sql), { name: 'QueryError', message });
  await assert.rejects(runQuery(home, 'select $lineage', { lineage: 'x', limit: 1 }), {
    name: 'QueryError',
    message: 'there is no parameter limit: it has lineage',
  });
});

test('queries cannot write, reach files, or reach the network', async (t) => {
  const home = await emptyHome(t);
  const out = join(home, 'out.csv');
  const forbidden = [
    `SELECT * FROM read_csv('/etc/passwd')`,
    `SELECT * FROM read_text('/etc/passwd')`,
    `SELECT * FROM '/etc/passwd'`,
    `SELECT * FROM glob('/*')`,
    `SELECT * FROM read_parquet('https://example.com/x.parquet')`,
    `COPY lineages TO '${out}'`,
    `COPY lineages FROM '${out}'`,
    `EXPORT DATABASE '${home}/export'`,
    `ATTACH '${home}/other.duckdb' AS other`,
    'INSTALL httpfs',
    'LOAD httpfs',
    'SET enable_external_access = true',
    `SET allowed_paths = ['/etc/passwd']`,
    'RESET lock_configuration',
    `SET memory_limit = '100GB'`,
    `INSERT INTO lineages VALUES ('a', 'b', 'c', 'd', 1, now(), now())`,
    'CREATE TABLE mine (x INTEGER)',
    'DROP VIEW curves',
    'DELETE FROM nodes',
  ];
  for (const sql of forbidden) await assert.rejects(runQuery(home, sql), { name: 'QueryError' }, sql);
  await assert.rejects(runQuery(home, `SELECT * FROM read_text('/etc/passwd')`), {
    message: /\n\nqueries reach no files and no network, unless you ask for it with --allow-files$/,
  });
  assert.deepEqual(await readdir(home), ['results.duckdb']);

  await writeFile(join(home, 'own.csv'), 'x\n7\n');
  assert.deepEqual((await runQuery(home, `FROM '${home}/own.csv'`, {}, { files: true })).rows, [[7]]);
  await assert.rejects(runQuery(home, 'DELETE FROM nodes', {}, { files: true }), {
    name: 'QueryError',
    message: /read-only/,
  });
});

test('a query that takes too long is stopped', async (t) => {
  const home = await emptyHome(t);
  const endless = 'SELECT count(*) FROM range(1000000000) a, range(1000000) b WHERE (a.range * b.range) % 7 = 3';
  await assert.rejects(runQuery(home, endless, {}, { timeoutSeconds: 0.3 }), {
    name: 'QueryError',
    message: 'the query was stopped after 0.3 s: ask for less, or allow more time',
  });
  assert.deepEqual((await runQuery(home, 'SELECT 1')).rows, [[1]]);
});

test('only so many rows are read as are asked for, and it is said whether there are more', async (t) => {
  const home = await emptyHome(t);
  const endless = await runQuery(home, 'FROM range(1_000_000_000_000)', {}, { mostRows: 3 });
  assert.deepEqual([endless.rows, endless.cut], [[[0], [1], [2]], true]);
  const all = await runQuery(home, 'FROM range(3)', {}, { mostRows: 3 });
  assert.deepEqual([all.rows, all.cut], [[[0], [1], [2]], false]);
  const failing = runQuery(
    home,
    "SELECT if(range = 5000, 'x', '1')::INTEGER FROM range(10_000)",
    {},
    { mostRows: 9000 },
  );
  await assert.rejects(failing, { name: 'QueryError' }, 'also what fails while rows are read');
});

test('a query is stopped when that is asked for', async (t) => {
  const home = await emptyHome(t);
  const asking = new AbortController();
  const slow = 'SELECT count(*) FROM range(1_000_000) a, range(1_000_000) b WHERE a.range + b.range = 7';
  const asked = runQuery(home, slow, {}, { signal: asking.signal });
  setTimeout(() => asking.abort(), 100);
  await assert.rejects(asked, { name: 'QueryError' });
  assert.deepEqual((await runQuery(home, 'SELECT 1')).rows, [[1]]);
});

test('rows go into a Parquet file, whole or not at all', async (t) => {
  const home = await emptyHome(t);
  const path = join(home, 'rows.parquet');
  const sql = `SELECT range AS n, range / $by AS part, NULL AS nothing, TIMESTAMPTZ '2026-01-02 00:00:00Z' AS time FROM range(3); -- all`;
  assert.equal(await writeParquet(home, sql, { by: 2 }, path), 3);
  const read = async () => {
    const instance = await DuckDBInstance.create();
    const connection = await instance.connect();
    const reader = await connection.runAndReadAll(`SELECT n, part FROM '${path}'`);
    connection.closeSync();
    instance.closeSync();
    return reader.getRowsJson();
  };
  const expected = [
    ['0', 0],
    ['1', 0.5],
    ['2', 1],
  ];
  assert.deepEqual(await read(), expected);
  await assert.rejects(writeParquet(home, 'SELECT 1; SELECT 2', {}, path), { name: 'QueryError' });
  await assert.rejects(writeParquet(home, `FROM read_text('/etc/passwd')`, {}, path), {
    name: 'QueryError',
    message: /--allow-files/,
  });
  await assert.rejects(writeParquet(home, 'SELECT 1', {}, join(path, 'rows.parquet')), { name: 'StoreError' });
  assert.deepEqual(await read(), expected, 'what was there stays');
  assert.equal(await writeParquet(home, 'SELECT 1 AS n, 2 AS part', {}, path), 1);
  assert.deepEqual(await read(), [[1, 2]]);
  assert.deepEqual(await readdir(home), ['results.duckdb', 'rows.parquet']);
  assert.equal((await readFile(path)).subarray(0, 4).toString(), 'PAR1');
});
