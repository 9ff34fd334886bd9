import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { findChromium, launch, withoutChromium } from './browser.ts';

test('the browser is the one that is named, and a wrong name is told', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'descent '));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const program = join(folder, 'my chrome');
  assert.throws(() => findChromium({ DESCENT_CHROMIUM: program }), /DESCENT_CHROMIUM is .*my chrome.*no program/);
  await writeFile(program, '#!/bin/sh\n');
  await chmod(program, 0o755);
  assert.equal(findChromium({ DESCENT_CHROMIUM: program }), program);
});

test('a browser starts, and shows a page', { skip: withoutChromium }, async (t) => {
  const browser = await launch();
  t.after(() => browser.close());
  const page = await browser.newPage();
  await page.setContent('<h1>here</h1>');
  assert.equal(await page.textContent('h1'), 'here');
});
