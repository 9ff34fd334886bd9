import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TrainerEvent } from '../../schemas/types/event.ts';
import { createEventWriter } from '../../trainer/events.ts';

const metrics = (step: number): TrainerEvent => ({ event: 'metrics', step, tokens: step, values: { loss: 2 / step } });

test('on a disk that becomes full the first event that is not whole is the last, also when there is room again', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'descent-small-disk-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder]).status !== 0) {
    t.skip('this user may not mount a small disk');
    return;
  }
  const output = join(folder, 'execution-1.events.log');
  try {
    writeFileSync(join(folder, 'filler'), Buffer.alloc(32 * 1024));
    const descriptor = openSync(output, 'a');
    const { emit } = createEventWriter(() => undefined, descriptor);
    let step = 0;
    const emitAll = () => {
      while (step < 10_000) emit(metrics(++step));
    };
    assert.throws(emitAll, { code: 'ENOSPC' });
    rmSync(join(folder, 'filler'));
    assert.throws(() => emit(metrics(++step)), { code: 'ENOSPC' });
    closeSync(descriptor);

    const lines = readFileSync(output, 'utf8').split('\n');
    const half = lines.pop() ?? '';
    assert.deepEqual(
      lines.map((line) => JSON.parse(line).step),
      lines.map((_, at) => at + 1),
    );
    assert.equal(lines.length, step - 2, 'what was emitted is out');
    assert.ok(half.length > 0 && JSON.stringify(metrics(step - 1)).startsWith(half), half);
  } finally {
    spawnSync('umount', ['-l', folder]);
  }
});
