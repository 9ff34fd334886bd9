import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { SetupFailure } from './failure.mjs';
import { packageRoot } from './places.mjs';
import { run } from './processes.mjs';
import { timed } from './progress.mjs';
import { writeWhole } from './whole.mjs';

const sources = join(packageRoot, 'ui', 'page');
const target = join(packageRoot, 'dist', 'ui', 'page');
const stamp = join(target, '.sources');
const names = ['index.html', 'page.js', 'page.css', 'licences.txt'];

/** What the page consists of, for whoever clears dist/ of what is not built any more. */
export const pageFiles = [stamp, ...names.map((name) => join(target, name))];

/**
 * Whether dist/ui/page is what its sources and the packages in it come to, without changing anything.
 *
 * @returns {Promise<boolean>}
 */
export async function isPageBuilt() {
  if (!existsSync(sources)) return true; // an installed copy comes with it
  if (!pageFiles.every((file) => existsSync(file))) return false;
  const { bundled, digest } = JSON.parse(readFileSync(stamp, 'utf8'));
  return (
    bundled.every((/** @type {string} */ file) => existsSync(join(packageRoot, file))) &&
    digest === (await digestOf(bundled))
  );
}

/**
 * Makes the page, which asks the network for nothing: one script, one style sheet, the HTML that names them, and the
 * licences of what is in the script.
 *
 * @param {import('./progress.mjs').Progress} progress
 * @throws {SetupFailure} where the sources do not compile
 */
export async function buildPage(progress) {
  await rm(stamp, { force: true });
  await timed(progress, ['checking the page', 'checked the page'], checkTypes);
  await timed(progress, ['bundling the page', 'bundled the page'], bundle);
}

async function checkTypes() {
  const compiler = join(packageRoot, 'node_modules', 'typescript', 'bin', 'tsc');
  const { status, stdout, stderr } = await run(
    process.execPath,
    [compiler, '-p', sources, '--pretty', String(process.stderr.isTTY === true)],
    { cwd: packageRoot, timeoutSeconds: 600 },
  );
  if (status !== 0) {
    throw new SetupFailure(`the page does not compile\n${(stdout + stderr).trim()}`, 'mend the errors above');
  }
}

async function bundle() {
  const { build } = await import('esbuild');
  const { metafile } = await build({
    entryPoints: [
      { in: join(sources, 'main.tsx'), out: 'page' },
      { in: join(sources, 'style', 'page.css'), out: 'page' },
    ],
    outdir: target,
    absWorkingDir: packageRoot,
    tsconfig: join(sources, 'tsconfig.json'),
    bundle: true,
    minify: true,
    format: 'esm',
    target: ['chrome111', 'firefox114', 'safari16.4'],
    charset: 'utf8',
    legalComments: 'none',
    metafile: true,
    logLevel: 'silent',
  });
  await mkdir(target, { recursive: true });
  await cp(join(sources, 'index.html'), join(target, 'index.html'));
  const inputs = Object.keys(metafile.inputs).sort();
  await writeWhole(join(target, 'licences.txt'), await licencesOf(inputs));
  const bundled = inputs.filter((file) => !file.startsWith('node_modules/'));
  await writeWhole(stamp, JSON.stringify({ bundled, digest: await digestOf(bundled) }));
}

/**
 * @param {string[]} inputs files of the bundle, below the package
 * @returns {Promise<string>} the licences of the packages among them, which ask to go where the code goes
 */
async function licencesOf(inputs) {
  const packages = new Set(inputs.flatMap((file) => /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1] ?? []));
  const texts = [...packages].map(async (name) => {
    const folder = join(packageRoot, 'node_modules', name);
    const { version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
    const file = (await readdir(folder)).find((one) => /^licen[cs]e/i.test(one));
    if (file === undefined)
      throw new SetupFailure(
        `${name} says nowhere under which licence it may be handed on (${license})`,
        'take another package',
      );
    return `${name} ${version} (${license})\n\n${(await readFile(join(folder, file), 'utf8')).trim()}\n`;
  });
  return (await Promise.all(texts)).join(`\n${'-'.repeat(80)}\n\n`);
}

/**
 * @param {string[]} bundled sources that are in the bundle, below the package
 * @returns {Promise<string>} a digest of them, of the packages' versions and of how the page is made
 */
async function digestOf(bundled) {
  const own = (await readdir(sources, { withFileTypes: true, recursive: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => relative(packageRoot, join(entry.parentPath ?? entry.path, entry.name)));
  const others = ['tsconfig.json', 'package-lock.json', 'scripts/setup/page.mjs'];
  const hash = createHash('sha256');
  for (const file of [...new Set([...bundled, ...own, ...others])].sort()) {
    hash.update(`\0${file}\0`).update(await readFile(join(packageRoot, file)));
  }
  return hash.digest('hex');
}
