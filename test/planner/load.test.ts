import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { diagnose, didYouMean, formatDiagnostics, sortDiagnostics } from '../../planner/diagnostic.ts';
import { planLineage } from '../../planner/expand.ts';
import { digestFile, findFiles, namesMatching } from '../../planner/files.ts';
import { loadLineage } from '../../planner/load.ts';
import { largestFile } from '../../planner/text.ts';
import { keysOf, lineage, planOf } from './plans.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'descent-load-'));
});
after(() => rm(folder, { recursive: true }));

describe('reading a file', () => {
  const forms: Record<string, (text: string) => string | Buffer> = {
    'with a byte order mark': (text) => `\ufeff${text}`,
    'with the line ends of Windows': (text) => text.replaceAll('\n', '\r\n'),
    'without a last line end': (text) => text.trimEnd(),
    'with a document start and end': (text) => `---\n${text}...\n`,
    'with a directive of YAML 1.2': (text) => `%YAML 1.2\n---\n${text}`,
    'of exactly the largest size': (text) => `${text}#${'x'.repeat(largestFile - text.length - 2)}\n`,
    'with anchors': (text) =>
      text
        .replace('{generator: stories}', '&stories {generator: stories}')
        .replace('{generator: arithmetic}', '{generator: arithmetic}\n  again: *stories'),
  };
  for (const [name, form] of Object.entries(forms)) {
    test(`${name}: the same keys`, async () => {
      const [plain, other] = [join(folder, 'plain.yaml'), join(folder, 'other.yaml')];
      await writeFile(plain, lineage());
      await writeFile(other, form(lineage()));
      assert.deepEqual(keysOf(await planOf(other)), keysOf(await planOf(plain)));
    });
  }

  test('places in a file with a byte order mark and Windows line ends are those of an editor', async () => {
    const path = join(folder, 'marked.yaml');
    await writeFile(
      path,
      `\ufefflineage: 5\r\n${lineage().split('\n').slice(1).join('\r\n').replace('web: {generator', 'web: {generater')}`,
    );
    const loaded = await loadLineage(path);
    assert.ok(!loaded.ok);
    assert.deepEqual(
      loaded.diagnostics.map(({ line, column }) => [line, column]),
      [
        [1, 10],
        [5, 3],
      ],
    );
    assert.doesNotMatch(formatDiagnostics(loaded.diagnostics, loaded.text, { colour: false }), /[\r\ufeff]/);
  });

  test('what is no file, or cannot be read, is told and not thrown', async () => {
    await mkdir(join(folder, 'directory.yaml'));
    await writeFile(join(folder, 'file.yaml'), lineage());
    const codes: (string | undefined)[] = [];
    for (const name of ['directory.yaml', 'none.yaml', 'file.yaml/none.yaml']) {
      const loaded = await loadLineage(join(folder, name));
      codes.push(loaded.ok ? 'ok' : loaded.diagnostics[0]?.code);
    }
    assert.deepEqual(codes, ['file-unreadable', 'file-unreadable', 'file-unreadable']);
  });

  test('a data file that goes away between reading and planning is told with its place', async () => {
    const path = join(folder, 'gone.yaml');
    await writeFile(join(folder, 'gone.txt'), 'here for a moment');
    await writeFile(path, lineage({ data: '  web: {files: gone.txt}\n  math: {generator: arithmetic}' }));
    const loaded = await loadLineage(path);
    assert.ok(loaded.ok);
    await rm(join(folder, 'gone.txt'));
    const planned = await planLineage(loaded.lineage);
    assert.ok(!planned.ok);
    assert.deepEqual(
      planned.diagnostics.map(({ code, line }) => [code, line]),
      [['bad-files', 5]],
    );
  });
});

describe('finding files', () => {
  before(async () => {
    for (const name of ['texts', 'texts/deep/deeper', 'texts/.hidden', 'beside'])
      await mkdir(join(folder, 'found', name), { recursive: true });
    for (const name of [
      'a.txt',
      'b.md',
      'texts/c.txt',
      'texts/d1.txt',
      'texts/d2.txt',
      'texts/deep/e.txt',
      'texts/deep/deeper/f.txt',
      'texts/.hidden/g.txt',
      'texts/.h.txt',
      'a[1].txt',
    ]) {
      await writeFile(join(folder, 'found', name), name);
    }
    await symlink('../texts/c.txt', join(folder, 'found', 'beside', 'inner.txt'));
    await symlink('/etc/hostname', join(folder, 'found', 'beside', 'outer.cfg'));
    await symlink('..', join(folder, 'found', 'beside', 'loop'));
    await symlink('/etc', join(folder, 'found', 'beside', 'system'));
  });
  const found: Record<string, string[] | RegExp> = {
    'a.txt': ['a.txt'],
    './texts//c.txt': ['texts/c.txt'],
    '*.txt': ['a.txt', 'a[1].txt'],
    'texts/d?.txt': ['texts/d1.txt', 'texts/d2.txt'],
    'texts/**/*.txt': ['texts/c.txt', 'texts/d1.txt', 'texts/d2.txt', 'texts/deep/deeper/f.txt', 'texts/deep/e.txt'],
    'texts/**': ['texts/c.txt', 'texts/d1.txt', 'texts/d2.txt', 'texts/deep/deeper/f.txt', 'texts/deep/e.txt'],
    '**/**/e.txt': ['texts/deep/e.txt'],
    'texts/.hidden/*.txt': ['texts/.hidden/g.txt'],
    'a[1].txt': ['a[1].txt'],
    'beside/*.txt': ['beside/inner.txt'],
    'beside/*.cfg': /leads out of the lineage file's folder through the link beside\/outer\.cfg/,
    'beside/system/*.nothing-is-called-so': /leads out of the lineage file's folder through the link beside\/system/,
    'beside/system/passwd': /leads out .* through the link beside\/system\/passwd/,
    'beside/loop/a.txt': ['beside/loop/a.txt'],
    '../found/a.txt': /leads out/,
    'texts/../../found/a.txt': /leads out/,
    '..': /leads out/,
    '/etc/hostname': /not relative/,
    '//etc/hostname': /not relative/,
    '~/.ssh/id_rsa': /not relative/,
    '\\\\host\\share': /not relative/,
    'texts/\0/c.txt': /cannot be searched|matches no file/,
    'C:/texts/a.txt': /not relative/,
    texts: /matches no file/,
    'none/*.txt': /matches no file/,
    'a.txt/b.txt': /matches no file/,
  };
  for (const [pattern, expected] of Object.entries(found)) {
    test(pattern, async () => {
      const files = await findFiles(join(folder, 'found'), pattern);
      if (Array.isArray(expected)) assert.deepEqual(files, { ok: true, names: expected });
      else assert.match(files.ok ? files.names.join() : files.problem, expected);
    });
  }

  test('a pattern names the same in a repository, whose files are known by their names', () => {
    const names = ['a.txt', 'a[1].txt', 'texts/c.txt', 'texts/d1.txt', 'texts/.hidden/g.txt', 'texts/deep/e.txt'];
    const named: Record<string, string[]> = {
      './texts//c.txt': ['texts/c.txt'],
      '*.txt': ['a.txt', 'a[1].txt'],
      'texts/d?.txt': ['texts/d1.txt'],
      'texts/**/*.txt': ['texts/c.txt', 'texts/d1.txt', 'texts/deep/e.txt'],
      'texts/**': ['texts/c.txt', 'texts/d1.txt', 'texts/deep/e.txt'],
      '**/**/e.txt': ['texts/deep/e.txt'],
      'texts/.hidden/*.txt': ['texts/.hidden/g.txt'],
      texts: [],
      'a.txt/b.txt': [],
    };
    for (const [pattern, expected] of Object.entries(named))
      assert.deepEqual(namesMatching([pattern], names), expected, pattern);
    assert.deepEqual(namesMatching(['texts/c*', 'a.txt'], names), ['a.txt', 'texts/c.txt']);
  });

  test('a pattern that is made to be slow is not', async () => {
    await writeFile(join(folder, 'found', `${'a'.repeat(200)}.bin`), '');
    const files = await findFiles(join(folder, 'found'), `${'*a'.repeat(60)}*b`);
    assert.equal(files.ok, false);
  });

  test('the digest of a file is that of its bytes', async () => {
    await writeFile(join(folder, 'abc'), 'abc');
    assert.equal(
      await digestFile(join(folder, 'abc')),
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
  });
});

describe('diagnostics', () => {
  const at = (line: number, column: number, length = 1) =>
    diagnose('a.yaml', { line, column, length }, 'bad-value', `at ${line}:${column}`);

  test('are sorted by place, and each is said once', () => {
    assert.deepEqual(
      sortDiagnostics([at(2, 1), at(1, 9), at(1, 2), at(2, 1)]).map(({ message }) => message),
      ['at 1:2', 'at 1:9', 'at 2:1'],
    );
  });

  test('are coloured only on request', () => {
    assert.doesNotMatch(formatDiagnostics([at(1, 1)], 'x', { colour: false }), /\p{Cc}\[/u);
    assert.match(formatDiagnostics([at(1, 1)], 'x', { colour: true }), /\p{Cc}\[31m/u);
  });

  test('point at the right character after tabs, wide and combined characters, and in long lines', () => {
    const carets = (text: string, column: number, length = 1) =>
      formatDiagnostics([at(1, column, length)], text, { colour: false })
        .split('\n')
        .slice(1, 3);
    assert.deepEqual(carets('\ta: x', 5), ['  1 |  a: x', '    |     ^']);
    assert.deepEqual(carets('😀: xy', 5, 2), ['  1 | 😀: xy', '    |    ^^']);
    const [line, caret] = carets(`${'a'.repeat(500)}X${'b'.repeat(500)}`, 501);
    assert.equal(line?.indexOf('X'), caret?.indexOf('^'));
    assert.ok(line !== undefined && line.length < 150);
  });

  test('suggest what is near, and nothing else', () => {
    assert.equal(didYouMean('contxt', ['layers', 'context']), 'did you mean `context`?');
    assert.equal(didYouMean('Context', ['layers', 'context']), 'did you mean `context`?');
    assert.equal(didYouMean('banana', ['layers', 'context']), undefined);
    assert.equal(didYouMean('anything', []), undefined);
    assert.equal(didYouMean('x'.repeat(10_000), ['layers']), undefined);
  });
});

test('the examples of the language page are valid', async () => {
  const page = await readFile(new URL('../../../docs/lineage-file.md', import.meta.url), 'utf8');
  const examples = [...page.matchAll(/```yaml\n(lineage: [\s\S]*?)```/g)].map((match) => match[1] ?? '');
  assert.ok(examples.length > 0);
  for (const example of examples) {
    const path = join(folder, 'example.yaml');
    await writeFile(path, example);
    await planOf(path);
  }
});
