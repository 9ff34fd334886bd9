/** @type {Set<() => void>} */
const pending = new Set();

process.once('exit', () => {
  for (const action of pending) action();
});

/**
 * Runs `action` should the process end before it is called off: after Ctrl-C no program goes on downloading and no
 * half-written folder stays.
 *
 * @param {() => void} action must be synchronous, and must not throw
 * @returns {() => void} calls it off
 */
export function onEarlyExit(action) {
  pending.add(action);
  return () => pending.delete(action);
}
