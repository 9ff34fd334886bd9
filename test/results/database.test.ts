import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DuckDBConnection } from '@duckdb/node-api';
import { withDatabase } from '../../results/database.ts';
import { runQuery } from '../../results/query.ts';
import { databaseWaits, toldAfterMs } from '../../results/waits.ts';
import { startScript, temporaryHome } from '../store/support.ts';

const hold = new URL('./scripts/hold.js', import.meta.url);
const count = new URL('./scripts/count.js', import.meta.url);
const read = new URL('./scripts/read.js', import.meta.url);

async function only(connection: DuckDBConnection, sql: string): Promise<unknown> {
  return (await connection.runAndReadAll(sql)).getRows()[0]?.[0];
}

/** A promise and what resolves it. */
function gate(): { opened: Promise<void>; open: () => void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

test('there is nothing to read before the first write', async (t) => {
  const home = await temporaryHome(t);
  await assert.rejects(
    withDatabase(home, 'read', async () => {}),
    {
      name: 'ResultsError',
      message: `there are no results yet in ${home}: run a lineage first`,
    },
  );
  await withDatabase(home, 'write', async () => {});
  assert.equal(
    await withDatabase(home, 'read', (connection) => only(connection, 'SELECT count(*)::INT FROM metrics')),
    0,
  );
  assert.deepEqual(await readdir(home), ['results.duckdb']);
});

test('a write is one transaction: all of it or nothing', async (t) => {
  const home = await temporaryHome(t);
  await withDatabase(home, 'write', async (connection) => {
    await connection.run('CREATE TABLE numbers (number INTEGER)');
  });
  const failing = withDatabase(home, 'write', async (connection) => {
    await connection.run('INSERT INTO numbers VALUES (1)');
    throw new Error('half way');
  });
  await assert.rejects(failing, { message: 'half way' });
  assert.deepEqual((await runQuery(home, 'FROM numbers')).rows, []);
});

test('calls within a process take turns, and nothing is lost', async (t) => {
  const home = await temporaryHome(t);
  await withDatabase(home, 'write', async (connection) => {
    await connection.run('CREATE TABLE counter AS SELECT 0 AS number');
  });
  let open = 0;
  const increments = Array.from({ length: 12 }, () =>
    withDatabase(home, 'write', async (connection) => {
      open += 1;
      assert.equal(open, 1);
      const number = Number(await only(connection, 'SELECT number FROM counter'));
      await connection.run('UPDATE counter SET number = $number', { number: number + 1 });
      open -= 1;
    }),
  );
  await Promise.all(increments);
  assert.deepEqual((await runQuery(home, 'FROM counter')).rows, [[12]]);
});

test('a call from inside a call is an error and no deadlock', async (t) => {
  const home = await temporaryHome(t);
  const nested = withDatabase(home, 'write', () => withDatabase(home, 'read', async () => {}));
  await assert.rejects(nested, /called from inside itself/);
});

test('who waits for a call of the same process in vain is told so', async (t) => {
  const home = await temporaryHome(t);
  const [begun, end] = [gate(), gate()];
  const long = withDatabase(home, 'write', async () => {
    begun.open();
    await end.opened;
  });
  await begun.opened;
  const impatient = withDatabase(home, 'read', async () => {}, { patienceSeconds: 0.1 });
  await assert.rejects(impatient, {
    name: 'DatabaseBusyError',
    message: new RegExp(
      `results\\.duckdb was not free in [\\d.]+ s: other calls of this process \\(${process.pid}\\) come first`,
    ),
  });
  const patient = withDatabase(home, 'read', async () => 'in');
  end.open();
  await long;
  assert.equal(await patient, 'in');
});

test('who gives up on a locked file says which process has it; who waits gets it', async (t) => {
  const home = await temporaryHome(t);
  await withDatabase(home, 'write', async () => {});
  for (const mode of ['write', 'read']) {
    const holder = startScript(t, hold, [home, mode]);
    const pid = await holder.nextLine();
    await assert.rejects(
      withDatabase(home, 'write', async () => {}, { patienceSeconds: 0.2 }),
      {
        name: 'DatabaseBusyError',
        message: new RegExp(
          `results\\.duckdb is held by process ${pid} \\(.*node.*\\), and was not free in 0\\.2 s: wait for it`,
        ),
      },
    );
    const waiting = withDatabase(home, 'write', async () => 'in');
    holder.say('close');
    assert.equal(await waiting, 'in');
    await holder.closed;
  }
});

test('who waits for the file stops at once when it is told to, and those behind still get in', async (t) => {
  const home = await temporaryHome(t);
  await withDatabase(home, 'write', async () => {});
  const holder = startScript(t, hold, [home, 'write']);
  await holder.nextLine();
  const stopping = new AbortController();
  const write = () => withDatabase(home, 'write', async () => 'in', { signal: stopping.signal });
  // The first waits for the other process, the second for the first.
  const waiting = [write(), write()].map((one) => assert.rejects(one, { name: 'AbortError' }));
  const behind = withDatabase(home, 'write', async () => 'in');
  await sleep(300);
  const stopped = performance.now();
  stopping.abort();
  await Promise.all(waiting);
  assert.ok(performance.now() - stopped < 5000, 'their patience is a minute');
  await assert.rejects(write(), { name: 'AbortError' }, 'nor does it begin');
  holder.say('close');
  assert.equal(await behind, 'in');
  await holder.closed;
});

test('who waits for a locked file is told once for whom', async (t) => {
  const home = await temporaryHome(t);
  await withDatabase(home, 'write', async () => {});
  const holder = startScript(t, hold, [home, 'write']);
  const pid = await holder.nextLine();
  const told: unknown[] = [];
  const hear = (sentence: unknown) => told.push(sentence);
  subscribe(databaseWaits, hear);
  t.after(() => unsubscribe(databaseWaits, hear));
  const waiting = withDatabase(home, 'read', async () => 'in');
  await sleep(toldAfterMs + 1000);
  holder.say('close');
  assert.equal(await waiting, 'in');
  assert.equal(told.length, 1);
  assert.match(String(told[0]), new RegExp(`^waiting for results\\.duckdb, which process ${pid} \\(.*\\) holds$`));
  await holder.closed;
});

test('readers of one process that may read beside others do; who takes turns goes before whoever comes later', async (t) => {
  const home = await temporaryHome(t);
  await withDatabase(home, 'write', async () => {});
  const beside = { besideForSeconds: Number.POSITIVE_INFINITY };
  const { opened, open } = gate();
  const order: string[] = [];
  const zone = (connection: DuckDBConnection) => only(connection, "SELECT current_setting('TimeZone')");
  const first = withDatabase(
    home,
    'read',
    async () => {
      await opened;
      order.push('first');
    },
    beside,
  );
  // Also one that comes while the file is being opened.
  assert.equal(await withDatabase(home, 'read', zone, beside), 'UTC');
  await assert.rejects(
    withDatabase(home, 'read', (connection) => only(connection, 'SELECT nothing'), beside),
    /nothing/,
  );
  await assert.rejects(
    withDatabase(home, 'read', (connection) => only(connection, "SELECT * FROM read_text('/etc/hostname')"), beside),
    /disabled by configuration/,
  );
  const quick = { patienceSeconds: 0.05 };
  await assert.rejects(withDatabase(home, 'read', zone, quick), { name: 'DatabaseBusyError' }, 'a turn is a turn');
  await assert.rejects(withDatabase(home, 'read', zone, { ...quick, ...beside, files: true }), {
    name: 'DatabaseBusyError',
  });
  await sleep(20);
  await assert.rejects(withDatabase(home, 'read', zone, { ...quick, besideForSeconds: 0.01 }), {
    name: 'DatabaseBusyError',
  });
  const writer = withDatabase(home, 'write', async () => void order.push('writer'));
  const late = withDatabase(home, 'read', async () => void order.push('late'), beside);
  open();
  await Promise.all([first, writer, late]);
  assert.deepEqual(order, ['first', 'writer', 'late']);
});

test('a reader that others read beside is not closed under them', async (t) => {
  const home = await temporaryHome(t);
  await withDatabase(home, 'write', async () => {});
  const beside = { besideForSeconds: Number.POSITIVE_INFINITY };
  const [first, second] = [gate(), gate()];
  const leading = withDatabase(home, 'read', () => first.opened, beside);
  const guest = withDatabase(
    home,
    'read',
    async (connection) => {
      await second.opened;
      return only(connection, 'SELECT 42');
    },
    beside,
  );
  await sleep(50);
  first.open();
  await sleep(50);
  second.open();
  assert.equal(await guest, 42);
  await leading;
  await withDatabase(home, 'write', async () => {}, { patienceSeconds: 1 });
});

test('two readers in two processes get in together', async (t) => {
  const home = await temporaryHome(t);
  await withDatabase(home, 'write', async () => {});
  const holder = startScript(t, hold, [home, 'read']);
  await holder.nextLine();
  assert.deepEqual((await runQuery(home, 'SELECT 1')).rows, [[1]]);
  holder.say('close');
  await holder.closed;
});

/* Two writers and a reader, all in processes of their own; the file does not exist when they begin. */
test('writers and a reader get in between each other, and nothing is lost', async (t) => {
  const home = await temporaryHome(t);
  const times = 8;
  const writers = ['a', 'b'].map((name) => startScript(t, count, [home, name, String(times)]));
  await writers[0]?.nextLine();
  const reader = startScript(t, read, [home]);
  await reader.nextLine();
  const ends = await Promise.all(writers.map((writer) => writer.closed));
  assert.deepEqual(
    ends,
    [0, 1].map(() => ({ code: 0, signal: null, errors: '' })),
  );
  reader.say('stop');
  const [reads] = (await reader.nextLine()).split(' ').map(Number);
  assert.equal((await reader.closed).errors, '');
  assert.ok((reads ?? 0) > 0);
  const { rows } = await runQuery(
    home,
    'SELECT writer, count(*), count(DISTINCT number) FROM counts GROUP BY ALL ORDER BY ALL',
  );
  assert.deepEqual(rows, [
    ['a', times, times],
    ['b', times, times],
  ]);
});

test('an older file is brought up to date by whoever opens it, a newer one refused', async (t) => {
  const home = await temporaryHome(t);
  await withDatabase(home, 'write', async (connection) => {
    await connection.run('DROP VIEW lineage_wide; DROP VIEW curves');
    await connection.run(`UPDATE schema_versions SET digest = 'old' WHERE part IN ('views', 'lineage_wide')`);
  });
  assert.deepEqual((await runQuery(home, 'FROM curves')).rows, []);
  assert.deepEqual((await runQuery(home, 'FROM lineage_wide')).rows, []);

  await withDatabase(home, 'write', async (connection) => {
    await connection.run(`INSERT INTO schema_versions VALUES ('999-future', 'x', now())`);
  });
  for (const mode of ['read', 'write'] as const) {
    await assert.rejects(
      withDatabase(home, mode, async () => {}),
      {
        name: 'ResultsError',
        message: /written by a newer Descent \(it has 999-future\): update Descent/,
      },
    );
  }
});

test('a file that is no database says what to do', async (t) => {
  const home = await temporaryHome(t);
  await writeFile(join(home, 'results.duckdb'), 'not a database at all');
  for (const mode of ['read', 'write'] as const) {
    await assert.rejects(
      withDatabase(home, mode, async () => {}),
      {
        name: 'UnreadableDatabaseError',
        message: /^cannot open .*results\.duckdb: .*\n\nmove the file away and run the lineage again/s,
      },
    );
  }
});

test('SQL reaches no files, whichever way the database is opened', async (t) => {
  const home = await temporaryHome(t);
  for (const mode of ['write', 'read'] as const) {
    await assert.rejects(
      withDatabase(home, mode, (connection) => connection.run(`SELECT * FROM read_text('/etc/hostname')`)),
      /file system operations are disabled/,
    );
  }
  const text = await withDatabase(
    home,
    'read',
    (connection) => only(connection, `SELECT content FROM read_text('/etc/hostname')`),
    {
      files: true,
    },
  );
  assert.equal(text, await readFile('/etc/hostname', 'utf8'));
});
