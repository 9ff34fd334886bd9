import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { describe, test } from 'node:test';
import picocolors from 'picocolors';
import { CommandError, describeFailure } from '../../cli/failure.ts';
import { remedyFor } from '../../cli/remedies.ts';
import { columns, fitColumns, textWidth } from '../../cli/render/columns.ts';
import { jsonReporter } from '../../cli/render/json-lines.ts';
import { plainReporter } from '../../cli/render/plain.ts';
import type { RunEvent } from '../../cli/render/run-event.ts';
import { failureText } from '../../cli/render/sentences.ts';
import { renderStatus } from '../../cli/render/status.ts';
import type { Terminal } from '../../cli/render/terminal.ts';
import type { Key } from '../../planner/plan.ts';
import { amount, bytes, counted, duration, figure } from '../../words/figures.ts';

const colourless = picocolors.createColors(false);

describe('columns', () => {
  test('line up by what a terminal shows, colours and wide characters included', () => {
    const { green } = picocolors.createColors(true);
    equal(textWidth(green('done')), 4);
    equal(textWidth('日本'), 4);
    equal(textWidth('é'), 1);
    equal(
      columns([
        ['a', 'b'],
        [green('long'), 'c'],
        ['日', 'd'],
      ]),
      `a     b\n${green('long')}  c\n日    d`,
    );
  });

  test('right alignment, several lines in a cell, no blanks at the end', () => {
    equal(
      columns(
        [
          ['1', 'x\ny', ''],
          ['22', 'z', ''],
        ],
        ['right'],
      ),
      ' 1  x\n    y\n22  z',
    );
  });
});

test('a table that is too wide loses what can be spared, and is cut short only after that', () => {
  const table = {
    rows: [
      ['run', 'base@lr=1e-3', 'a41f09c2d7e1', 'the recipe is new', '12'],
      ['reuse', 'tuned', 'b41f09c2d7e1', 'done', '3,000'],
    ],
    alignments: ['left', 'left', 'left', 'left', 'right'] as const,
  };
  const spare = { drop: [[2]], shorten: [{ column: 3, least: 6 }] };
  const at = (width: number) => {
    const { rows, alignments } = fitColumns(table, width, spare);
    return columns(rows, alignments);
  };
  equal(at(Number.POSITIVE_INFINITY), columns(table.rows, table.alignments));
  equal(at(59), columns(table.rows, table.alignments));
  equal(at(58), 'run    base@lr=1e-3  the recipe is new     12\nreuse  tuned         done               3,000');
  equal(at(40), 'run    base@lr=1e-3  the recipe…     12\nreuse  tuned         done         3,000');
  equal(at(20), 'run    base@lr=1e-3  the r…     12\nreuse  tuned         done    3,000');
});

test('figures in the units of lineage files', () => {
  deepEqual([0, 1, 9_999, 10_000, 399_360, 1_600_000, 8e9, 999_999].map(amount), [
    '0',
    '1',
    '9,999',
    '10K',
    '399K',
    '1.6M',
    '8B',
    '1M',
  ]);
  deepEqual([0, 1.23456, 0.0123456, 1.2e-7, 3e-4, 1234, 123.456, -2.5].map(figure), [
    '0',
    '1.235',
    '0.01235',
    '1.2e-7',
    '3e-4',
    '1,234',
    '123.5',
    '-2.5',
  ]);
  deepEqual([0, 999, 1000, 3_412_345, 7.5e12].map(bytes), ['0 B', '999 B', '1 kB', '3.41 MB', '7.5 TB']);
  deepEqual([0, 0.85, 1.23, 12.4, 180, 200, 7_500, 97_200, 1_080_000].map(duration), [
    '0 s',
    '850 ms',
    '1.2 s',
    '12 s',
    '3 min',
    '3 min 20 s',
    '2 h 5 min',
    '1 d 3 h',
    '12 d',
  ]);
  deepEqual([counted(1, 'node'), counted(12_000, 'node')], ['1 node', '12,000 nodes']);
});

describe('an error', () => {
  test('is told with every cause that says something new, and a hint', () => {
    const root = Object.assign(new Error("EACCES: permission denied, open '/a/b'"), { code: 'EACCES', path: '/a/b' });
    const error = new CommandError(
      'the plan cannot be read',
      'mend it',
      new Error('the plan cannot be read', { cause: root }),
    );
    const { text, exitCode } = describeFailure(error, colourless, false);
    equal(text, 'error: the plan cannot be read\n  because: /a/b: permission denied (EACCES)\n  hint: mend it');
    equal(exitCode, 1);
  });

  test('that nobody foresaw asks for --debug, which shows where it happened', () => {
    const error = new TypeError('x is not a function');
    equal(
      describeFailure(error, colourless, false).text,
      'error: x is not a function\n  hint: this looks like a fault in Descent; --debug shows where it happened',
    );
    equal(describeFailure(error, colourless, true).text.includes('render.test'), true);
  });

  test('of any shape is told: text, nothing, several at once, one that causes itself', () => {
    const circular = new Error('round');
    circular.cause = circular;
    deepEqual(
      ['broken', undefined, new AggregateError([new Error('one'), new Error('two')], ''), circular].map(
        (error) => describeFailure(error, colourless, false).text,
      ),
      ['error: broken', 'error: something failed and left no message', 'error: one\n  because: two', 'error: round'],
    );
  });
});

/** What a run tells: one node trained, one failed, one blocked. */
const story: [seconds: number, event: RunEvent][] = [
  [0, { event: 'planned', lineage: 'small', title: null, nodes: 3, pending: 3, total: '3 nodes: 3 run' }],
  [
    1,
    {
      event: 'connected',
      address: '127.0.0.1:7233',
      uiAddress: 'http://127.0.0.1:8233',
      workflowId: 'lineage-small-1',
    },
  ],
  [2, { event: 'started', address: 'base', key: 'aa', type: 'pretrain' }],
  [
    5,
    {
      event: 'progress',
      address: 'base',
      phase: 'running',
      step: 10,
      steps: 40,
      tokensPerSecond: 18_234,
      secondsLeft: 9,
      values: { loss: 5 },
    },
  ],
  [6, { event: 'retried', address: 'base', key: 'aa', step: 10, failed: { tries: 1, kind: 'killed', reason: '' } }],
  [
    7,
    {
      event: 'retried',
      address: 'math',
      key: 'cc',
      step: 0,
      failed: { tries: 1, kind: 'no-network', reason: 'the Hub is silent\nfor 30 s' },
    },
  ],
  [
    13,
    {
      event: 'progress',
      address: 'base',
      phase: 'running',
      step: 36,
      steps: 40,
      tokensPerSecond: 18_234,
      secondsLeft: 1.4,
      values: { loss: 2.3456, lr: 1e-4 },
    },
  ],
  [
    15,
    {
      event: 'finished',
      address: 'base',
      key: 'aa',
      seconds: 13,
      figures: [{ name: 'loss', value: 2.3, share: false }],
    },
  ],
  [
    16,
    {
      event: 'failed',
      address: 'tuned',
      key: 'bb',
      kind: 'diverged',
      reason: 'the loss is not finite at step 3',
      lastLines: ['last words'],
      remedy: 'lower lr',
    },
  ],
  [17, { event: 'blocked', addresses: ['rl'] }],
  [18, { event: 'summary', stages: [], findings: [], takeaways: [] }],
  [19, { event: 'ended', outcome: 'failed', reason: '1 of 3 nodes failed', seconds: 19, next: ['results: .descent'] }],
];

/** Tells the story to a reporter and gives what it wrote. */
function tell(
  reporterFor: (terminal: Terminal, clock: () => number) => { report(event: RunEvent): void; close(): void },
): string {
  const lines: string[] = [];
  const terminal: Terminal = {
    out: (text) => lines.push(text),
    err: () => {},
    colours: colourless,
    errorColours: colourless,
    interactive: false,
    columns: 80,
  };
  let now = 0;
  const reporter = reporterFor(terminal, () => now);
  for (const [seconds, event] of story) {
    now = seconds;
    reporter.report(event);
  }
  reporter.close();
  return lines.join('\n');
}

test('why a node failed has no character that steers the terminal, wherever it is shown', () => {
  const reason = 'bad\u001b[2J data\nin row 3';
  const shown = 'bad\\x1b[2J data\n';
  const failed = {
    address: 'base',
    key: 'a'.repeat(64),
    kind: 'data',
    reason,
    remedy: 'mend it',
    lastLines: ['\u001b[1Aup'],
  };
  const failure = failureText(failed, colourless);
  ok(failure.includes(shown) && failure.includes('\n    \\x1b[1Aup\n'), failure);
  const node = { address: 'base', key: failed.key as Key, state: 'failed', reason, progress: null } as const;
  const lineage = {
    lineage: 'small',
    title: null,
    plan: '',
    file: '',
    lastRun: '2026-01-01T00:00',
    running: false,
    paused: false,
    note: null,
  };
  const status = renderStatus([{ ...lineage, nodes: [node] }], true, colourless);
  ok(status.includes(shown), status);
});

test('plain lines: what begins and ends, and progress every ten seconds', () => {
  equal(
    tell(plainReporter),
    `small: 3 nodes: 3 run
Temporal: http://127.0.0.1:8233 (workflow lineage-small-1)
        2 s  start     base
        6 s  retry     base: killed; goes on from step 10
        7 s  retry     math: no-network; try 2 of 5: the Hub is silent
       13 s  progress  base: 36 of 40 · loss 2.346 · 18.2K tokens/s · 1.4 s left
       15 s  done      base in 13 s: loss 2.3
failed  tuned: the loss is not finite at step 3 (diverged)
  its last lines:
    last words
  remedy: lower lr
       17 s  blocked   rl: a node before it failed

failed after 19 s: 1 of 3 nodes failed
  results: .descent`,
  );
});

test('JSON lines: every event as it is', () => {
  deepEqual(
    tell(jsonReporter)
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
    story.map(([, event]) => event),
  );
});

test('bad data of a model that was trained elsewhere is not mended by asking for less of it', () => {
  match(remedyFor('bad-data', 'data'), /ask for less of it/);
  equal(
    remedyFor('bad-data', 'adopt'),
    'mend the model, or name another folder or commit in the stage, then `descent run` again',
  );
  equal(remedyFor('disk-full', 'adopt'), remedyFor('disk-full', 'data'));
});
