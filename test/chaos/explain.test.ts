import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import type { VerifyReport } from '../../cli/render/verify.ts';
import { type EndedRun, unexplainedDamage, unexplainedEnd } from './explain.ts';

/* `npm run test:chaos` is as good as what it takes for a failure. */

const lines = (...events: object[]): string => events.map((event) => `${JSON.stringify(event)}\n`).join('');
const failed = (kind: string): string =>
  lines(
    { event: 'failed', address: 'base', kind, reason: 'so it was' },
    { event: 'ended', outcome: 'failed', reason: '1 of 2 nodes failed' },
  );

test('an end that nothing explains is told, and one that a fault explains is not', () => {
  const cases: [Partial<EndedRun>, string | undefined][] = [
    [{ exitCode: 0 }, undefined],
    [
      { exitCode: 0, stderr: 'error: Channel has been shut down\n', struck: ['host killed'] },
      'error: Channel has been shut down',
    ],
    [{ exitCode: 1, stderr: 'error: the disk is full\n', struck: ['disk filled'] }, undefined],
    [{ exitCode: 130, struck: ['run interrupted'] }, undefined],
    [{ exitCode: 130, struck: ['server killed'] }, 'it ended with 130'],
    [{ exitCode: 1, stderr: 'TypeError: x is not a function', struck: ['host killed'] }, 'it ended with 1'],
    [{ exitCode: null, struck: ['worker killed'] }, 'it ended with null'],
    [{ exitCode: 1, stdout: failed('no-parent'), struck: ['artifact changed'] }, undefined],
    [{ exitCode: 1, stdout: failed('no-parent'), struck: ['clock set'] }, 'base failed: so it was'],
    [{ exitCode: 1, stdout: failed('internal'), struck: ['artifact changed'] }, 'base failed: so it was'],
    [{ exitCode: 1, stdout: failed('killed'), struck: ['trainer killed'] }, 'base failed: so it was'],
    [{ exitCode: 1, stdout: failed('killed'), struck: Array(5).fill('trainer killed') }, undefined],
    [
      {
        exitCode: 1,
        stdout: lines({ event: 'ended', outcome: 'failed', reason: 'results' }),
        struck: ['results read'],
      },
      'it failed: results',
    ],
  ];
  for (const [run, expected] of cases)
    equal(unexplainedEnd({ exitCode: 0, stdout: '', stderr: '', struck: [], ...run }), expected, JSON.stringify(run));
});

test('damage that nobody injected is told, and results that have more than the store', () => {
  const report = (damaged: number[], extra: number): VerifyReport => ({
    ok: false,
    artifacts: {
      attempts: 3,
      bytes: 0,
      marked: [],
      storage: null,
      damaged: damaged.map((attempt) => ({ address: 'base', key: 'k', attempt, reason: 'it was changed' })),
    },
    results: {
      state: 'compared',
      rebuilt: false,
      aside: null,
      unreadablePlans: [],
      rows: {},
      attempts: 3,
      unfinished: 0,
      differences: [
        { table: 'metrics', of: { kind: 'node', key: 'k', address: 'base' }, missing: 4, extra, changed: 0 },
      ],
      onlyInResults: [],
    },
  });
  const none: VerifyReport = {
    ...report([], 0),
    results: { state: 'none', rebuilt: false, aside: null, unreadablePlans: [] },
  };
  const injected = (_: string, attempt: number) => attempt === 1;
  equal(unexplainedDamage(none, injected), undefined);
  equal(unexplainedDamage(report([1], 0), injected), undefined);
  equal(unexplainedDamage(report([1, 2], 0), injected), 'base: it was changed');
  equal(unexplainedDamage(report([], 1), injected)?.startsWith('the results have more than the store: {'), true);
});
