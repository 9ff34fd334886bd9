// Measures: `npm run bench -- plan` runs the compiled bench/plan.ts, with what stands after its name; without a name the
// benches are listed. Nothing is compiled here: `npm run build` does that.
import { spawn } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from './setup/command.mjs';
import { SetupFailure } from './setup/failure.mjs';
import { packageRoot } from './setup/places.mjs';

const folder = join(packageRoot, 'dist', 'bench');

await runCommand(async () => {
  const [name, ...args] = process.argv.slice(2);
  const benches = await findBenches();
  if (name === undefined) console.log(`npm run bench -- NAME\n\n${benches.join('\n')}`);
  else if (benches.includes(name)) process.exitCode = await run(join(folder, `${name}.js`), args);
  else throw new SetupFailure(`there is no bench ${name}`, `one of ${benches.join(', ')}`);
});

/** @returns {Promise<string[]>} the names of the compiled benches */
async function findBenches() {
  try {
    const files = await readdir(folder);
    return files.flatMap((file) => /^(.*)\.js$/.exec(file)?.[1] ?? []).sort();
  } catch (error) {
    throw new SetupFailure('the benches are not compiled', '`npm run build` compiles them', error);
  }
}

/**
 * @param {string} file
 * @param {string[]} args
 * @returns {Promise<number>} the exit status; 1 where a signal ended it
 */
function run(file, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [file, ...args], { stdio: 'inherit' });
    child.on('error', reject);
    child.on('close', (status) => resolve(status ?? 1));
  });
}
