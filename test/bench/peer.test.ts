import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { renameUnlessThere } from '../../bench/peers/peer.ts';

describe('a peer that two benches install at once', () => {
  it('is that of the quicker, and both go on', async (t) => {
    const root = mkdtempSync(join(tmpdir(), 'descent-peer-'));
    t.after(() => rmSync(root, { recursive: true }));
    for (const name of ['quicker', 'slower']) {
      mkdirSync(join(root, name));
      writeFileSync(join(root, name, 'pyvenv.cfg'), name);
    }
    const target = join(root, 'torch-2.15.0');
    await renameUnlessThere(join(root, 'quicker'), target);
    await renameUnlessThere(join(root, 'slower'), target);
    assert.equal(readFileSync(join(target, 'pyvenv.cfg'), 'utf8'), 'quicker');
    await assert.rejects(renameUnlessThere(join(root, 'missing'), join(root, 'other')), { code: 'ENOENT' });
  });
});
