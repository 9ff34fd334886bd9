import { SetupFailure } from './failure.mjs';
import { onPath, run } from './processes.mjs';

/**
 * The Python that downloads and unpacks wheels. Any Python 3 with pip does: what is downloaded does not depend on
 * its version.
 *
 * @returns {Promise<{path: string, version: string}>} the first on PATH that has pip; `version` e.g. `pip 23.2.1
 *   (Python 3.11)`
 * @throws {SetupFailure} where there is no Python 3, or none with pip
 */
export async function findPython() {
  const candidates = ['python3', 'python'].map(onPath).filter((path) => path !== undefined);
  for (const path of candidates) {
    const { status, stdout } = await run(path, ['-m', 'pip', '--version'], { timeoutSeconds: 60 });
    const match = /^pip (\S+) .*\(python (3\.\d+)\)/m.exec(stdout);
    if (status === 0 && match) return { path, version: `pip ${match[1]} (Python ${match[2]})` };
  }
  if (candidates.length === 0) {
    throw new SetupFailure(
      'there is no Python 3 on PATH; set-up downloads TensorFlow and Temporal with its pip',
      'install Python 3 with pip (Debian, Ubuntu: apt install python3-pip; Fedora: dnf install python3-pip; macOS: brew install python) and run `npm run setup` again',
    );
  }
  throw new SetupFailure(
    `${candidates.join(' and ')} ${candidates.length === 1 ? 'has' : 'have'} no pip; set-up downloads TensorFlow and Temporal with it`,
    'install pip (Debian, Ubuntu: apt install python3-pip; Fedora: dnf install python3-pip; elsewhere: python3 -m ensurepip --upgrade) and run `npm run setup` again',
  );
}
