import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  failureFor,
  forgetTries,
  NodeError,
  noteTries,
  triesFrom,
  waitsBetweenTries,
} from '../../activities/failures.ts';
import { sha256 } from '../../planner/key.ts';
import { FencedError, StoreError } from '../../store/errors.ts';

let home: string;
const key = sha256('a node');

before(() => {
  home = mkdtempSync(join(tmpdir(), 'descent-failures-'));
});

after(() => rmSync(home, { recursive: true, force: true }));

describe('tries', () => {
  test('count as long as they get no further, and anew from each checkpoint and in each attempt', () => {
    const from = (attempt: number, step: number) => {
      const count = triesFrom(home, key, { attempt, step }) + 1;
      noteTries(home, key, { attempt, step, count });
      return count;
    };
    assert.deepEqual([from(1, 0), from(1, 0), from(1, 120), from(1, 120), from(2, 120)], [1, 2, 1, 2, 1]);
    forgetTries(home, key);
    assert.equal(from(2, 120), 1);
  });

  test('end, by what went wrong', () => {
    const retries = (error: unknown): number => {
      let tries = 1;
      while (!failureFor(error, tries).nonRetryable) tries += 1;
      return tries;
    };
    const kinds = [
      'bad-job',
      'bad-data',
      'bad-events',
      'diverged',
      'timed-out',
      'internal',
      'out-of-memory',
      'killed',
      'disk-full',
      'never seen',
    ];
    assert.deepEqual(
      kinds.map((kind) => retries(new NodeError(kind, 'it failed'))),
      [1, 1, 1, 1, 1, 2, 2, 5, 5, 2],
    );
    assert.equal(retries(new FencedError('another has it')), 5);
    assert.equal(retries(new StoreError('no rights')), 5);
    const full = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    for (const error of [full, new StoreError('the disk is full', { cause: full })])
      assert.equal(failureFor(error, 1).type, 'disk-full');
    assert.equal(retries(new TypeError('x is not a function')), 2);
  });

  test('wait in between, as docs/execution.md says', async () => {
    const docs = await readFile(new URL('../../../docs/execution.md', import.meta.url), 'utf8');
    const documented: Record<string, { tries: number; waits: number[] }> = {};
    for (const [, kinds = '', tries, waits = ''] of docs.matchAll(
      /^\| ((?:`[a-z-]+`(?:, )?)+) \| (\d) \| ([\d, ]*)\|/gm,
    )) {
      for (const [, kind = ''] of kinds.matchAll(/`([a-z-]+)`/g))
        documented[kind] = {
          tries: Number(tries),
          waits: waits
            .split(',')
            .filter((wait) => wait.trim())
            .map(Number),
        };
    }
    const real = Object.entries(waitsBetweenTries).map(([kind, waits]) => [kind, { tries: waits.length + 1, waits }]);
    assert.deepEqual(documented, Object.fromEntries(real));
    assert.equal(failureFor(new NodeError('disk-full', 'it failed'), 3).nextRetryDelay, '60 seconds');
    assert.equal(failureFor(new NodeError('disk-full', 'it failed'), 5).nextRetryDelay, undefined);
  });

  test('are told to Temporal with their kind and their words, and a bug with where it is', () => {
    const failure = failureFor(new NodeError('killed', 'base: its trainer was killed', ['a', 'b']), 5);
    assert.equal(failure.type, 'killed');
    assert.equal(
      failure.message,
      'base: its trainer was killed (5 tries ended like this without reaching a new checkpoint)',
    );
    assert.deepEqual(failure.details, [{ lastLines: ['a', 'b'] }]);
    assert.equal(failure.stack, '');
    const bug = new TypeError('x is not a function');
    assert.equal(failureFor(bug, 1).cause, bug);
  });
});
