import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { readHostState } from '../../cli/host-state.ts';
import { binary, descent, smallLineage } from '../cli/support.ts';
import { type TestHome, testHome, until } from '../fixtures/home.ts';

/*
 * A lineage on the home's own server, with secrets in the environment and in the configuration, and with a codec that
 * encrypts what the server keeps; one of its nodes fails. Then every byte of it is looked through.
 */

/** As `docs/execution.md` has it. */
const codec = /```js\n(\/\/ codec\.mjs\n[\s\S]*?)```/.exec(
  readFileSync(new URL('../../../docs/execution.md', import.meta.url), 'utf8'),
)?.[1];

const secrets = {
  TEMPORAL_API_KEY: 'api-key-of-the-environment',
  TEMPORAL_CODEC_KEY: randomBytes(32).toString('hex'),
  OTEL_EXPORTER_OTLP_HEADERS: 'authorization=key-of-a-collector',
  HF_TOKEN: 'token-of-the-hub',
  HUGGING_FACE_HUB_TOKEN: 'token-of-the-hub-by-its-older-name',
  OPENAI_API_KEY: 'key-of-an-endpoint',
  OPENAI_BASE_URL: 'https://endpoint.example/v1',
};
const inFile = 'api-key-of-the-file';
const values = [...Object.values(secrets), inFile];

let home: TestHome;
let ended: { exitCode: number | null; said: string };
let meanwhile: { status: string; logs: string; processes: string; trainer: string; listening: string };

before(async () => {
  home = await testHome({ codec: 'codec.mjs', apiKey: inFile });
  const env = { ...home.env, ...secrets };
  writeFileSync(join(home.folder, 'codec.mjs'), codec ?? '');
  writeFileSync(join(home.folder, 'lineage.yaml'), smallLineage.replace('models:', 'title: a title of mine\nmodels:'));
  home.steer('base@lr=1e-3', { steps: 4, gateAt: 3 });
  home.steer('base@lr=3e-3', { failAt: 2, kind: 'bad-data' });
  const run = spawn(process.execPath, [binary, 'run', 'lineage.yaml'], { cwd: home.folder, env });
  let said = '';
  for (const stream of [run.stdout, run.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  }
  const exited = new Promise<number | null>((resolve) => run.once('close', resolve));
  const pid = await home.atGate('base@lr=1e-3');
  const ask = async (...words: string[]) => (await descent(words, home.folder, { env })).stdout;
  await until(() => /failed +base@lr=3e-3/i.test(said), 'the other node has failed');
  let status = '';
  await until(async () => {
    status = await ask('status', 'small', '--json');
    return /"step": ?[1-9]/.test(status);
  }, 'progress is told');
  meanwhile = {
    status,
    logs: await ask('logs', 'base@lr=1e-3'),
    processes: spawnSync('ps', ['-A', '-ww', '-o', 'args='], { encoding: 'utf8' }).stdout,
    trainer: existsSync('/proc') ? readFileSync(`/proc/${pid}/environ`, 'latin1') : '',
    listening: await listeningBeyondLoopback(),
  };
  home.openGate('base@lr=1e-3');
  ended = { exitCode: await exited, said };
  await home.nothingLeft();
});

after(() => home.remove());

describe('with a codec', () => {
  test('a run goes its way, and says why a node failed', () => {
    assert.equal(ended.exitCode, 1, ended.said);
    assert.match(ended.said, /done +base@lr=1e-3\/heldout/);
    assert.match(ended.said, /base@lr=3e-3.*bad-data/s);
    assert.doesNotMatch(ended.said, /Encoded failure/);
  });

  test('status and logs say what they say without one', () => {
    assert.match(meanwhile.status, /"address": ?"base@lr=1e-3"/);
    assert.match(meanwhile.logs, /step/);
  });

  test('the server keeps nothing that it could read', () => {
    const kept = readdirSync(home.home).filter((name) => name.startsWith('temporal.db'));
    assert.ok(kept.length > 0);
    const bytes = kept.map((name) => readFileSync(join(home.home, name), 'latin1')).join('');
    assert.ok(bytes.includes('binary/encrypted'), 'what is kept went through the codec');
    for (const plain of ['planDigest', 'a title of mine', 'base@lr', 'lastLines', 'lineage.yaml', 'bad-data:']) {
      const at = bytes.indexOf(plain);
      assert.ok(at < 0, `\`${plain}\` is in the server's file: ${bytes.slice(at - 100, at + 100)}`);
    }
  });
});

describe('a secret', () => {
  test('is in no file of the home: log, history, manifest, results', () => {
    const files = readdirSync(home.home, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    assert.ok(files.some(({ name }) => name === 'results.duckdb') && files.some(({ name }) => name === 'worker.log'));
    const found = files.flatMap(({ name, parentPath, path }) => {
      const bytes = readFileSync(join(parentPath ?? path, name), 'latin1');
      return values.filter((secret) => bytes.includes(secret)).map((secret) => `${secret} in ${name}`);
    });
    assert.deepEqual(found, []);
  });

  test('is in no output and no process’s arguments', () => {
    assert.ok(meanwhile.processes.includes('worker-main.js'));
    for (const secret of values) {
      for (const text of [ended.said, meanwhile.status, meanwhile.logs, meanwhile.processes]) {
        assert.ok(!text.includes(secret), `${secret} is said`);
      }
    }
  });

  test('is not handed to trainers', { skip: !existsSync('/proc') }, () => {
    assert.match(meanwhile.trainer, /PATH=/);
    for (const name of Object.keys(secrets)) assert.ok(!meanwhile.trainer.includes(`${name}=`), `${name} is handed on`);
  });
});

test('the home’s server and its UI listen on loopback only', { skip: !existsSync('/proc/net/tcp') }, () => {
  assert.equal(meanwhile.listening, '');
});

/** The host's ports that are listened on anywhere but at 127.0.0.1, as Linux lists them. */
async function listeningBeyondLoopback(): Promise<string> {
  if (!existsSync('/proc/net/tcp')) return '';
  const state = await readHostState(home.home);
  const pids = [state?.server, state?.worker, state?.host].map((one) => one?.pid);
  const inodes = new Set(
    pids.flatMap((pid) =>
      spawnSync('ls', ['-l', `/proc/${pid}/fd`], { encoding: 'utf8' })
        .stdout.split('\n')
        .flatMap((line) => /socket:\[(\d+)\]/.exec(line)?.[1] ?? []),
    ),
  );
  const listening = ['/proc/net/tcp', '/proc/net/tcp6'].filter(existsSync).flatMap((table) =>
    readFileSync(table, 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      // 0A: it listens.
      .filter((fields) => fields[3] === '0A' && inodes.has(fields[9] ?? '')),
  );
  const ports = listening.map((fields) => Number.parseInt(fields[1]?.split(':')[1] ?? '', 16));
  for (const address of [state?.address, state?.uiAddress]) {
    const port = Number(/:(\d+)$/.exec(address ?? '')?.[1]);
    assert.ok(ports.includes(port), `port ${port} is among those that are listened on`);
  }
  const loopback = /^(0100007F|00000000000000000000000001000000|0000000000000000FFFF00000100007F):/;
  return listening
    .map((fields) => fields[1] ?? '')
    .filter((local) => !loopback.test(local))
    .join(' ');
}
