import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { NativeConnection } from '@temporalio/worker';
import { autoDevice, loadConfig } from '../../cli/config.ts';
import { configuredServer, connectClient } from '../../cli/connect.ts';
import { CommandError } from '../../cli/failure.ts';
import defaults, { type TlsFiles } from '../../temporal.config.ts';
import { type TestServer, testServer } from '../fixtures/server.ts';
import { makeCertificates, tlsProxy } from '../fixtures/tls.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'descent-config-'));
});

const folders: string[] = [];
beforeEach(() => folders.push(folder));
after(() => {
  for (const each of folders) rmSync(each, { recursive: true, force: true });
});

describe('the configuration', () => {
  test('is the defaults where there is no file', async () => {
    const { config, file } = await loadConfig(folder, {});
    assert.equal(file, null);
    assert.equal(config.queue, 'descent');
    assert.deepEqual(config.devices.cpu, defaults.devices.cpu);
    assert.equal(configuredServer({ config, file }, {}), null);
  });

  test('takes from a file what it says, and the rest from the defaults', async () => {
    writeFileSync(
      join(folder, 'temporal.config.json'),
      JSON.stringify({
        window: 7,
        devices: { big: { slots: 1, threads: 8 }, 'gpu-h200': { slots: 2, threads: 2, gpus: ['0', 'MIG-1f'] } },
      }),
    );
    const { config } = await loadConfig(folder, {});
    assert.deepEqual([config.window, config.queue, Object.keys(config.devices)], [7, 'descent', ['big', 'gpu-h200']]);
    assert.equal(autoDevice(config, {}), 'big');
    assert.equal(autoDevice(config, { DESCENT_DEVICE: 'cpu' }), 'cpu');
  });

  test('may be a module, anywhere', async () => {
    writeFileSync(
      join(folder, 'mine.mjs'),
      'export default { address: "temporal.example.org:7233", namespace: "lineages" };',
    );
    const loaded = await loadConfig(folder, { DESCENT_TEMPORAL_CONFIG: 'mine.mjs' });
    const server = configuredServer(loaded, {});
    assert.deepEqual(
      [server?.address, server?.namespace, server?.source],
      ['temporal.example.org:7233', 'lineages', join(folder, 'mine.mjs')],
    );
  });

  test('yields to the environment', async () => {
    writeFileSync(
      join(folder, 'temporal.config.json'),
      JSON.stringify({ address: 'file:1', namespace: 'of-file', apiKey: 'secret' }),
    );
    const loaded = await loadConfig(folder, {});
    const server = configuredServer(loaded, { TEMPORAL_ADDRESS: 'environment:2' });
    assert.deepEqual(
      [server?.address, server?.namespace, server?.source],
      ['environment:2', 'of-file', 'TEMPORAL_ADDRESS'],
    );
    assert.equal(server?.connection.apiKey, 'secret');
    assert.ok(server?.connection.tls, 'an API key goes over TLS only');
  });

  test('of the Temporal command line counts only where it is asked for', async () => {
    const toml = join(folder, 'temporal.toml');
    writeFileSync(
      toml,
      '[profile.lab]\naddress = "lab:7233"\nnamespace = "team"\n[profile.lab.tls]\ndisabled = true\n',
    );
    const loaded = await loadConfig(folder, {});
    assert.equal(configuredServer(loaded, { HOME: folder }), null);
    const server = configuredServer(loaded, { TEMPORAL_CONFIG_FILE: toml, TEMPORAL_PROFILE: 'lab' });
    assert.deepEqual(
      [server?.address, server?.namespace, server?.source],
      ['lab:7233', 'team', `profile lab of ${toml}`],
    );
  });

  test('is refused where it says what it cannot, without showing what may be a secret', async () => {
    for (const [content, said] of [
      ['{"adress": "a:1"}', /there is no setting `adress`/],
      ['{"address": "http://a"}', /`address` must be host:port/],
      ['{"apiKey": 7}', /`apiKey` must be a text that is not empty$/],
      ['{"window": 500}', /`window` must be a whole number from 1 to 200/],
      ['{"devices": {"cpu": {"slots": 0, "threads": 1}}}', /`devices\.cpu\.slots` must be a whole number from 1$/],
      ['{"devices": {"cpu": {"slots": 1}}}', /`devices\.cpu\.threads` is missing/],
      ['{"devices": {}}', /`devices` must be an object of classes/],
      ['{"devices": {"results": {"slots": 1, "threads": 1}}}', /`devices` .*`results` cannot be such a name/],
      ['{"devices": {"cpu": {"slots": 1, "threads": 1, "laucher": {}}}}', /no setting `devices\.cpu\.laucher`/],
      ['{"devices": {"cpu": {"slots": 1, "threads": 1, "memory": "80GB"}}}', /`devices\.cpu\.memory` .* of bytes/],
      [
        '{"devices": {"cpu": {"slots": 1, "threads": 1, "speed": {"peak": 1e12}}}}',
        /`devices\.cpu\.speed\.utilisation` is missing/,
      ],
      [
        '{"devices": {"cpu": {"slots": 1, "threads": 1, "speed": {"peak": 1e12, "utilisation": 40}}}}',
        /`devices\.cpu\.speed\.utilisation` must be a share above 0 and at most 1/,
      ],
      [
        '{"devices": {"cpu": {"slots": 1, "threads": 1, "gpus": ["0"]}}}',
        /`devices\.cpu\.gpus` is for .* `gpu-\.\.\.`/,
      ],
      ['{"devices": {"gpu": {"slots": 1, "threads": 1, "gpus": [0]}}}', /`devices\.gpu\.gpus` must be a list of GPUs/],
      ['{"engines": {"Mine": ["a"]}}', /`engines` .* small letters.*`Mine` cannot/],
      ['{"engines": {"mine": "python3 train.py"}}', /`engines\.mine` must be a list of program and arguments/],
      ['{"tls": {"serverCa": "a"}}', /there is no setting `tls\.serverCa`/],
      ['{"storage": {"prefix": "team"}}', /`storage\.bucket` is missing/],
      ['{"storage": {"bucket": "s3://a"}}', /`storage\.bucket` must be .* without `s3:\/\/`/],
      ['{"storage": {"bucket": "a", "prefix": "team/"}}', /`storage\.prefix` must be names with slashes between/],
      [
        '{"storage": {"bucket": "a", "endpoint": "http://me:secret@host:9000"}}',
        /`storage\.endpoint` must be a URL without user and password, http:\/\/host:9000$/,
      ],
      ['{"storage": {"bucket": "a", "cache": -1}}', /`storage\.cache` must be a whole number of bytes from 0$/],
      ['{"heartbeatSeconds": 1}', /`heartbeatSeconds` must be a whole number from 2/],
      ['{oops', /cannot read .*temporal\.config\.json/],
      ['[]', /is not an object of settings/],
    ] as const) {
      writeFileSync(join(folder, 'temporal.config.json'), content);
      await assert.rejects(
        loadConfig(folder, {}),
        (error: unknown) => error instanceof CommandError && said.test(error.message),
        content,
      );
    }
    writeFileSync(join(folder, 'temporal.config.json'), '{"engine": {"mine": ["a"]}}');
    await assert.rejects(
      loadConfig(folder, {}),
      (error: unknown) =>
        error instanceof CommandError && /^did you mean `engines`\? There are: /.test(error.hint ?? ''),
    );
    await assert.rejects(
      loadConfig(folder, { DESCENT_TEMPORAL_CONFIG: 'none.json' }),
      /none\.json, which DESCENT_TEMPORAL_CONFIG names, does not exist/,
    );
  });
});

describe('connecting', () => {
  let server: TestServer;
  before(async () => {
    server = await testServer();
  });
  after(() => server.stop());

  test('says where the address comes from when nobody is there', async () => {
    const loaded = await loadConfig(folder, {});
    const nowhere = configuredServer(loaded, { TEMPORAL_ADDRESS: '127.0.0.1:1' });
    assert.ok(nowhere);
    const begun = performance.now();
    await assert.rejects(connectClient(nowhere), (error: unknown) => {
      assert.ok(error instanceof CommandError);
      assert.equal(error.message, 'cannot reach Temporal at 127.0.0.1:1 (from TEMPORAL_ADDRESS)');
      assert.equal(
        error.hint,
        'check that it runs and that the address is right; without TEMPORAL_ADDRESS, Descent starts a server of its own',
      );
      return true;
    });
    assert.ok(performance.now() - begun < 30_000);
  });

  test('says which namespace is missing', async () => {
    const loaded = await loadConfig(folder, {});
    const other = configuredServer(loaded, { TEMPORAL_ADDRESS: server.address, TEMPORAL_NAMESPACE: 'nowhere' });
    assert.ok(other);
    await assert.rejects(connectClient(other), (error: unknown) => {
      assert.ok(error instanceof CommandError);
      assert.equal(error.message, `cannot use the namespace \`nowhere\` of Temporal at ${server.address}`);
      assert.match(error.hint ?? '', /create the namespace, or name another with TEMPORAL_NAMESPACE/);
      return true;
    });
  });

  test('over TLS with a certificate of one’s own, and only with it', async () => {
    const certificates = makeCertificates(folder);
    const proxy = await tlsProxy(server.address, certificates);
    const { authority, client } = certificates;
    const tls = { serverName: 'temporal.test', serverCA: authority };
    const own = { clientCertificate: client.certificate, clientKey: client.key };
    const serverWith = async (given: TlsFiles | boolean) => {
      writeFileSync(join(folder, 'temporal.config.json'), JSON.stringify({ address: proxy.address, tls: given }));
      const found = configuredServer(await loadConfig(folder, {}), {});
      assert.ok(found);
      return found;
    };
    try {
      const known = await serverWith({ ...tls, ...own });
      const connected = await connectClient(known);
      await connected.close();
      // What workers connect with, which is other code.
      const native = await NativeConnection.connect(known.connection);
      await native.close();
      assert.deepEqual([...new Set(proxy.clients)], ['a-worker.test']);
      const before = proxy.clients.length;
      const others: [string, TlsFiles | boolean][] = [
        ['no certificate', tls],
        ['an authority that is not known', { serverName: 'temporal.test', ...own }],
        ['another name', { ...tls, ...own, serverName: 'other.test' }],
        ['no TLS', false],
      ];
      for (const [less, given] of others) {
        const { connection } = await serverWith(given);
        await assert.rejects(NativeConnection.connect(connection), less);
      }
      assert.equal(proxy.clients.length, before, 'nobody else got through');
    } finally {
      await proxy.stop();
    }
  });
});
