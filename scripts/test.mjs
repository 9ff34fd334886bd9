// What `npm test` runs once everything is set up and compiled: format and lint, the generated types, the types of these
// scripts, then the tests. Arguments choose test files by a part of their path: `npm test -- planner store/lease`. What
// takes minutes lies in test/long, test/engines/real, test/launchers/real and test/storage, and runs only if it is asked for:
// `npm test -- long`.
import { spawn } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { packageRoot } from './setup/places.mjs';

const packages = join(packageRoot, 'node_modules');

/** Test files at once: most of their time is spent waiting for servers and trainers, which use the cores themselves. */
const concurrency = 2;

const checks = [
  [join(packages, '@biomejs', 'biome', 'bin', 'biome'), 'check', '--error-on-warnings', '.'],
  [join(packageRoot, 'scripts', 'generate.mjs'), '--check'],
  [join(packages, 'typescript', 'bin', 'tsc'), '-p', 'scripts'],
];

process.exitCode = await runAll();

/** @returns {Promise<number>} the exit status: of the first check that fails, else of the tests */
async function runAll() {
  for (const check of checks) {
    const status = await node(check);
    if (status !== 0) return status;
  }
  const filters = process.argv.slice(2);
  const files = (await findTests()).filter((file) =>
    filters.length === 0 ? !isLong(file) : filters.some((part) => file.includes(part)),
  );
  if (files.length === 0) {
    console.error(`no test file has ${filters.map((part) => `"${part}"`).join(' or ')} in its path`);
    return 1;
  }
  return await node(['--test', `--test-concurrency=${concurrency}`, '--test-reporter=spec', ...files]);
}

/**
 * @returns {Promise<string[]>} the compiled test files, relative to the package (Node 20 takes no pattern), by name; those
 *   of whole lineages first, for they take longest
 */
async function findTests() {
  const folder = join(packageRoot, 'dist', 'test');
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.test.js'))
    .map((entry) => relative(packageRoot, join(entry.parentPath ?? entry.path, entry.name)))
    .sort()
    .sort((a, b) => Number(isOfLineages(b)) - Number(isOfLineages(a)));
}

/** @param {string} file */
function isLong(file) {
  return ['long', join('engines', 'real'), join('launchers', 'real'), 'storage'].some((folder) =>
    file.startsWith(join('dist', 'test', folder)),
  );
}

/** @param {string} file */
function isOfLineages(file) {
  return file.startsWith(join('dist', 'test', 'lineage'));
}

/**
 * @param {string[]} args
 * @returns {Promise<number>} the exit status; 1 where a signal ended it
 */
function node(args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: packageRoot, stdio: 'inherit' });
    child.on('error', reject);
    child.on('close', (status) => resolve(status ?? 1));
  });
}
