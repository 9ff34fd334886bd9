import { deepEqual, doesNotMatch, equal, match, ok } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { binary, descent, golden, packageRoot, temporaryFolder, writeLineage } from './support.ts';

test('the help names every verb', async (t) => {
  const { exitCode, stdout, stderr } = await descent(['--help'], await temporaryFolder(t));
  equal(exitCode, 0);
  equal(stderr, '');
  equal(stdout, await golden('help.txt', stdout));
});

test("the version is the package's", async (t) => {
  const { version } = JSON.parse(await readFile(join(packageRoot, 'package.json'), 'utf8')) as { version: string };
  deepEqual(await descent(['--version'], await temporaryFolder(t)), {
    exitCode: 0,
    stdout: `${version}\n`,
    stderr: '',
  });
});

const mistakes: [args: string[], stderr: string][] = [
  [['plam'], "error: unknown command 'plam'\n(Did you mean plan?)\n"],
  [['help', 'nope'], "error: unknown command 'nope'\n(descent help lists them)\n"],
  [
    ['plan', 'x.yaml', '--jsn'],
    "error: unknown option '--jsn'\n(Did you mean --json?)\nusage: descent plan [options] <file>\n(descent help plan says more)\n",
  ],
  [
    ['plan'],
    "error: missing required argument 'file'\nusage: descent plan [options] <file>\n(descent help plan says more)\n",
  ],
  [
    ['query', 'select 1', '--format', 'xml'],
    "error: option '-f, --format <format>' argument 'xml' is invalid. Allowed choices are table, json, csv, md, parquet.\nusage: descent query [options] [sql|name|file]\n(descent help query says more)\n",
  ],
  [
    ['run', 'x.yaml', '--plain', '--json'],
    "error: option '--plain' cannot be used with option '--json'\nusage: descent run [options] [file]\n(descent help run says more)\n",
  ],
  [
    ['worker'],
    "error: required option '--queue <class>' not specified\nusage: descent worker --queue <class> [options]\n(descent help worker says more)\n",
  ],
];
for (const [args, expected] of mistakes) {
  test(`descent ${args.join(' ')}: says what is wrong, exit code 1`, async (t) => {
    deepEqual(await descent(args, await temporaryFolder(t)), { exitCode: 1, stdout: '', stderr: expected });
  });
}

test('colours: none in a pipe, none with NO_COLOR or --no-color, some with FORCE_COLOR', async (t) => {
  const folder = await temporaryFolder(t);
  await writeLineage(folder);
  const controlSequence = '\u001b[';
  const plan = async (env: NodeJS.ProcessEnv, ...args: string[]) =>
    (await descent(['plan', 'lineage.yaml', ...args], folder, { env })).stdout.includes(controlSequence);
  equal(await plan({}), false);
  equal(await plan({ FORCE_COLOR: '1' }), true);
  equal(await plan({ FORCE_COLOR: '1', NO_COLOR: '1' }), false);
  equal(await plan({ FORCE_COLOR: '1' }, '--no-color'), false);
});

test('a reader that goes away is no error', async (t) => {
  const folder = await temporaryFolder(t);
  // More than a pipe holds, so that writing goes on after the reader has gone.
  const seeds = Array.from({ length: 600 }, (_, index) => index);
  await writeLineage(
    folder,
    (await readFile(join(packageRoot, 'lineage', 'quickstart.yaml'), 'utf8')).replace(
      'axes:',
      `axes:\n  seed: {replicate: [${seeds}]}`,
    ),
  );
  const child = spawn(process.execPath, [binary, 'plan', 'lineage.yaml', '--json'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  child.stdout.once('data', () => child.stdout.destroy());
  const exitCode = await new Promise((resolve) => child.on('close', resolve));
  deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
});

test('a verb that fails with --json says so on standard output too, as JSON', async (t) => {
  const folder = await temporaryFolder(t);
  await writeLineage(folder);
  const storage = { bucket: 'lineages', endpoint: 'http://127.0.0.1:9' };
  await writeFile(join(folder, 'temporal.config.json'), JSON.stringify({ storage }));
  const env = { AWS_ACCESS_KEY_ID: 'AKIANOBODY', AWS_SECRET_ACCESS_KEY: 'a-secret' };
  const plain = await descent(['plan', 'lineage.yaml'], folder, { env });
  equal(plain.exitCode, 1);
  equal(plain.stdout, '');
  const json = await descent(['plan', 'lineage.yaml', '--json'], folder, { env });
  deepEqual({ ...json, stdout: '' }, plain);
  const { error, because, hint } = JSON.parse(json.stdout) as { error: string; because: string[]; hint: string | null };
  match(
    error,
    /^s3:\/\/lineages at http:\/\/127\.0\.0\.1:9, listing what it has: it could not be reached.*ECONNREFUSED/,
  );
  deepEqual([because, hint], [[], null]);

  const unknown = await descent(['why', 'nothing', '--file', 'lineage.yaml', '--json'], folder, { env });
  equal(unknown.exitCode, 1);
  ok(unknown.stderr.includes((JSON.parse(unknown.stdout) as { error: string }).error));
});

test('stack traces appear with --debug only', async (t) => {
  const folder = await temporaryFolder(t);
  const plain = await descent(['query', 'summary'], folder);
  equal(plain.exitCode, 1);
  match(plain.stderr, /^error: /);
  doesNotMatch(plain.stderr, /\n\s+at /);
  const debug = await descent(['query', 'summary', '--debug'], folder);
  equal(debug.exitCode, 1);
  match(debug.stderr, /\n\s+at /);
});

test('help, validate, plan and graph load neither Temporal nor DuckDB nor TensorFlow', async (t) => {
  const folder = await temporaryFolder(t);
  await writeLineage(folder);
  const hooks = `import { appendFileSync } from 'node:fs'; export async function resolve(name, context, next) { const found = await next(name, context); appendFileSync(${JSON.stringify(join(folder, 'loaded.txt'))}, found.url + '\\n'); return found; }`;
  const register = `import { register } from 'node:module'; register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(hooks)}));`;
  for (const args of [
    ['--help'],
    ['validate', 'lineage.yaml'],
    ['plan', 'lineage.yaml', '--select', '+base'],
    ['graph', 'lineage.yaml'],
  ]) {
    const { exitCode, stderr } = await descent(args, folder, {
      nodeArgs: ['--import', `data:text/javascript,${encodeURIComponent(register)}`],
    });
    deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
  }
  const loaded = await readFile(join(folder, 'loaded.txt'), 'utf8');
  match(loaded, /node_modules\/commander\//);
  match(loaded, /planner\/load\.js/);
  doesNotMatch(loaded, /node_modules\/@(temporalio|duckdb|tensorflow)\//);
});

/** Runs `descent` with one stream into a device that is always full; what the other was told, and the exit code. */
async function withFull(full: 'stdout' | 'stderr', args: string[], folder: string) {
  const device = await open('/dev/full', 'w');
  try {
    const child = spawn(process.execPath, [binary, ...args], {
      cwd: folder,
      stdio: ['ignore', full === 'stdout' ? device.fd : 'pipe', full === 'stderr' ? device.fd : 'pipe'],
      timeout: 30_000,
    });
    let told = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        told += text;
      });
    }
    const exitCode = await new Promise((resolve) => child.on('close', resolve));
    return { exitCode, told };
  } finally {
    await device.close();
  }
}

test('an output that cannot be written: one sentence, once, exit code 1', async (t) => {
  if (!existsSync('/dev/full')) return t.skip('this system has no /dev/full');
  const folder = await temporaryFolder(t);
  await writeLineage(folder);
  const told =
    'error: standard output cannot be written\n  because: no space left on device (ENOSPC)\n  hint: free some space, or write it somewhere else\n';
  for (const args of [['plan', 'lineage.yaml'], ['validate', 'lineage.yaml'], ['--help'], ['plan', '--help']])
    deepEqual(await withFull('stdout', args, folder), { exitCode: 1, told });
  // What cannot be told is in the exit code all the same; where there is nothing to tell, nothing is wrong.
  deepEqual(await withFull('stderr', ['plan', 'none.yaml'], folder), { exitCode: 1, told: '' });
  deepEqual(await withFull('stderr', ['pln'], folder), { exitCode: 1, told: '' });
  equal((await withFull('stderr', ['validate', 'lineage.yaml'], folder)).exitCode, 0);
});
