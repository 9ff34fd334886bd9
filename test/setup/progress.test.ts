import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { setupModule } from './support.ts';

const { createProgress } = await import(setupModule('progress.mjs'));

test('without a terminal the first thing that is done is told at once, what follows soon after is not', () => {
  const stream = new PassThrough();
  const progress = createProgress(stream);
  progress.update('installing the npm packages ...');
  progress.update('installing the npm packages: more');
  progress.say('installed the npm packages: 60.0 s');
  assert.equal(String(stream.read()), 'installing the npm packages ...\ninstalled the npm packages: 60.0 s\n');
});
