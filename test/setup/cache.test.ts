// What lands in the cache: whole folders, made once, of wheels that are what was pinned.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { lendFromCache, makeWorld, packageRoot, runNode, setupModule, temporaryFolder } from './support.ts';

const { makeFolder } = await import(setupModule('whole.mjs'));
const { findPython } = await import(setupModule('python.mjs'));
const { fetchWheel, pinned, pipArguments } = await import(setupModule('wheels.mjs'));

const silent = { say: () => undefined, update: () => undefined };

/** A program that makes folder `target` by way of a second of work, and says so in `log`. */
function maker(target: string, log: string): string {
  return `
    import { appendFile, writeFile } from 'node:fs/promises';
    import { setTimeout } from 'node:timers/promises';
    import { makeFolder } from ${JSON.stringify(setupModule('whole.mjs'))};
    import { existsSync } from 'node:fs';
    const target = ${JSON.stringify(target)};
    const progress = { say: () => undefined, update: () => undefined };
    await makeFolder(target, { isWhole: () => existsSync(target), bytes: 1, progress }, async (temporary) => {
      await appendFile(${JSON.stringify(log)}, 'made\\n');
      await setTimeout(500);
      await writeFile(temporary + '/content', 'whole');
    });`;
}

test('of several set-ups at once, one makes the folder and the others wait for it', async (t) => {
  const folder = await temporaryFolder(t);
  const [target, log] = [join(folder, 'product'), join(folder, 'log')];
  const program = ['--input-type=module', '-e', maker(target, log)];
  const outcomes = await Promise.all([runNode(program), runNode(program), runNode(program)]);
  assert.deepEqual(
    outcomes.map(({ status, stderr }) => [status, stderr]),
    [
      [0, ''],
      [0, ''],
      [0, ''],
    ],
  );
  assert.equal(await readFile(log, 'utf8'), 'made\n');
  assert.deepEqual((await readdir(folder)).sort(), ['log', 'product']);
});

test('what a dead set-up left behind is taken over', async (t) => {
  const folder = await temporaryFolder(t);
  const target = join(folder, 'product');
  const dead = (await runNode(['-p', 'process.pid'])).stdout.trim();
  await mkdir(`${target}.partial-${dead}`);
  await writeFile(`${target}.lock`, JSON.stringify({ pid: Number(dead), host: hostname() }));
  await makeFolder(target, { isWhole: () => existsSync(target), bytes: 1, progress: silent }, async () => undefined);
  assert.deepEqual(await readdir(folder), ['product']);
});

test('a lock that another machine has not touched for a minute is taken over', async (t) => {
  const folder = await temporaryFolder(t);
  const target = join(folder, 'product');
  await writeFile(`${target}.lock`, JSON.stringify({ pid: process.pid, host: 'another' }));
  const aMinuteAgo = Date.now() / 1000 - 61;
  await utimes(`${target}.lock`, aMinuteAgo, aMinuteAgo);
  await makeFolder(target, { isWhole: () => existsSync(target), bytes: 1, progress: silent }, async () => undefined);
  assert.deepEqual(await readdir(folder), ['product']);
});

test('a folder that lost a file is made again', async (t) => {
  const target = join(await temporaryFolder(t), 'product');
  await mkdir(target);
  await writeFile(join(target, 'stale'), '');
  const isWhole = () => existsSync(join(target, 'content'));
  await makeFolder(target, { isWhole, bytes: 1, progress: silent }, (temporary: string) =>
    writeFile(join(temporary, 'content'), ''),
  );
  assert.deepEqual(await readdir(target), ['content']);
});

test('a failure while a folder is made leaves nothing', async (t) => {
  const folder = await temporaryFolder(t);
  const options = { isWhole: () => false, bytes: 1, progress: silent };
  const failing = makeFolder(join(folder, 'product'), options, async () => Promise.reject(new Error('no')));
  await assert.rejects(failing, /^Error: no$/);
  assert.deepEqual(await readdir(folder), []);
});

test('too little space is said before anything is downloaded', async (t) => {
  const options = { isWhole: () => false, bytes: 1e18, progress: silent };
  await assert.rejects(makeFolder(join(await temporaryFolder(t), 'product'), options, assert.fail), {
    message: /^the disk that holds .* \(\d+ MB free, 1000000000000 MB needed\) is full$/,
  });
});

const wheelProgram = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w') as wheel:
    info = 'tiny_thing-1.2.dist-info/'
    wheel.writestr(info + 'METADATA', 'Metadata-Version: 2.1\\nName: tiny-thing\\nVersion: 1.2\\n')
    wheel.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: false\\nTag: cp39-cp39-manylinux_2_5_s390x\\n')
    wheel.writestr(info + 'RECORD', '')
    program = zipfile.ZipInfo('tiny/bin/program')
    program.external_attr = 0o755 << 16
    wheel.writestr(program, 'run')
    wheel.writestr('tiny/other', 'unwanted')
`;

test('a wheel for another Python and machine is fetched through pip, checked, and unpacked as far as it is wanted', async (t) => {
  const folder = await temporaryFolder(t);
  const file = 'tiny_thing-1.2-cp39-cp39-manylinux_2_5_s390x.whl';
  const { path: python } = await findPython();
  await promisify(execFile)(python, ['-c', wheelProgram, join(folder, file)]);
  const content = await readFile(join(folder, file));
  const wheel = { file, bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') };
  const target = join(folder, 'target');
  await mkdir(target);
  for (const [name, value] of Object.entries({
    PIP_NO_INDEX: '1',
    PIP_FIND_LINKS: pathToFileURL(folder).href,
    PIP_CONFIG_FILE: '/dev/null',
  })) {
    const before = process.env[name];
    process.env[name] = value;
    t.after(() => {
      if (before === undefined) delete process.env[name];
      else process.env[name] = before;
    });
  }
  await fetchWheel({ python, wheel, folder: target, wanted: 'tiny/bin/.*', progress: silent });
  assert.deepEqual((await readdir(target, { recursive: true })).sort(), ['tiny', 'tiny/bin', 'tiny/bin/program']);
  assert.equal((await stat(join(target, 'tiny/bin/program'))).mode & 0o777, 0o755);
  const forged = { ...wheel, sha256: '0'.repeat(64) };
  await assert.rejects(fetchWheel({ python, wheel: forged, folder: target, wanted: '.*', progress: silent }), {
    message: /is not the file that was expected/,
  });
});

test('pip is asked for the pinned file, whatever the local Python', () => {
  const [wheel] = pinned.tensorflow.wheels['linux-x64-cpu'];
  assert.equal(
    pipArguments(wheel, '/there').slice(-9).join(' '),
    '--python-version 311 --implementation cp --abi cp311 --platform manylinux_2_27_x86_64 tensorflow_cpu==2.21.0',
  );
});

test('every pinned wheel has a digest, a size and a version that is the product’s', () => {
  for (const { version, wheels } of Object.values(pinned) as (typeof pinned)['tensorflow'][]) {
    for (const [first, ...others] of Object.values(wheels) as { file: string; bytes: number; sha256: string }[][]) {
      assert.equal(first?.file.split('-')[1], version);
      for (const { bytes, sha256 } of [first, ...others].filter((wheel) => wheel !== undefined)) {
        assert.match(sha256, /^[0-9a-f]{64}$/);
        assert.ok(bytes > 1e6);
      }
    }
  }
});

test('a temporal on PATH goes before the one that was fetched, if it is the Temporal command line', async (t) => {
  const folder = await temporaryFolder(t);
  const find = async (programs: Record<string, string>, lent: boolean) => {
    const env = await makeWorld(join(folder, `${Object.values(programs)}${lent}`), programs);
    if (lent) await lendFromCache(env, product);
    const program = `import(${JSON.stringify(setupModule('temporal.mjs'))}).then((m) => console.log(JSON.stringify(m.findTemporal() ?? null)))`;
    return JSON.parse((await runNode(['-e', program], { env })).stdout);
  };
  const { version, wheels } = pinned.temporal;
  assert.ok(`${process.platform}-${process.arch}` in wheels);
  const product = `temporal-${version}-${process.platform}-${process.arch}`;
  const installed = await find({ temporal: 'echo "temporal version 9.8.7 (Server 9.9.9, UI 2.2.2)"' }, true);
  assert.deepEqual([installed.version, installed.origin], ['9.8.7', 'PATH']);
  const fetched = await find({ temporal: 'echo "a calendar"' }, true);
  assert.deepEqual([fetched.version, fetched.origin], [version, 'set-up']);
  assert.equal(await find({}, false), null);
});

test('the help of set-up names its options', async () => {
  const { status, stdout } = await runNode([join(packageRoot, 'scripts', 'setup.mjs'), '--help']);
  assert.equal(status, 0);
  assert.match(stdout, /--device auto\|cpu\|gpu/);
});
