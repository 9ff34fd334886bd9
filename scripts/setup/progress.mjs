/**
 * @typedef {object} Progress where set-up tells what it does
 * @property {(text: string) => void} say something that stays on the screen
 * @property {(text: string) => void} update the state of what is under way: one line rewritten on a terminal, a line
 *   every ten seconds elsewhere
 * @property {() => void} clear wipes the line under way from a terminal
 */

const secondsBetweenPlainLines = 10;

/**
 * @param {NodeJS.WriteStream} [stream] a terminal gets a line that is rewritten, anything else plain lines
 * @returns {Progress}
 */
export function createProgress(stream = process.stderr) {
  let lastPlainLine = Number.NEGATIVE_INFINITY;
  const clear = () => {
    if (stream.isTTY) stream.write('\r\x1b[K');
  };
  return {
    say(text) {
      clear();
      stream.write(`${text}\n`);
      lastPlainLine = performance.now();
    },
    update(text) {
      if (stream.isTTY) {
        stream.write(`\r\x1b[K${text.slice(0, (stream.columns || 80) - 1)}`);
      } else if (performance.now() - lastPlainLine > secondsBetweenPlainLines * 1000) {
        stream.write(`${text}\n`);
        lastPlainLine = performance.now();
      }
    },
    clear,
  };
}

/**
 * Runs a piece of work, and says how long it took.
 *
 * @param {Progress} progress
 * @param {[string, string]} what while it is done and afterwards, e.g. `compiling the sources`, `compiled the sources`
 * @param {() => Promise<void>} work
 */
export async function timed(progress, [doing, done], work) {
  const start = performance.now();
  progress.update(`${doing} ...`);
  await work();
  progress.say(`${done}: ${((performance.now() - start) / 1000).toFixed(1)} s`);
}

/**
 * @param {number} bytes
 * @returns {string} megabytes as people count downloads: 1 MB is 10^6 bytes
 */
export function megabytes(bytes) {
  return `${Math.round(bytes / 1e6)} MB`;
}
