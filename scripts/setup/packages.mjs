import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { diskFull, SetupFailure } from './failure.mjs';
import { packageRoot } from './places.mjs';
import { onPath, run } from './processes.mjs';
import { timed } from './progress.mjs';

const lockfile = join(packageRoot, 'package-lock.json');

/** npm's own record of what it installed, written last: an interrupted installation has none. */
const record = join(packageRoot, 'node_modules', '.package-lock.json');

/**
 * What there is of the npm packages, without changing anything.
 *
 * @returns {{packages: number, missing: string[]}} how many the lockfile names for this platform, and those that are
 *   not installed in the version it names. An installed copy of Descent has no lockfile: whoever installed it answers
 *   for its packages
 */
export function inspectPackages() {
  if (!existsSync(lockfile)) return { packages: 0, missing: [] };
  const wanted = Object.entries(readPackages(lockfile)).filter(([path, entry]) => path !== '' && isForHere(entry));
  const installed = existsSync(record) ? readPackages(record) : {};
  const missing = wanted
    .filter(([path, { version, integrity, optional, os, cpu }]) => {
      const found = installed[path];
      // An optional package without a platform may be left out by npm itself (a native build that failed).
      if (found === undefined) return !optional || os !== undefined || cpu !== undefined;
      return found.version !== version || found.integrity !== integrity;
    })
    .map(
      ([path, { version }]) => `${path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)}@${version}`,
    );
  return { packages: wanted.length, missing };
}

/**
 * Installs what the lockfile names, without running any package's scripts.
 *
 * @param {import('./progress.mjs').Progress} progress
 * @throws {SetupFailure}
 */
export async function setUpPackages(progress) {
  const npm = onPath('npm');
  if (npm === undefined) {
    throw new SetupFailure('there is no npm on PATH', 'install Node with npm (https://nodejs.org/en/download)');
  }
  const args = ['ci', '--ignore-scripts', '--include=dev', '--no-audit', '--no-fund', '--no-progress'];
  await timed(progress, ['installing the npm packages', 'installed the npm packages'], async () => {
    const { status, stdout, stderr } = await run(npm, args, { cwd: packageRoot, timeoutSeconds: 1800 });
    if (status !== 0) throw explainNpm(`${stderr}\n${stdout}`);
  });
}

/**
 * @param {string} file a lockfile
 * @returns {Record<string, {version: string, integrity?: string, optional?: boolean, os?: string[], cpu?: string[], libc?: string[]}>}
 *   packages by their path
 */
function readPackages(file) {
  return JSON.parse(readFileSync(file, 'utf8')).packages;
}

/** @param {{os?: string[], cpu?: string[], libc?: string[]}} entry */
function isForHere({ os, cpu, libc }) {
  // Of two builds that differ in the C library npm installs one; the other packages tell whether it ran.
  return libc === undefined && (os?.includes(process.platform) ?? true) && (cpu?.includes(process.arch) ?? true);
}

/** @param {string} output what npm said */
function explainNpm(output) {
  if (/ENOSPC|EDQUOT/.test(output)) return diskFull(packageRoot, output);
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|network/i.test(output)) {
    return new SetupFailure(
      'the npm packages could not be installed: the registry is out of reach',
      'connect to the network, or name your proxy or mirror (`npm config set proxy …`, `npm config set registry …`), and run `npm run setup` again',
      output,
    );
  }
  const line = output.split('\n').find((text) => /^npm (ERR!|error) /.test(text) && !/ code /.test(text)) ?? '';
  return new SetupFailure(
    `the npm packages could not be installed: ${line.replace(/^npm (ERR!|error) /, '') || 'npm failed'}`,
    'see all that npm said with `npm run setup -- --debug`',
    output,
  );
}
