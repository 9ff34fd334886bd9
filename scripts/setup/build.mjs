import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { readdir, readFile, rm, rmdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { SetupFailure } from './failure.mjs';
import { pageFiles } from './page.mjs';
import { packageRoot } from './places.mjs';
import { run } from './processes.mjs';
import { timed } from './progress.mjs';
import { findSchemas, schemaFile, writeValidators } from './validators.mjs';
import { writeWhole } from './whole.mjs';

const configuration = join(packageRoot, 'tsconfig.json');
const dist = join(packageRoot, 'dist');
const stamp = join(dist, '.sources');
const compilerState = join(dist, '.tsbuildinfo');
const validatorsFolder = join(dist, 'schemas', 'validators');
const workflows = join(dist, 'workflows', 'index.js');
const bundle = join(dist, 'workflows', 'bundle.js');
const database = join(dist, 'results', 'database.js');
const emptyDatabase = join(dist, 'results', 'empty.duckdb');

/**
 * Whether dist/ is what the sources and the schemas compile to, without changing anything: the digest that the last
 * complete build left is that of both now, and every output is there.
 *
 * @returns {Promise<boolean>}
 */
export async function isBuilt() {
  if (!existsSync(configuration)) return true; // an installed copy comes compiled
  if (!existsSync(stamp)) return false;
  const sources = await findSources();
  if (readFileSync(stamp, 'utf8') !== (await digestOf(sources))) return false;
  return Object.values(await outputsOf(sources))
    .flat()
    .every((file) => existsSync(file));
}

/**
 * Brings dist/ to what the sources and the schemas compile to. Outputs of sources that are gone are removed.
 *
 * @param {import('./progress.mjs').Progress} progress
 * @throws {SetupFailure} where the sources do not compile
 */
export async function build(progress) {
  await rm(stamp, { force: true });
  const sources = await findSources();
  const digest = await digestOf(sources);
  const { compiled, validators, bundled, databases } = await outputsOf(sources);
  // The compiler does not look whether what it wrote is still there.
  if (!compiled.every((file) => existsSync(file))) await rm(compilerState, { force: true });
  await timed(progress, ['compiling the sources', 'compiled the sources'], compile);
  await removeAllBut(new Set([...compiled, ...validators, ...bundled, ...pageFiles, compilerState]), dist);
  if (validators.length > 0) {
    const compileSchemas = () => writeValidators(validatorsFolder);
    await timed(progress, ['compiling the schemas', 'compiled the schemas'], compileSchemas);
  }
  if (bundled.length > 0) await timed(progress, ['bundling the workflows', 'bundled the workflows'], bundleWorkflows);
  if (databases.length > 0) await timed(progress, ['making an empty database', 'made an empty database'], makeDatabase);
  await writeWhole(stamp, digest);
}

async function compile() {
  const compiler = join(packageRoot, 'node_modules', 'typescript', 'bin', 'tsc');
  const { status, stdout, stderr } = await run(
    process.execPath,
    [compiler, '-p', configuration, '--pretty', String(process.stderr.isTTY === true)],
    {
      cwd: packageRoot,
      timeoutSeconds: 600,
    },
  );
  if (status !== 0) {
    throw new SetupFailure(`the sources do not compile\n${(stdout + stderr).trim()}`, 'mend the errors above');
  }
}

async function bundleWorkflows() {
  const { bundleWorkflowCode, DefaultLogger } = await import('@temporalio/worker');
  const { code } = await bundleWorkflowCode({ workflowsPath: workflows, logger: new DefaultLogger('WARN') });
  await writeWhole(bundle, code);
}

async function makeDatabase() {
  const { createDatabase } = await import(pathToFileURL(database).href);
  await createDatabase(emptyDatabase);
}

/** @returns {Promise<string[]>} the TypeScript files that tsconfig.json includes, in a stable order */
async function findSources() {
  const { include, exclude = [] } = JSON.parse(await readFile(configuration, 'utf8'));
  const found = [];
  for (const entry of include) {
    const path = join(packageRoot, entry);
    if (entry.endsWith('.ts')) found.push(...(existsSync(path) ? [path] : []));
    else found.push(...(await filesBelow(path)).filter((file) => /\.c?ts$/.test(file)));
  }
  const excluded = exclude.map((/** @type {string} */ entry) => join(packageRoot, entry, '/'));
  return found.filter((file) => !excluded.some((/** @type {string} */ folder) => file.startsWith(folder))).sort();
}

/** @param {string[]} sources */
async function digestOf(sources) {
  const declarations = (await filesBelow(join(packageRoot, 'scripts')))
    .filter((file) => file.endsWith('.d.mts'))
    .sort();
  const others = ['tsconfig.json', 'package.json', 'package-lock.json'].map((name) => join(packageRoot, name));
  const builders = ['build.mjs', 'validators.mjs'].map((name) => join(packageRoot, 'scripts', 'setup', name));
  const schemas = (await findSchemas()).map(schemaFile);
  const statements = (await filesBelow(join(packageRoot, 'results'))).filter((file) => file.endsWith('.sql')).sort();
  const hash = createHash('sha256');
  for (const file of [...others, ...builders, ...declarations, ...schemas, ...statements, ...sources]) {
    hash.update(`\0${relative(packageRoot, file)}\0`).update(await readFile(file));
  }
  return hash.digest('hex');
}

/** @param {string[]} sources */
async function outputsOf(sources) {
  const compiled = sources
    .filter((file) => !file.endsWith('.d.ts'))
    .map((file) => join(dist, relative(packageRoot, file).replace(/\.(c?)ts$/, '.$1js')));
  return {
    compiled: compiled.flatMap((file) => [file, `${file}.map`]),
    validators: (await findSchemas()).map((name) => join(validatorsFolder, `${name}.cjs`)),
    bundled: compiled.includes(workflows) ? [bundle] : [],
    databases: compiled.includes(database) ? [emptyDatabase] : [],
  };
}

/**
 * Removes the files below a folder that are not among `kept`, and the folders that this leaves empty.
 *
 * @param {Set<string>} kept
 * @param {string} folder
 */
async function removeAllBut(kept, folder) {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await removeAllBut(kept, path);
    else if (!kept.has(path)) await rm(path);
  }
  if ((await readdir(folder)).length === 0) await rmdir(folder);
}

/** @param {string} folder */
async function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}
