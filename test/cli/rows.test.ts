import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatRows } from '../../cli/render/rows.ts';
import type { Rows } from '../../results/query.ts';

const result: Rows = {
  columns: [
    { name: 'model', type: 'VARCHAR' },
    { name: 'loss', type: 'DOUBLE' },
    { name: 'n', type: 'BIGINT' },
    { name: 'tags', type: 'VARCHAR[]' },
  ],
  rows: [
    ['mid@replay=5%,seed=1', 2.123456789, 12_000, ['a', 'b']],
    ['a|b "c"\nd', 1e-7, '9007199254740993', null],
    ['', null, 3, []],
  ],
};

test('a table is aligned, numbers to the right, with NULL written out', () => {
  assert.equal(
    formatRows(result, 'table'),
    [
      'model                    loss                 n  tags',
      'mid@replay=5%,seed=1  2.12346             12000  ["a","b"]',
      'a|b "c"\\nd               1e-7  9007199254740993  NULL',
      '                         NULL                 3  []',
      '(3 rows)',
      '',
    ].join('\n'),
  );
});

test('a table without rows has its heading', () => {
  assert.equal(formatRows({ columns: result.columns, rows: [] }, 'table'), 'model  loss  n  tags\n(0 rows)\n');
  assert.match(formatRows({ ...result, rows: result.rows.slice(0, 1) }, 'table'), /\n\(1 row\)\n$/);
});

test('a table may have more rows than a call has arguments', () => {
  const rows = Array.from({ length: 200_000 }, (_, index) => [index]);
  const text = formatRows({ columns: [{ name: 'range', type: 'BIGINT' }], rows }, 'table');
  assert.ok(text.startsWith(' range\n     0\n     1\n'));
  assert.ok(text.endsWith('\n199999\n(200,000 rows)\n'));
});

test('JSON has all digits, null for NULL, and parses', () => {
  const text = formatRows(result, 'json');
  assert.deepEqual(JSON.parse(text), [
    { model: 'mid@replay=5%,seed=1', loss: 2.123456789, n: 12_000, tags: ['a', 'b'] },
    { model: 'a|b "c"\nd', loss: 1e-7, n: '9007199254740993', tags: null },
    { model: '', loss: null, n: 3, tags: [] },
  ]);
  assert.equal(text.split('\n').length, 6);
  assert.equal(formatRows({ columns: [], rows: [] }, 'json'), '[]\n');
});

test('CSV quotes what needs it and tells NULL from an empty text', () => {
  assert.equal(
    formatRows(result, 'csv'),
    [
      'model,loss,n,tags',
      '"mid@replay=5%,seed=1",2.123456789,12000,"[""a"",""b""]"',
      '"a|b ""c""\nd",1e-7,9007199254740993,',
      '"",,3,[]',
      '',
    ].join('\r\n'),
  );
});

test('Markdown escapes what would end a cell', () => {
  assert.equal(
    formatRows(result, 'md'),
    [
      '| model | loss | n | tags |',
      '| --- | ---: | ---: | --- |',
      '| mid@replay=5%,seed=1 | 2.12346 | 12000 | ["a","b"] |',
      '| a\\|b "c"<br>d | 1e-7 | 9007199254740993 | NULL |',
      '|  | NULL | 3 | [] |',
      '',
    ].join('\n'),
  );
});

test('what a model wrote neither moves the cursor of a terminal nor becomes a page', () => {
  const hostile: Rows = {
    columns: [{ name: 'response', type: 'VARCHAR' }],
    rows: [['\u001b[2J\u0007red\u009b31m\u202e<img src=x onerror=alert(1)> [a](javascript:b) `c` &lt;']],
  };
  const table = formatRows(hostile, 'table');
  assert.doesNotMatch(table.replaceAll('\n', ''), /[\p{Cc}\u202e]/u);
  assert.match(table, /^\\x1b\[2J\\x07red\\x9b31m\\u202e<img/m);
  const markdown = formatRows(hostile, 'md');
  assert.ok(markdown.includes('\\<img src=x onerror=alert(1)\\> [a\\](javascript:b) \\`c\\` \\&lt;'), markdown);
  assert.doesNotMatch(markdown.replaceAll('\n', ''), /[\p{Cc}\u202e]/u);
  // Programs have it as it is.
  assert.deepEqual(JSON.parse(formatRows(hostile, 'json')), [{ response: hostile.rows[0]?.[0] }]);
});
