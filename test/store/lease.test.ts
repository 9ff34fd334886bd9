import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Manifest } from '../../schemas/types/manifest.ts';
import { claimManifest, holdsLease, leasePath, readClaims, takeLease } from '../../store/lease.ts';
import { nodeNamed, temporaryHome } from './support.ts';

const { key, preimage } = nodeNamed('base');

function manifest(address: string): Manifest {
  const at = '2026-01-01T00:00:00.000Z';
  const provenance = { engine: 'e', device: 'cpu', startedAt: at, finishedAt: at, executions: 1 };
  const rest = { parents: {}, model: null, files: [], facts: {}, provenance };
  return { manifest: 1, key, type: 'pretrain', attempt: 1, address, preimage, ...rest };
}

/* A publisher checks its lease, sleeps, is replaced, wakes up, and goes on where it was. */
test('a publisher that was replaced after its last look at the lease is fenced', async (t) => {
  const folder = await temporaryHome(t);
  const late = await takeLease(folder);
  assert.ok(late && holdsLease(leasePath(folder), late.lease.token));
  const next = await takeLease(folder);
  await assert.rejects(claimManifest(folder, late.number, manifest('late')), { name: 'FencedError' });
  assert.equal((await claimManifest(folder, next?.number ?? 0, manifest('next'))).address, 'next');
  await assert.rejects(claimManifest(folder, late.number, manifest('late')), { name: 'FencedError' });
  assert.match(await readFile(join(folder, 'manifest.json'), 'utf8'), /"address": "next"/);
});

test('nobody takes the lease of what is published', async (t) => {
  const folder = await temporaryHome(t);
  const only = await takeLease(folder);
  await claimManifest(folder, only?.number ?? 0, manifest('done'));
  assert.equal(await takeLease(folder), undefined);
  assert.equal(readClaims(folder).length, 2);
});

test('many takers at once: each has its own number, and lease.json shows the newest', async (t) => {
  const folder = await temporaryHome(t);
  const taken = await Promise.all(Array.from({ length: 12 }, () => takeLease(folder)));
  const numbers = taken.map((claim) => claim?.number ?? 0).toSorted((a, b) => a - b);
  assert.deepEqual(
    numbers,
    Array.from({ length: 12 }, (_, i) => i + 1),
  );
  const holders = taken.filter((claim) => claim && holdsLease(leasePath(folder), claim.lease.token));
  assert.deepEqual(
    holders.map((claim) => claim?.number),
    [12],
  );
});

test('a claim that cannot be read is passed over, not obeyed', async (t) => {
  const folder = await temporaryHome(t);
  await takeLease(folder);
  await writeFile(join(folder, 'claims', '2.json'), '{"token":');
  assert.equal((await takeLease(folder))?.number, 3);
  assert.deepEqual(
    readClaims(folder).map(({ kind }) => kind),
    ['lease', 'unreadable', 'lease'],
  );
});
