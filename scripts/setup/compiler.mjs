import { SetupFailure } from './failure.mjs';
import { onPath, run } from './processes.mjs';

/**
 * The C++ compiler that builds the binding between Node and TensorFlow.
 *
 * @returns {Promise<{path: string, version: string}>} $CXX, or the first of g++, c++ and clang++ on PATH that runs
 * @throws {SetupFailure} where there is none
 */
export async function findCompiler() {
  const names = process.env.CXX ? [process.env.CXX] : ['g++', 'c++', 'clang++'];
  for (const name of names) {
    const path = name.includes('/') ? name : onPath(name);
    if (path === undefined) continue;
    const { status, stdout } = await run(path, ['--version'], { timeoutSeconds: 60 });
    if (status === 0) return { path, version: stdout.split('\n')[0].trim() };
  }
  throw new SetupFailure(
    process.env.CXX
      ? `the C++ compiler that CXX names, ${process.env.CXX}, does not run`
      : `there is no C++ compiler (${names.join(', ')}) on PATH; set-up builds the binding between Node and TensorFlow`,
    'install one (Debian, Ubuntu: apt install g++; Fedora: dnf install gcc-c++; macOS: xcode-select --install) and run `npm run setup` again',
  );
}
