import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { appendFile, mkdir, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { findArtifact, inspectNode, newestWhole, publish, verifyArtifact } from '../../store/artifact.ts';
import { beginAttempt } from '../../store/attempt.ts';
import { digestOf } from '../../store/digest.ts';
import { begun, leaveFiles, nodeNamed, publication, temporaryHome } from './support.ts';

const node = nodeNamed('base');

async function published(home: string) {
  const attempt = await begun(home, node);
  await leaveFiles(attempt);
  const manifest = await publish(attempt, publication(attempt, node.preimage));
  return { attempt, manifest };
}

test('publishing names every file with its size and hash, and takes the checkpoints away', async (t) => {
  const home = await temporaryHome(t);
  const attempt = await begun(home, node);
  await leaveFiles(attempt);
  await writeFile(join(attempt.folder, 'trainer.log'), 'chatter');
  await writeFile(join(attempt.folder, '.job.json.1.tmp'), 'half');
  const manifest = await publish(attempt, publication(attempt, node.preimage));
  assert.deepEqual(
    manifest.files.map(({ path }) => path),
    ['events.jsonl', 'job.json', 'model/config.json', 'model/model.safetensors'],
  );
  for (const { path, bytes, sha256 } of manifest.files) {
    const content = await readFile(join(attempt.folder, path));
    assert.deepEqual([bytes, sha256], [content.length, digestOf(content)]);
  }
  assert.equal(existsSync(join(attempt.folder, 'checkpoints')), false);
  const artifact = await findArtifact(home, node.key);
  assert.deepEqual(artifact, { ...manifest, folder: attempt.folder });
  assert.deepEqual(inspectNode(home, node.key), {
    state: 'done',
    attempt: 1,
    finishedAt: manifest.provenance.finishedAt,
  });
});

test('publishing twice gives the manifest that stands', async (t) => {
  const home = await temporaryHome(t);
  const { attempt, manifest } = await published(home);
  const later = { ...publication(attempt, node.preimage), facts: { parameters: 1 } };
  assert.deepEqual(await publish(attempt, later), manifest);
  assert.deepEqual((await findArtifact(home, node.key))?.facts, { parameters: 860_000 });
});

test('a publisher that dies before its last step is finished by whoever comes next', async (t) => {
  const home = await temporaryHome(t);
  const { attempt, manifest } = await published(home);
  // As it is between the claim and the manifest's own place.
  await rm(join(attempt.folder, 'manifest.json'));
  assert.equal(inspectNode(home, node.key).state, 'partial');
  const next = await beginAttempt(home, node);
  assert.equal(next.state, 'published');
  assert.deepEqual(await findArtifact(home, node.key), { ...manifest, folder: attempt.folder });
});

test('what is not as it should be is not published', async (t) => {
  const home = await temporaryHome(t);
  const attempt = await begun(home, node);
  await assert.rejects(publish(attempt, publication(attempt, node.preimage)), {
    name: 'StoreError',
    message: 'cannot publish base: its model is said to be in model/, and nothing is there',
  });
  await leaveFiles(attempt);
  await assert.rejects(
    publish(attempt, publication(attempt, { other: true })),
    /its pre-image does not hash to its key/,
  );
  await symlink('/etc/passwd', join(attempt.folder, 'model', 'tokenizer.json'));
  await assert.rejects(publish(attempt, publication(attempt, node.preimage)), {
    name: 'StoreError',
    message: /tokenizer\.json: it is neither a file nor a folder/,
  });
  assert.equal(await findArtifact(home, node.key), undefined);
  assert.ok(
    existsSync(join(attempt.folder, 'checkpoints', 'step-000120')),
    'checkpoints stay until the manifest is there',
  );
});

test('a lease that was taken away stops the publisher', async (t) => {
  const home = await temporaryHome(t);
  const attempt = await begun(home, node);
  await leaveFiles(attempt);
  await writeFile(attempt.leasePath, '{"token":"somebody else"}');
  await assert.rejects(publish(attempt, publication(attempt, node.preimage)), { name: 'FencedError' });
  assert.equal(existsSync(join(attempt.folder, 'manifest.json')), false);
});

/** What may befall a published attempt, and what the person is told. */
const damages: Record<string, { harm: (folder: string) => Promise<unknown>; reason: RegExp }> = {
  'a file is removed': {
    harm: (folder) => rm(join(folder, 'model', 'config.json')),
    reason: /^attempt 1: model\/config\.json is missing$/,
  },
  'a file is cut off': {
    harm: (folder) => truncate(join(folder, 'model', 'model.safetensors'), 7),
    reason: /^attempt 1: model\/model\.safetensors has 7 bytes, not \d+$/,
  },
  'a small file is changed': {
    harm: (folder) => writeFile(join(folder, 'model', 'config.json'), '{"hidden_size":129}\n'),
    reason: /^attempt 1: model\/config\.json was changed/,
  },
  'a file becomes a folder': {
    harm: async (folder) => {
      await rm(join(folder, 'job.json'));
      await mkdir(join(folder, 'job.json'));
    },
    reason: /^attempt 1: job\.json is no longer a file$/,
  },
  'the manifest is cut off': {
    harm: (folder) => truncate(join(folder, 'manifest.json'), 100),
    reason: /^attempt 1: manifest\.json is not what was published/,
  },
  'the manifest is empty': {
    harm: (folder) => truncate(join(folder, 'manifest.json'), 0),
    reason: /^attempt 1: manifest\.json is not what was published/,
  },
  'a digit of the manifest flips': {
    harm: async (folder) => {
      const path = join(folder, 'manifest.json');
      await writeFile(path, (await readFile(path, 'utf8')).replace('860000', '860001'));
    },
    reason: /^attempt 1: manifest\.json is not what was published/,
  },
  'manifest and claim both lose a field': {
    harm: (folder) => rewrite(folder, (text) => text.replace('"parents": {},', '')),
    reason: /^attempt 1: manifest\.json cannot be read: .*parents/,
  },
  'manifest and claim both name a file outside': {
    harm: (folder) => rewrite(folder, (text) => text.replace('"path": "job.json"', '"path": "../../../job.json"')),
    reason: /^attempt 1: manifest\.json names a file outside of its folder/,
  },
  'manifest and claim have another pre-image': {
    harm: (folder) => rewrite(folder, (text) => text.replace('"lr": 0.003', '"lr": 0.004')),
    reason: /^attempt 1: the pre-image in manifest\.json does not hash to the key$/,
  },
  'manifest and claim are of another attempt': {
    harm: (folder) => rewrite(folder, (text) => text.replace('"attempt": 1', '"attempt": 2')),
    reason: /^attempt 1: manifest\.json is of attempt 2$/,
  },
};

async function rewrite(folder: string, change: (text: string) => string): Promise<void> {
  for (const path of [join(folder, 'manifest.json'), join(folder, 'claims', '2.json')]) {
    const text = await readFile(path, 'utf8');
    assert.notEqual(change(text), text);
    await writeFile(path, change(text));
  }
}

for (const [what, { harm, reason }] of Object.entries(damages)) {
  test(`${what}: the artifact is not served, and the reason is said`, async (t) => {
    const home = await temporaryHome(t);
    const { attempt } = await published(home);
    await harm(attempt.folder);
    assert.equal(await findArtifact(home, node.key), undefined);
    const state = inspectNode(home, node.key);
    assert.equal(state.state, 'damaged');
    assert.match(state.state === 'damaged' ? state.reason : '', reason);
  });
}

test('a half-written manifest is never served, at whatever byte it was cut off', async (t) => {
  const home = await temporaryHome(t);
  const { attempt } = await published(home);
  const places = [join(attempt.folder, 'manifest.json'), join(attempt.folder, 'claims', '2.json')];
  const whole = await readFile(places[0] as string);
  // In one of its two places, which are compared, or in both, where all that may be missing is the last end of line.
  const cuts = [
    { cut: [0], longest: whole.length - 1, stride: 1 },
    { cut: [1], longest: whole.length - 1, stride: 7 },
    { cut: [0, 1], longest: whole.length - 2, stride: 7 },
  ];
  for (const { cut, longest, stride } of cuts) {
    for (let length = longest; length >= 0; length -= stride) {
      for (const place of cut) writeFileSync(places[place] as string, whole.subarray(0, length));
      assert.equal(inspectNode(home, node.key).state, 'damaged', `${length} of ${whole.length} bytes in ${cut}`);
    }
    assert.equal(newestWhole(home, node.key), undefined);
    for (const place of cut) writeFileSync(places[place] as string, whole);
    assert.ok(newestWhole(home, node.key));
  }
});

test('a manifest that is still being written under its temporary name is no manifest', async (t) => {
  const home = await temporaryHome(t);
  const { attempt } = await published(home);
  const whole = await readFile(join(attempt.folder, 'manifest.json'), 'utf8');
  await rename(join(attempt.folder, 'manifest.json'), join(attempt.folder, '.manifest.json.1.tmp'));
  await rename(join(attempt.folder, 'claims', '2.json'), join(attempt.folder, 'claims', '.2.json.1.tmp'));
  assert.equal(await findArtifact(home, node.key), undefined);
  assert.equal(inspectNode(home, node.key).state, 'partial');
  const next = await beginAttempt(home, node);
  assert.equal(next.state, 'begun', 'it is gone on with, as nobody was promised anything');
  await writeFile(join(attempt.folder, 'manifest.json'), whole);
  assert.equal(await findArtifact(home, node.key), undefined, 'nor is one in its place that was never claimed');
});

test('a folder of which only a part was moved or copied into the store is never served', async (t) => {
  const home = await temporaryHome(t);
  const { attempt, manifest } = await published(home);
  const elsewhere = join(home, 'elsewhere');
  await rename(attempt.folder, elsewhere);
  const parts = [...manifest.files.map(({ path }) => path), join('claims', '1.json'), join('claims', '2.json')];
  await mkdir(join(attempt.folder, 'claims'), { recursive: true });
  await mkdir(join(attempt.folder, 'model'));
  // The manifest comes first, which is the worst order there is.
  for (const path of ['manifest.json', ...parts]) {
    assert.equal(await findArtifact(home, node.key), undefined, `before ${path} is there`);
    await rename(join(elsewhere, path), join(attempt.folder, path));
  }
  assert.ok(await findArtifact(home, node.key));
});

test('a flipped bit in a large file is found by hashing, and remembered until it is mended', async (t) => {
  const home = await temporaryHome(t);
  const attempt = await begun(home, node);
  const weights = Buffer.alloc(100_000, 1);
  await leaveFiles(attempt, weights);
  await publish(attempt, publication(attempt, node.preimage));
  const artifact = await findArtifact(home, node.key);
  assert.ok(artifact);
  assert.deepEqual(await verifyArtifact(artifact), { ok: true });

  const path = join(attempt.folder, 'model', 'model.safetensors');
  const flipped = Buffer.from(weights);
  flipped[50_000] = 3;
  await writeFile(path, flipped);
  assert.ok(await findArtifact(home, node.key), 'sizes alone do not show it');
  const reason = 'model/model.safetensors was changed since it was published';
  assert.deepEqual(await verifyArtifact(artifact), { ok: false, reason });
  assert.equal(await findArtifact(home, node.key), undefined);
  assert.deepEqual(inspectNode(home, node.key), { state: 'damaged', reason: `attempt 1: ${reason}` });

  await writeFile(path, weights);
  assert.deepEqual(await verifyArtifact(artifact), { ok: true });
  assert.ok(await findArtifact(home, node.key));
});

test('an older whole attempt serves when the newest is damaged', async (t) => {
  const home = await temporaryHome(t);
  await published(home);
  const second = await begun(home, node, 2);
  await leaveFiles(second);
  await publish(second, publication(second, node.preimage));
  await appendFile(join(second.folder, 'events.jsonl'), 'more\n');
  assert.equal((await findArtifact(home, node.key))?.attempt, 1);
});
