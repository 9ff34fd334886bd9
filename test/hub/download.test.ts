import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { cachedFiles } from '../../hub/cache.ts';
import { configAt } from '../../hub/config.ts';
import { download } from '../../hub/download.ts';
import { HubError, type HubErrorKind } from '../../hub/errors.ts';
import { filesAt, type RemoteFile } from '../../hub/repository.ts';
import { hubSettings } from '../../hub/settings.ts';
import { gate, testHub } from '../fixtures/hub.ts';

const revision = { hub: 'some/model', revision: 'c0ffee'.padEnd(40, '0') };
const large = Buffer.from(Array.from({ length: 3000 }, (_, at) => at % 251));
const files = { 'config.json': Buffer.from('{"model_type":"llama"}'), 'model.safetensors': large };
const token = 'hf_very_secret';

/** A Hub with those files, its settings, a folder, and the two files as it lists them. */
async function setUp(t: TestContext, env: Record<string, string> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'descent-hub-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const hub = await testHub(t, { ...revision, files });
  const settings = hubSettings({ HF_ENDPOINT: hub.endpoint, HF_HOME: join(folder, 'hf'), HF_TOKEN: token, ...env });
  const listed = await filesAt(settings, revision);
  const weights = listed.get('model.safetensors') as RemoteFile;
  return { folder, hub, settings, listed, weights, path: join(folder, 'model.safetensors') };
}

/** Asserts that a HubError of a kind is thrown, whose message says something and no secret. */
function isError(kind: HubErrorKind, said: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof HubError, String(error));
    assert.equal(error.kind, kind, error.message);
    assert.match(error.message, said);
    assert.doesNotMatch(error.message, /secret/);
    return true;
  };
}

describe('a download', () => {
  it('brings files with the digests that the Hub lists, and sends the token to the endpoint alone', async (t) => {
    const { folder, hub, settings, listed, path } = await setUp(t);
    assert.deepEqual([...listed.keys()], ['config.json', 'model.safetensors']);
    for (const file of listed.values()) await download(settings, revision, file, join(folder, file.name));
    assert.deepEqual(await readFile(path), large);
    assert.deepEqual(await readFile(join(folder, 'config.json')), files['config.json']);
    assert.ok(hub.seen.every(({ headers }) => headers.authorization === `Bearer ${token}`));
    assert.equal(hub.seenByStorage.length, 1);
    assert.equal(hub.seenByStorage[0]?.headers.authorization, undefined);
  });

  it('goes on where a connection broke, as often as that brings something', async (t) => {
    const { hub, settings, weights, path } = await setUp(t);
    hub.conduct.cutAfter = 1200;
    let told = 0;
    await download(settings, revision, weights, path, { onBytes: (bytes) => (told += bytes) });
    assert.deepEqual(await readFile(path), large);
    assert.equal(told, large.length);
    const ranges = hub.seenByStorage.map(({ headers }) => headers.range);
    assert.equal(ranges[0], undefined);
    assert.match(String(ranges[1]), /^bytes=[1-9]\d*-$/);
    assert.ok(!existsSync(`${path}.part`));
  });

  it('goes on with what an earlier process left, and starts anew where a server gives no ranges', async (t) => {
    for (const wholeOnly of [false, true]) {
      const { hub, settings, weights, path } = await setUp(t);
      await writeFile(`${path}.part`, large.subarray(0, 1000));
      hub.conduct.wholeOnly = wholeOnly;
      await download(settings, revision, weights, path);
      assert.deepEqual(await readFile(path), large);
      assert.equal(hub.seenByStorage[0]?.headers.range, 'bytes=1000-');
    }
  });

  it('keeps nothing of what has another digest', async (t) => {
    const { hub, settings, weights, path } = await setUp(t);
    hub.conduct.spoiled = ['model.safetensors'];
    await assert.rejects(download(settings, revision, weights, path), isError('bad-download', /its digest is another/));
    assert.deepEqual([existsSync(path), existsSync(`${path}.part`)], [false, false]);
    // Nor of what was damaged here.
    hub.conduct = {};
    await writeFile(path, large.subarray(1));
    await download(settings, revision, weights, path);
    assert.deepEqual(await readFile(path), large);
  });

  it('does no harm to a file that another goes on with, when its process wakes late', async (t) => {
    const { folder, hub, settings, weights } = await setUp(t);
    const [half, waking] = [gate(), gate()];
    hub.conduct.halfUntil = waking.opened;
    await mkdir(join(folder, 'first'));
    await writeFile(join(folder, 'first', 'weights.part'), large.subarray(0, 1000));
    const late = download(settings, revision, weights, join(folder, 'first', 'weights'), { onBytes: half.open });
    await half.opened;
    await rename(join(folder, 'first'), join(folder, 'second'));
    hub.conduct = {};
    const path = join(folder, 'second', 'weights');
    await download(settings, revision, weights, path);
    assert.match(String(hub.seenByStorage.at(-1)?.headers.range), /^bytes=2000-/, 'it goes on with what there is');
    waking.open();
    await assert.rejects(late, { code: 'ENOENT' });
    assert.deepEqual(await readFile(path), large);
  });

  it('ends when it is aborted, and keeps what came', async (t) => {
    const { hub, settings, weights, path } = await setUp(t);
    hub.conduct.cutAfter = 1200;
    const abort = new AbortController();
    const stop = { signal: abort.signal, onBytes: () => abort.abort(new Error('enough')) };
    await assert.rejects(download(settings, revision, weights, path, stop), /enough/);
    assert.ok((await readFile(`${path}.part`)).length > 0);
  });
});

describe('what the Hub refuses', () => {
  for (const [status, reason, kind, said] of [
    [401, '', 'no-access', /answered 401: the token in HF_TOKEN may not read some\/model/],
    [403, 'GatedRepo', 'no-access', /some\/model is gated: accept its terms at http\S+\/some\/model, and set HF_TOKEN/],
    [404, 'RevisionNotFound', 'no-access', /some\/model has no commit c0ffee/],
    [404, 'RepoNotFound', 'no-access', /answered 404: check the name some\/model/],
    [429, '', 'no-network', /answered 429; it may do better in a while/],
    [503, '', 'no-network', /answered 503/],
  ] as const) {
    it(`is told for ${status} ${reason}`, async (t) => {
      const { hub, settings } = await setUp(t);
      hub.conduct = { status, reason };
      await assert.rejects(filesAt(settings, revision), isError(kind, said));
    });
  }

  it('is told to who has no token', async (t) => {
    const { hub, settings } = await setUp(t);
    hub.conduct = { status: 401 };
    const without = { ...settings, token: undefined };
    await assert.rejects(filesAt(without, revision), isError('no-access', /it is private; then set HF_TOKEN/));
  });

  it('is told where nobody answers, or nobody is there', async (t) => {
    const { hub, settings } = await setUp(t);
    hub.conduct = { silent: true };
    const impatient = { ...settings, timeoutSeconds: 0.2 };
    await assert.rejects(filesAt(impatient, revision), isError('no-network', /said nothing for 0\.2 s/));
    const nowhere = { ...settings, endpoint: 'http://127.0.0.1:1' };
    await assert.rejects(filesAt(nowhere, revision), isError('no-network', /cannot be reached \(/));
  });

  it('is told where something else answers, and no more of it is read than an answer may take', async (t) => {
    const { hub, settings } = await setUp(t);
    const mebibyte = 1024 * 1024;
    hub.conduct = { spaces: 16 * mebibyte };
    await assert.rejects(filesAt(settings, revision), isError('no-access', /answers with something that is not JSON/));
    hub.conduct = { spaces: 17 * mebibyte };
    const said =
      /the files of some\/model: http\S+ answers with more than the 16 MiB that an answer may take: check HF_/;
    await assert.rejects(filesAt(settings, revision), isError('no-access', said));
  });

  it('is told of an endpoint that is none, without what may be a password', () => {
    for (const HF_ENDPOINT of ['ftp://secret', 'https://me:secret@host'])
      assert.throws(() => hubSettings({ HF_ENDPOINT }), isError('no-access', /HF_ENDPOINT/));
  });
});

/** Puts a file into the cache as the Hub's libraries do; gives where it and the link to it are. */
async function cacheFile(folder: string, name: string, content: Buffer | string, blob: string) {
  const repository = join(folder, 'hf', 'hub', 'models--some--model');
  const paths = { link: join(repository, 'snapshots', revision.revision, name), blob: join(repository, 'blobs', blob) };
  for (const path of Object.values(paths)) await mkdir(dirname(path), { recursive: true });
  await writeFile(paths.blob, content);
  await symlink(join('..', '..', 'blobs', blob), paths.link);
  return paths;
}

describe('the cache of the Hub’s libraries', () => {
  const [blob, other] = ['0'.repeat(40), '1'.repeat(40)];

  it('is read offline, where nothing is asked', async (t) => {
    const { folder, hub, settings } = await setUp(t, { HF_HUB_OFFLINE: '1' });
    const before = hub.seen.length;
    await assert.rejects(
      configAt(settings, revision),
      isError('no-access', /run hf download some\/model --revision c0f/),
    );
    await cacheFile(folder, 'config.json', files['config.json'], blob);
    assert.deepEqual(await configAt(settings, revision), { model_type: 'llama' });
    const cached = (await cachedFiles(settings, revision)).get('config.json');
    assert.deepEqual(cached?.digest, { kind: 'git', hex: blob });
    assert.equal(hub.seen.length, before);
  });

  it('has no file whose link leads nowhere', async (t) => {
    const { folder, settings } = await setUp(t);
    await cacheFile(folder, 'model.safetensors', large, blob);
    const config = await cacheFile(folder, 'config.json', '{"model_type":"cached"}', other);
    await rm(config.blob);
    assert.deepEqual([...(await cachedFiles(settings, revision)).keys()], ['model.safetensors']);
    assert.deepEqual(await configAt(settings, revision), { model_type: 'llama' }, 'of the endpoint');
  });

  it('is told of by its path where a config.json in it is damaged', async (t) => {
    const { folder, settings } = await setUp(t);
    const { link } = await cacheFile(folder, 'config.json', '{"model_type":', blob);
    const said = `${link} is damaged (it is not JSON): remove it, and run hf download some/model --revision ${revision.revision} again`;
    await assert.rejects(configAt(settings, revision), (error: Error) => {
      assert.equal(error.message, said);
      return isError('bad-download', /damaged/)(error);
    });
  });
});
