/**
 * A failure that a person can mend: `message` says what happened and where, `remedy` what to do about it.
 * Anything else that is thrown is a defect of Descent.
 */
export class SetupFailure extends Error {
  /**
   * @param {string} message what happened, and where
   * @param {string} remedy what to do
   * @param {unknown} [cause] the error underneath, shown with --debug
   */
  constructor(message, remedy, cause) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'SetupFailure';
    this.remedy = remedy;
  }
}

/**
 * Turns the operating system's own errors (disk full, no permission) into failures with a remedy.
 *
 * @param {unknown} error what was thrown
 * @param {string} place the folder that was written to
 * @returns {unknown} a SetupFailure where the error is a known one, else the error itself
 */
export function explainSystemError(error, place) {
  const { code, path = place } = /** @type {NodeJS.ErrnoException} */ (error instanceof Error ? error : {});
  if (code === 'ENOSPC' || code === 'EDQUOT') return diskFull(place, error);
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new SetupFailure(
      `no permission to write ${path}`,
      `make ${place} writable for you, or put the cache elsewhere with XDG_CACHE_HOME=/a/folder/of/yours`,
      error,
    );
  }
  return error;
}

/**
 * @param {string} place the folder whose disk is full
 * @param {unknown} [cause]
 */
export function diskFull(place, cause) {
  return new SetupFailure(
    `the disk that holds ${place} is full`,
    'free some space there, or put the cache on another disk with XDG_CACHE_HOME=/a/folder/there',
    cause,
  );
}
