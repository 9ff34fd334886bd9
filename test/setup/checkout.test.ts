// Set-up and build of a small checkout with a space in its path, on this machine's cache and npm packages.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { packageRoot, realCache, runNode, setupModule, temporaryFolder } from './support.ts';

/** The real scripts over one room of two files. */
async function makeCheckout(t: TestContext): Promise<string> {
  const root = join(await temporaryFolder(t), 'a check out');
  await cp(join(packageRoot, 'scripts'), join(root, 'scripts'), { recursive: true });
  await cp(join(packageRoot, 'package.json'), join(root, 'package.json'));
  await writeFile(join(root, 'package-lock.json'), '{"packages": {"": {}}}');
  await symlink(join(packageRoot, 'node_modules'), join(root, 'node_modules'));
  await mkdir(join(root, 'room'));
  await writeFile(join(root, 'tsconfig.json'), configuration);
  await writeFile(join(root, 'room', 'one.ts'), 'export const one: number = 1;\n');
  await writeFile(join(root, 'room', 'two.ts'), "export { one as two } from './one.ts';\n");
  return root;
}

const configuration = JSON.stringify({
  compilerOptions: {
    ...{ target: 'ES2023', module: 'nodenext', strict: true, types: [], rewriteRelativeImportExtensions: true },
    ...{ sourceMap: true, incremental: true, tsBuildInfoFile: 'dist/.tsbuildinfo', outDir: 'dist', rootDir: '.' },
  },
  include: ['room'],
});

const env = { XDG_CACHE_HOME: dirname(realCache), DESCENT_DEVICE: 'cpu' };

function setUp(root: string) {
  return runNode([join(root, 'scripts', 'setup.mjs')], { env });
}

test('a second set-up does nothing; one after an edit only builds', async (t) => {
  const root = await makeCheckout(t);
  const first = await setUp(root);
  assert.match(first.stderr, /^set-up: did build \(/m);
  assert.equal(first.status, 0);
  const second = await setUp(root);
  assert.match(second.stderr, /^set-up: nothing to do \(.*\); TensorFlow 2\.21\.0 for cpu, Temporal \S+ at \/.*$/m);
  assert.equal(second.stderr.trim().split('\n').length, 1);
  await writeFile(join(root, 'room', 'one.ts'), 'export const one: number = 1.5;\n');
  assert.match((await setUp(root)).stderr, /^set-up: did build \(/m);
});

test('a build removes what has no source any more, and brings back what is gone', async (t) => {
  const root = await makeCheckout(t);
  await setUp(root);
  const output = (name: string) => join(root, 'dist', 'room', name);
  await rm(join(root, 'room', 'two.ts'));
  await rm(output('one.js'));
  assert.equal((await setUp(root)).status, 0);
  assert.ok(existsSync(output('one.js')), 'compiled again');
  assert.ok(!existsSync(output('two.js')) && !existsSync(output('two.js.map')), 'removed');
});

test('a schema is compiled into validators, again after an edit, and no more once it is gone', async (t) => {
  const root = await makeCheckout(t);
  const schema = join(root, 'schemas', 'thing.schema.json');
  const validators = join(root, 'dist', 'schemas', 'validators', 'thing.cjs');
  const program = `console.log(require(${JSON.stringify(validators)})['#'](5))`;
  const takesFive = async () => (await runNode(['-e', program])).stdout.trim();
  await mkdir(join(root, 'schemas'));
  for (const [type, expected] of [
    ['string', 'false'],
    ['number', 'true'],
  ]) {
    await writeFile(schema, JSON.stringify({ $id: 'https://descent.dev/schemas/thing.schema.json', type }));
    assert.match((await setUp(root)).stderr, /^set-up: did build \(/m);
    assert.equal(await takesFive(), expected);
  }
  const first = await readFile(validators, 'utf8');
  await rm(validators);
  assert.match((await setUp(root)).stderr, /^set-up: did build \(/m);
  assert.equal(await readFile(validators, 'utf8'), first);
  await rm(schema);
  await setUp(root);
  assert.ok(!existsSync(validators));
});

test('sources that do not compile are an error each time, until they are mended', async (t) => {
  const root = await makeCheckout(t);
  await setUp(root);
  await writeFile(join(root, 'room', 'one.ts'), "export const one: number = 'one';\n");
  for (const attempt of [1, 2]) {
    const { status, stderr } = await setUp(root);
    assert.equal(status, 1, `attempt ${attempt}`);
    assert.match(stderr, /^error: the sources do not compile\nroom\/one\.ts\(1,14\): error TS2322: /m);
  }
  await writeFile(join(root, 'room', 'one.ts'), 'export const one: number = 2;\n');
  assert.equal((await setUp(root)).status, 0);
});

test('npm packages are missing where the record npm left differs from the lockfile', async (t) => {
  const root = await makeCheckout(t);
  const lock = {
    '': {},
    'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' },
    'node_modules/a/node_modules/@b/c': { version: '2.0.0', integrity: 'sha512-b' },
    'node_modules/elsewhere': { version: '3.0.0', optional: true, os: ['plan9'] },
    'node_modules/here': { version: '4.0.0', optional: true, os: [process.platform], cpu: [process.arch] },
  };
  const installed = { ...lock, 'node_modules/a': { version: '0.9.0', integrity: 'sha512-a' } };
  await rm(join(root, 'node_modules'));
  await mkdir(join(root, 'node_modules'));
  await writeFile(join(root, 'package-lock.json'), JSON.stringify({ packages: lock }));
  const inspect = async (record: Record<string, unknown>) => {
    await writeFile(join(root, 'node_modules', '.package-lock.json'), JSON.stringify({ packages: record }));
    const program =
      "import('./scripts/setup/packages.mjs').then((m) => console.log(JSON.stringify(m.inspectPackages())))";
    return JSON.parse((await runNode(['-e', program], { cwd: root })).stdout);
  };
  const { '': _, 'node_modules/elsewhere': __, ...whole } = lock;
  assert.deepEqual(await inspect(whole), { packages: 3, missing: [] });
  assert.deepEqual(await inspect(installed), { packages: 3, missing: ['a@1.0.0'] });
  const { 'node_modules/here': ___, ...partial } = whole;
  assert.deepEqual(await inspect(partial), { packages: 3, missing: ['here@4.0.0'] });
  assert.deepEqual(await inspect({}), { packages: 3, missing: ['a@1.0.0', '@b/c@2.0.0', 'here@4.0.0'] });
});

test('generated types that were edited are found', async (t) => {
  const root = await makeCheckout(t);
  await cp(join(packageRoot, 'schemas'), join(root, 'schemas'), { recursive: true });
  const generate = (...args: string[]) => runNode([join(root, 'scripts', 'generate.mjs'), ...args]);
  assert.equal((await generate('--check')).status, 0);
  await writeFile(join(root, 'schemas', 'types', 'event.ts'), 'export type TrainerEvent = never;\n');
  await writeFile(join(root, 'schemas', 'types', 'gone.ts'), 'export type Gone = never;\n');
  const { status, stderr } = await generate('--check');
  assert.equal(
    stderr,
    'schemas/types/gone.ts has no schema: run `npm run generate`\nschemas/types/event.ts differs from its schema: run `npm run generate`\n',
  );
  assert.equal(status, 1);
  assert.equal((await generate()).stdout, 'removed schemas/types/gone.ts\nwrote schemas/types/event.ts\n');
  assert.equal((await generate('--check')).status, 0);
});

test('a script of set-up is where its package entry points', () => {
  assert.equal(import.meta.resolve('#setup/temporal.mjs'), setupModule('temporal.mjs'));
});
