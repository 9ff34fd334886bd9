/** The folder of the package: a checkout, or an installed copy under some node_modules. */
export const packageRoot: string;

/** The platform as the pinned wheels name it, e.g. `linux-x64`. */
export const platform: string;

/** The folder of what is downloaded and built once for all checkouts: `descent` in the user's cache folder. */
export function cacheFolder(): string;

/** The failure to throw where there is no such product for this machine; `platforms` are those it exists for. */
export function unsupportedPlatform(what: string, platforms: string[]): Error;
