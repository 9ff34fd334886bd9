/** What package.json's `engines` says. */
export const minimumNode = '20.12';

/** @returns {boolean} whether this Node is recent enough for Descent */
export function isNodeSupported() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const [minimumMajor, minimumMinor] = minimumNode.split('.').map(Number);
  return major > minimumMajor || (major === minimumMajor && minor >= minimumMinor);
}
