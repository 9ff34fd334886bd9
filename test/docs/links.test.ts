// Links in the documentation lead to what is there: files, and headings in them.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { anchorOf } from '../../reference/markdown.ts';
import { packageRoot } from '../cli/support.ts';

const pages = [
  ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md'],
  ...readdirSync(join(packageRoot, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => join('docs', file)),
];

const rooms = [
  ...readFileSync(join(packageRoot, 'docs', 'architecture.md'), 'utf8').matchAll(/^\| `(\w+)\/` \|/gm),
].map(([, room]) => room ?? '');

test('every link of the documentation leads to a file that is there, and to a heading in it', () => {
  const broken = pages.flatMap((page) =>
    linksOf(page)
      .filter((link) => !leadsSomewhere(page, link))
      .map((link) => `${page}: ${link}`),
  );
  assert.deepEqual(broken, []);
});

test('every page can be reached from README.md', () => {
  const reached = new Set(['README.md']);
  for (const page of reached)
    for (const link of linksOf(page)) {
      const target = relative(packageRoot, targetOf(page, link));
      if (target.endsWith('.md') && existsSync(join(packageRoot, target))) reached.add(target);
    }
  assert.deepEqual(
    pages.filter((page) => !reached.has(page) && page !== 'CHANGELOG.md'),
    [],
  );
});

test('the files that messages name are there, with the part that they name', () => {
  const rooms = [
    'schemas',
    'planner',
    'hub',
    'store',
    'trainer',
    'results',
    'report',
    'workflows',
    'activities',
    'cli',
  ];
  const named = rooms.flatMap((room) =>
    readdirSync(join(packageRoot, room), { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.(ts|sql|json)$/.test(file))
      .flatMap((file) =>
        [...textOf(join(room, file)).matchAll(/\bdocs\/[\w/-]+\.md/g)].map(([name]) => `${room}/${file}: ${name}`),
      ),
  );
  assert.ok(named.length > 5, 'messages name pages');
  assert.deepEqual(
    named.filter((entry) => !existsSync(join(packageRoot, entry.split(': ')[1] ?? ''))),
    [],
  );
});

test('the files of the sources that pages name are there', () => {
  const places = ['.', 'scripts', 'test', 'bench', ...rooms];
  const files = places.flatMap((place) =>
    readdirSync(join(packageRoot, place), { recursive: place !== '.', encoding: 'utf8' }).map((file) =>
      join(place, file),
    ),
  );
  const missing = pages.flatMap((page) =>
    [
      ...textOf(page)
        .replaceAll(/^```[\s\S]*?^```/gm, '')
        .matchAll(/`([\w/.-]+\.(?:ts|cc))`/g),
    ]
      .map(([, name]) => name ?? '')
      .filter((name) => !files.some((file) => file === name || file.endsWith(`/${name}`)))
      .map((name) => `${page}: ${name}`),
  );
  assert.deepEqual(missing, []);
});

function leadsSomewhere(page: string, link: string): boolean {
  const target = targetOf(page, link);
  if (!existsSync(target)) return false;
  const [, anchor] = link.split('#');
  if (anchor === undefined || statSync(target).isDirectory()) return true;
  return anchorsOf(relative(packageRoot, target)).includes(anchor);
}

/** The targets of a page's links and pictures that are no addresses on the web. */
function linksOf(page: string): string[] {
  return [...withoutCode(textOf(page)).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link]) => link ?? '')
    .filter((link) => !/^[a-z]+:/.test(link));
}

function targetOf(page: string, link: string): string {
  const [file = ''] = link.split('#');
  return file === '' ? join(packageRoot, page) : resolve(packageRoot, dirname(page), file);
}

/** The anchors of a page's headings, as GitHub numbers those that are there twice. */
function anchorsOf(page: string): string[] {
  const counted = new Map<string, number>();
  return [...withoutCode(textOf(page)).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => {
    const anchor = anchorOf((heading ?? '').replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1'));
    const before = counted.get(anchor) ?? 0;
    counted.set(anchor, before + 1);
    return before === 0 ? anchor : `${anchor}-${before}`;
  });
}

function withoutCode(text: string): string {
  return text
    .replaceAll(/^```[\s\S]*?^```/gm, '')
    .replaceAll(/`[^`\n]*`(?!\])/g, (code) => code.replaceAll(/[[\]()]/g, ''));
}

function textOf(file: string): string {
  return readFileSync(join(packageRoot, file), 'utf8');
}
