import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SetupFailure } from './failure.mjs';

/** The folder of the package: a checkout, or an installed copy under some node_modules. */
export const packageRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** The platform as the pinned wheels name it, e.g. `linux-x64`. */
export const platform = `${process.platform}-${process.arch}`;

/**
 * The folder of what is downloaded and built once for all checkouts: `descent` in the user's cache folder
 * (XDG Base Directory Specification: a relative XDG_CACHE_HOME is to be ignored).
 *
 * @returns {string}
 */
export function cacheFolder() {
  const configured = process.env.XDG_CACHE_HOME;
  return join(configured?.startsWith('/') ? configured : join(homedir(), '.cache'), 'descent');
}

/**
 * @param {string} what a product that does not exist for this machine
 * @param {string[]} platforms those it exists for
 */
export function unsupportedPlatform(what, platforms) {
  return new SetupFailure(
    `there is no ${what} for ${platform}`,
    `it exists for ${platforms.join(', ')}; on Windows, WSL 2 is linux-x64`,
  );
}
