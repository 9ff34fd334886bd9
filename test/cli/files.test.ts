import { deepEqual, doesNotMatch, equal, match } from 'node:assert/strict';
import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { descent, golden, type Outcome, smallLineage, temporaryFolder, writeDevices, writeLineage } from './support.ts';

test('init writes a lineage that plans, and its schema; it overwrites nothing', async (t) => {
  const folder = await temporaryFolder(t);
  const first = await descent(['init', 'my first'], folder);
  deepEqual(first, { exitCode: 0, stdout: await golden('init.txt', first.stdout), stderr: '' });
  const text = await readFile(join(folder, 'my first', 'lineage.yaml'), 'utf8');
  match(text, /^# yaml-language-server: \$schema=lineage\.schema\.json\n/);
  match(text, /^lineage: my-first$/m);
  const schema = JSON.parse(await readFile(join(folder, 'my first', 'lineage.schema.json'), 'utf8')) as {
    title: string;
  };
  equal(schema.title, 'LineageFile');
  const validated = await descent(['validate', 'my first/lineage.yaml'], folder);
  deepEqual([validated.exitCode, validated.stderr], [0, '']);

  await writeFile(join(folder, 'my first', 'lineage.yaml'), 'mine');
  deepEqual(await descent(['init', 'my first'], folder), {
    exitCode: 1,
    stdout: '',
    stderr:
      "error: 'my first/lineage.yaml' is there already, and init overwrites nothing\n" +
      "  hint: plan it (descent plan 'my first/lineage.yaml'), or name another folder: descent init <folder>\n",
  });
  equal(await readFile(join(folder, 'my first', 'lineage.yaml'), 'utf8'), 'mine');
});

test('init leaves a schema that is not its own', async (t) => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, 'lineage.schema.json'), '{}');
  const { exitCode, stderr } = await descent(['init'], folder);
  equal(exitCode, 1);
  match(stderr, /lineage\.schema\.json is there already and is not Descent's/);
  equal(await readFile(join(folder, 'lineage.schema.json'), 'utf8'), '{}');
});

test('init says what hinders it', async (t) => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, 'file'), '');
  const { exitCode, stderr } = await descent(['init', 'file/below'], folder);
  equal(exitCode, 1);
  const file = join(folder, 'file');
  equal(stderr, `error: cannot make ${join(file, 'below')}: ${file} is a file; name another folder\n`);
  const onto = await descent(['init', 'file'], folder);
  equal(onto.stderr, `error: cannot make ${file}: ${file} is a file; name another folder\n`);
  await writeLineage(folder);
  const home = await descent(['--home', 'file', 'run', 'lineage.yaml'], folder);
  equal(home.stderr, `error: ${file} is a file, not a folder: name another with --home or DESCENT_HOME\n`);
});

test('a store that cannot be read is an error, and not taken for an empty one', async (t) => {
  const folder = await temporaryFolder(t);
  await writeLineage(folder);
  await mkdir(join(folder, '.descent'));
  const store = join(folder, '.descent', 'store');
  await symlink(store, store);
  const looped = await descent(['plan', 'lineage.yaml'], folder);
  deepEqual([looped.exitCode, looped.stdout], [1, '']);
  const elsewhere = 'correct that, or name another with --home or DESCENT_HOME';
  equal(looped.stderr, `error: cannot read ${store}: it is a link that leads to itself; ${elsewhere}\n`);
  await rm(store);
  await writeFile(join(folder, 'file'), '');
  const below = await descent(['--home', 'file/home', 'plan', 'lineage.yaml'], folder);
  const home = join(folder, 'file', 'home');
  equal(below.stderr, `error: cannot read ${home}: a folder above it is a file; ${elsewhere}\n`);
});

test('a data file of other content is named by its path', async (t) => {
  const folder = await temporaryFolder(t);
  await writeLineage(folder, smallLineage.replace('{generator: stories}', '{files: texts/*.jsonl}'));
  await mkdir(join(folder, 'texts'));
  const write = (name: string, text: string) =>
    writeFile(join(folder, 'texts', name), `${JSON.stringify({ text })}\n`.repeat(200));
  await write('a.jsonl', 'what stays');
  await write('b.jsonl', 'what is there first');
  equal((await descent(['plan', 'lineage.yaml', '-o', 'plan.json'], folder)).exitCode, 0);
  await write('b.jsonl', 'what is there then');
  const { stdout } = await descent(['diff', 'plan.json', 'lineage.yaml'], folder);
  match(stdout, /data:web .* content of texts\/b\.jsonl \w{12} → \w{12}\n/);
  doesNotMatch(stdout, /a\.jsonl/);
});

test('a folder that takes no others is an error, soon', { skip: process.platform !== 'linux' }, async (t) => {
  const { exitCode, stderr } = await descent(['init', '/proc/descent/below'], await temporaryFolder(t));
  equal(exitCode, 1);
  match(stderr, /^error: cannot (make|write) \/proc\/descent\/below: .* folder/);
});

test('validate: what is right on standard output, what is wrong on standard error, exit code 3', async (t) => {
  const folder = await temporaryFolder(t);
  await writeLineage(folder);
  await writeFile(
    join(folder, 'wrong.yaml'),
    (await readFile(join(folder, 'lineage.yaml'), 'utf8')).replace('data: web', 'data: wbe'),
  );
  deepEqual(await descent(['validate', 'lineage.yaml'], folder), {
    exitCode: 0,
    stdout: 'lineage.yaml: ok, 5 nodes: 1 tokenizer, 2 pretrained models, 2 evaluations\n',
    stderr: '',
  });
  const both = await descent(['validate', 'lineage.yaml', 'wrong.yaml'], folder);
  equal(both.exitCode, 3);
  equal(both.stdout, 'lineage.yaml: ok, 5 nodes: 1 tokenizer, 2 pretrained models, 2 evaluations\n');
  equal(both.stderr, await golden('validate-wrong.txt', both.stderr));
  const json = await descent(['validate', 'lineage.yaml', 'wrong.yaml', '--json'], folder);
  equal(json.exitCode, 3);
  equal(json.stderr, '');
  const findings = JSON.parse(json.stdout) as {
    file: string;
    ok: boolean;
    diagnostics: { code: string; line: number }[];
  }[];
  deepEqual(
    findings.map(({ file, ok, diagnostics }) => [file, ok, diagnostics.map(({ code, line }) => `${code} ${line}`)]),
    [
      ['lineage.yaml', true, []],
      ['wrong.yaml', false, ['unknown-name 7']],
    ],
  );
});

const malformed: [name: string, content: string | Buffer | null][] = [
  ['an empty file', ''],
  ['no map', '- 1\n- 2\n'],
  ['broken YAML', 'lineage: [\n'],
  ['a tab', 'lineage: a\n\tmodels: {}\n'],
  ['bytes that are no text', Buffer.from([0xff, 0xfe, 0x00, 0x80])],
  ['a file that is not there', null],
];
for (const [name, content] of malformed) {
  test(`${name}: refused with a place and without a stack`, async (t) => {
    const folder = await temporaryFolder(t);
    if (content !== null) await writeFile(join(folder, 'lineage.yaml'), content);
    isRefusal(await descent(['validate', 'lineage.yaml'], folder));
  });
}

test('plan and run refuse what validate refuses', async (t) => {
  const folder = await temporaryFolder(t);
  await writeLineage(folder, 'lineage: [\n');
  const validated = await descent(['validate', 'lineage.yaml', '--json'], folder);
  for (const verb of ['plan', 'run', 'graph']) {
    isRefusal(await descent([verb, 'lineage.yaml'], folder));
    const json = await descent([verb, 'lineage.yaml', '--json'], folder);
    deepEqual([json.exitCode, json.stderr], [3, '']);
    deepEqual(JSON.parse(json.stdout), JSON.parse(validated.stdout));
  }
});

function isRefusal({ exitCode, stdout, stderr }: Outcome): void {
  deepEqual([exitCode, stdout], [3, ''], stderr);
  match(stderr, /^lineage\.yaml(:\d+:\d+)?: error\[[a-z-]+\]: /);
  doesNotMatch(stderr, /\n\s+at /);
}

test('plan: a row a node and the total, the same every time', async (t) => {
  const folder = await temporaryFolder(t);
  await writeLineage(folder);
  await writeDevices(folder);
  const first = await descent(['plan', 'lineage.yaml'], folder);
  deepEqual(first, { exitCode: 0, stdout: await golden('plan.txt', first.stdout), stderr: '' });
  deepEqual(await descent(['plan', 'lineage.yaml'], folder), first);
});

test('plan --json and --detailed-exitcode', async (t) => {
  const folder = await temporaryFolder(t);
  await writeLineage(folder);
  const { exitCode, stdout } = await descent(['plan', 'lineage.yaml', '--json', '--detailed-exitcode'], folder);
  equal(exitCode, 2, 'something would run');
  const report = JSON.parse(stdout) as {
    nodes: { address: string; verdict: string; key: string }[];
    total: { nodes: number; reuse: number; resume: number; run: number };
  };
  const { nodes, reuse, resume, run } = report.total;
  deepEqual({ nodes, reuse, resume, run }, { nodes: 5, reuse: 0, resume: 0, run: 5 });
  deepEqual(
    report.nodes.map(({ address, verdict }) => `${verdict} ${address}`),
    [
      'run tokenizer:bytes',
      'run base@lr=1e-3',
      'run base@lr=1e-3/heldout',
      'run base@lr=3e-3',
      'run base@lr=3e-3/heldout',
    ],
  );
  for (const { key } of report.nodes) match(key, /^[0-9a-f]{64}$/);
});

test('plan looks into the home that is named', async (t) => {
  const folder = await temporaryFolder(t);
  await writeLineage(folder);
  const { nodes } = JSON.parse((await descent(['plan', 'lineage.yaml', '--json'], folder)).stdout) as {
    nodes: { key: string }[];
  };
  // An attempt that was begun and left without a checkpoint.
  await mkdir(join(folder, 'elsewhere', 'store', nodes[0]?.key ?? '', 'attempt-1'), { recursive: true });
  const reason = /attempt 1 ended before its first checkpoint/;
  doesNotMatch((await descent(['plan', 'lineage.yaml'], folder)).stdout, reason);
  match((await descent(['plan', 'lineage.yaml', '--home', 'elsewhere'], folder)).stdout, reason);
  match((await descent(['--home', 'elsewhere', 'plan', 'lineage.yaml'], folder)).stdout, reason);
  match((await descent(['plan', 'lineage.yaml'], folder, { env: { DESCENT_HOME: 'elsewhere' } })).stdout, reason);
});

test('an option without effect: validate and plan warn of it, and nothing fails', async (t) => {
  const folder = await temporaryFolder(t);
  await writeLineage(folder, smallLineage.replace('lr: "{lr}"', 'lr: "{lr}", schedule: constant, minLr: 1e-5'));
  const warning =
    /^lineage\.yaml:7:\d+: warning\[no-effect\]: `minLr` changes nothing: the schedule is constant, and stays at `lr`\n/;
  const validate = await descent(['validate', 'lineage.yaml'], folder);
  equal(validate.exitCode, 0);
  match(validate.stdout, /^lineage\.yaml: ok, 5 nodes/);
  match(validate.stderr, warning);
  const plan = await descent(['plan', 'lineage.yaml'], folder);
  equal(plan.exitCode, 0);
  match(plan.stderr, warning);
  const [finding] = JSON.parse((await descent(['validate', 'lineage.yaml', '--json'], folder)).stdout);
  deepEqual([finding.ok, finding.diagnostics.length, finding.diagnostics[0].severity], [true, 1, 'warning']);
  const planned = await descent(['plan', 'lineage.yaml', '--json'], folder);
  equal(planned.stderr, '');
  equal(JSON.parse(planned.stdout).warnings[0].code, 'no-effect');
});
