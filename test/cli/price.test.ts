import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { planOf } from '../planner/plans.ts';
import { recordRuns } from '../results/run.ts';
import { descent, golden, smallLineage, temporaryFolder, writeDevices, writeLineage } from './support.ts';

/** Two chains from one base, so that there is something to share. */
const sharing = `${smallLineage
  .replace('lr: "{lr}"', 'lr: 1e-3')
  .replace('axes:', '  tuned: {sft: {from: base, data: math/problems, examples: 64, lr: "{lr}"}}\naxes:')
  .replace('  web:', '  math: {generator: arithmetic}\n  web:')
  .replace('each: [base]', 'each: [tuned]')}`;

interface Report {
  nodes: {
    address: string;
    price: { deviceSeconds: number | null; speed: string | null; flopsTraining: number; bytesMemory: number | null };
  }[];
  total: {
    left: { deviceSeconds: number | null; flopsTraining: number; tokensTrained: number };
    elapsedSeconds: number | null;
    engines: { engine: string; device: string; nodes: number; flops: number; deviceSeconds: number | null }[];
    slots: Record<string, number>;
    sharing: { finalModels: number; saved: { flops: number } };
    trunks: { runs: number; saved: { tokensTrained: number } } | null;
    notes: string[];
  };
}

const planned = async (folder: string, ...args: string[]): Promise<Report> => {
  const { exitCode, stdout, stderr } = await descent(['plan', 'lineage.yaml', '--json', ...args], folder);
  deepEqual([exitCode, stderr], [0, '']);
  return JSON.parse(stdout) as Report;
};

test('with a stated speed: hours, elapsed time on the slots, the longest chain, and what sharing saves', async (t) => {
  const folder = await temporaryFolder(t);
  await writeLineage(folder, sharing);
  await writeDevices(folder, { speed: { peak: 1e6, utilisation: 0.5 } });
  const { stdout } = await descent(['plan', 'lineage.yaml'], folder);
  equal(stdout, await golden('plan-priced.txt', stdout));
  const { total, nodes } = await planned(folder);
  equal(total.slots.cpu, 2);
  equal(total.sharing.finalModels, 2);
  const base = nodes.find(({ address }) => address === 'base');
  equal(total.sharing.saved.flops, base?.price.flopsTraining);
  equal(base?.price.deviceSeconds, (base?.price.flopsTraining ?? 0) / 0.5e6);
  equal(base?.price.speed, 'stated');
});

test('what runs of several budgets under wsd save by their trunks', async (t) => {
  const folder = await temporaryFolder(t);
  const budgets = 'tokens: "{budget}", batch: 512, schedule: wsd, warmup: 1K';
  const text = smallLineage.replace(/tokens: [^,}]+/, budgets).replace('axes:', 'axes:\n  budget: [8K, 16K]');
  await writeLineage(folder, text);
  const { stdout } = await descent(['plan', 'lineage.yaml'], folder);
  match(
    stdout,
    /^ {2}trunks +[0-9.]+K tokens for \d+ runs under wsd instead of [0-9.]+K apart, as under cosine: [0-9.]+ % less/m,
  );
  const { trunks } = (await planned(folder)).total;
  ok(trunks && trunks.runs > 1 && trunks.saved.tokensTrained > 0);
});

test('what a cluster is asked for: jobs of a walltime, more of them where a node takes longer', async (t) => {
  const folder = await temporaryFolder(t);
  await writeLineage(folder, sharing);
  const note = async (launcher: object) => {
    await writeDevices(folder, { speed: { peak: 1e6, utilisation: 0.5 }, launcher });
    return (await planned(folder)).total.notes.find((text) => text.includes('Slurm'));
  };
  match((await note({ slurm: {} })) ?? '', /^cpu hands in \d+ jobs to Slurm, with the partition's time limit$/);
  const jobs = /^cpu hands in (\d+) jobs to Slurm, with a walltime of (.+?) each(: .*)?$/;
  const [, few, day, none] = jobs.exec((await note({ slurm: { walltime: '1-00:00:00' } })) ?? '') ?? [];
  deepEqual([day, none], ['1 d', undefined]);
  const [, many, , longest] = jobs.exec((await note({ slurm: { walltime: '10:00' } })) ?? '') ?? [];
  ok(Number(many) > Number(few), `${many} jobs of ten minutes`);
  match(longest ?? '', /^: \S+ takes about .+, and is handed in again when its time is up$/);
});

test('--select prices what it names, and nothing else', async (t) => {
  const folder = await temporaryFolder(t);
  await writeLineage(folder, sharing);
  await writeDevices(folder, { speed: { peak: 1e6, utilisation: 0.5 } });
  const { nodes, total } = await planned(folder, '--select', 'base');
  equal(nodes.length, 1);
  deepEqual(
    [total.left.flopsTraining, total.left.deviceSeconds],
    [nodes[0]?.price.flopsTraining, nodes[0]?.price.deviceSeconds],
  );
  equal(total.left.tokensTrained, 8192);
});

test('with results: speeds as they were measured', async (t) => {
  const folder = await temporaryFolder(t);
  await writeLineage(folder, sharing);
  await writeDevices(folder, { speed: { peak: 1e6, utilisation: 0.5 } });
  await recordRuns(join(folder, '.descent'), await planOf(join(folder, 'lineage.yaml')));
  const { nodes, total } = await planned(folder);
  deepEqual([...new Set(nodes.map(({ price }) => price.speed))], ['measured']);
  // As the events say that each node took.
  ok(Math.abs((nodes[0]?.price.deviceSeconds ?? 0) - 90.5) < 1e-6, `${nodes[0]?.price.deviceSeconds}`);
  deepEqual(total.notes, []);
  const { stdout } = await descent(['plan', 'lineage.yaml'], folder);
  match(
    stdout,
    /speed +cpu: as measured in this home \(training on text from 8,192 tokens of a [\d.,K]+-parameter model; SFT from /,
  );

  await writeLineage(folder, sharing.replace('tokens: 8K', 'tokens: 8M'));
  const far = (await descent(['plan', 'lineage.yaml'], folder)).stdout;
  match(far, / · roughly [^·]+ · roughly .+ on 2 cpu slots\n/);
  match(
    far,
    /note +times are rough: some of this is more than ten times larger or smaller than what its speed was measured/,
  );
});

test('results that somebody writes to, or that are broken, are a note', { timeout: 60_000 }, async (t) => {
  const folder = await temporaryFolder(t);
  await writeLineage(folder, sharing);
  await writeDevices(folder);
  const home = join(folder, '.descent');
  await recordRuns(home, await planOf(join(folder, 'lineage.yaml')));
  const hold = fileURLToPath(new URL('../results/scripts/hold.js', import.meta.url));
  const holder = spawn(process.execPath, [hold, home, 'write'], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => holder.kill('SIGKILL'));
  await once(holder.stdout, 'data');
  const locked = await planned(folder);
  match(locked.total.notes[0] ?? '', /^the results cannot be read, so no speed that was measured counts: .*results/);
  equal(locked.total.left.deviceSeconds, null);
  holder.stdin.write('\n');
  await once(holder, 'close');
  equal((await planned(folder)).total.notes.length, 0);

  const broken = join(folder, 'broken');
  await mkdir(broken);
  await writeFile(join(broken, 'results.duckdb'), 'not a database, but large enough to be looked at'.repeat(1000));
  const { exitCode, stdout, stderr } = await descent(['--home', 'broken', 'plan', 'lineage.yaml'], folder);
  deepEqual([exitCode, stderr], [0, '']);
  match(stdout, /note +the results cannot be read, so no speed that was measured counts: /);
  match(stdout, /note +no measured speed of the device class cpu yet, and none stated in temporal\.config: no hours\n/);
});

test('a device class that temporal.config does not have is priced as one device, and said', async (t) => {
  const folder = await temporaryFolder(t);
  await writeLineage(folder, `${sharing}placement: {default: {device: h100}}\n`);
  await writeDevices(folder);
  const { total } = await planned(folder);
  deepEqual(
    [total.slots, total.notes],
    [{ h100: 1 }, ['temporal.config has no device class h100: one device is assumed']],
  );
});

test('a program of one’s own that temporal.config does not name is said, before anything is trained', async (t) => {
  const folder = await temporaryFolder(t);
  await writeLineage(folder, sharing.replace('examples: 64', 'examples: 64, engine: command/mine'));
  await writeDevices(folder);
  const says = (notes: string[]) => notes.filter((note) => note.includes('has no program'));
  const { total } = await planned(folder);
  deepEqual(says(total.notes), [
    '`engines` of temporal.config has no program `mine`, which is the engine of 2 nodes: a worker without it fails them',
  ]);
  const path = join(folder, 'temporal.config.json');
  await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, 'utf8')), engines: { mine: ['train'] } }));
  deepEqual(says((await planned(folder)).total.notes), []);
});

test('what takes longer than its timeout is said before it is ended by it', async (t) => {
  const folder = await temporaryFolder(t);
  await writeLineage(folder, `${sharing}placement: {tuned: {timeout: 1s}}\n`);
  await writeDevices(folder, { speed: { peak: 1e8, utilisation: 0.5 } });
  const says = (notes: string[]) => notes.filter((note) => note.includes('`timeout`'));
  const [note, ...others] = says((await planned(folder)).total.notes);
  match(
    note ?? '',
    /^tuned@\S+ takes about .+, and its `timeout` ends it after 1 s, as it does 3 other nodes: raise it/,
  );
  equal(others.length, 0);
  await writeLineage(folder, sharing);
  deepEqual(says((await planned(folder)).total.notes), []);
});

test('a device class that is not there is a warning at its place, and has no speed that others were measured at', async (t) => {
  const folder = await temporaryFolder(t);
  await writeFile(
    join(folder, 'temporal.config.json'),
    JSON.stringify({ devices: { cpu: { slots: 2, threads: 1 }, gpu: { slots: 1, threads: 2 } } }),
  );
  await writeLineage(folder, sharing);
  await recordRuns(join(folder, '.descent'), await planOf(join(folder, 'lineage.yaml')));
  await writeLineage(folder, `${sharing}placement: {default: {device: cuda}, tuned: {device: gpus}}\n`);
  const lines = sharing.split('\n').length;
  for (const verb of ['validate', 'plan']) {
    const { exitCode, stdout, stderr } = await descent([verb, 'lineage.yaml'], folder);
    equal(exitCode, 0);
    ok(
      stderr.includes(`lineage.yaml:${lines}:31: warning[unknown-name]: this machine has no device class \`cuda\``),
      stderr,
    );
    match(stderr, /hint: did you mean `gpu`\?[\s\S]+`gpus`[\s\S]+hint: did you mean `gpu`\?/);
    ok(!stdout.includes('cuda: as measured'), stdout);
  }
});

test('what takes more memory than this machine has is a note where temporal.config does not say what there is', async (t) => {
  const folder = await temporaryFolder(t);
  const large = 'layers: 200, hidden: 32768, heads: 64, ffn: 131072';
  await writeLineage(folder, smallLineage.replace('layers: 1, hidden: 16, heads: 2, ffn: 32', large));
  await writeDevices(folder);
  const { total } = await planned(folder);
  match(total.notes.join('\n'), /^base@lr=\S+ takes more memory than this machine has \([\d.]+ [GT]B\)$/m);
});

test('10,000 nodes are priced and printed', async (t) => {
  const folder = await temporaryFolder(t);
  const rates = Array.from({ length: 4_500 }, (_, index) => `${index + 1}e-6`);
  await writeLineage(folder, smallLineage.replace('[1e-3, 3e-3]', `[${rates}]`));
  await writeDevices(folder, { speed: { peak: 1e6, utilisation: 0.5 } });
  const { exitCode, stdout } = await descent(['plan', 'lineage.yaml'], folder);
  equal(exitCode, 0);
  match(stdout, /\n9,001 nodes: 9,001 run · 36\.9M tokens · /);
});

test('what takes more memory than a slot of its device class has is refused at its stage, with what would help', async (t) => {
  const folder = await temporaryFolder(t);
  const text = smallLineage
    .replace('layers: 1', 'layers: 8')
    .replace('context: 32', 'context: 4096')
    .replace('tokens: 8K, lr: "{lr}"', 'tokens: 256K')
    .replace(/axes:\n.*\n/, '');
  const bytesOfBase = async () =>
    (await planned(folder)).nodes.find(({ address }) => address === 'base')?.price.bytesMemory ?? 0;
  await writeLineage(folder, text);
  const bytes = await bytesOfBase();
  await writeDevices(folder, { memory: bytes });
  equal((await descent(['plan', 'lineage.yaml'], folder)).exitCode, 0);

  await writeDevices(folder, { memory: bytes - 1 });
  const { exitCode, stdout, stderr } = await descent(['plan', 'lineage.yaml'], folder);
  equal(exitCode, 3);
  match(stdout, /\n {2}memory +≈ [\d.]+ GB, of base; /);
  match(
    stderr,
    /^lineage\.yaml:7:3: error\[over-memory\]: `base` takes up to ([\d.]+) GB of memory, and a slot of `cpu` has \1 GB$/m,
  );
  match(
    stderr,
    /hint: with placement: { base: { recomputeActivations: true } } it takes [\d.]+ GB; or give the model a shorter context/,
  );
  equal((await descent(['run', 'lineage.yaml'], folder)).exitCode, 3);

  await writeLineage(folder, `${text}placement: {base: {recomputeActivations: true}}\n`);
  ok((await bytesOfBase()) < bytes / 2);
});

test('stages that are too large in the same way are told of once, with the engines that train them', async (t) => {
  const folder = await temporaryFolder(t);
  const rl = (more: string) => `{rl: {from: tuned, data: math/problems, examples: 64, batch: 64, ${more}}}`;
  await writeLineage(
    folder,
    `lineage: large
models: {nano: {layers: 1, hidden: 16, heads: 2, ffn: 32, context: 512}}
data: {math: {generator: arithmetic}}
stages:
  base: {pretrain: {model: nano, data: math, tokens: 64K, batch: 4K}}
  tuned: {sft: {from: base, data: math/problems, examples: 8, batch: 1}}
  one: ${rl('maxResponse: 200')}
  two: ${rl('maxResponse: 400')}
  stops: ${rl('maxResponse: 400, stopOnCollapse: true')}
`,
  );
  const memory = (await planned(folder)).nodes.map(({ address, price }) => [address, price.bytesMemory ?? 0] as const);
  const of = Object.fromEntries(memory);
  ok((of.one ?? 0) > 1.2 * (of.base ?? 0), JSON.stringify(of));
  await writeDevices(folder, { memory: Math.max(of.base ?? 0, of.tuned ?? 0) });
  const { exitCode, stderr } = await descent(['plan', 'lineage.yaml'], folder);
  equal(exitCode, 3);
  equal(stderr.match(/error\[over-memory\]/g)?.length, 2, stderr);
  match(stderr, /^lineage\.yaml:7:3: error\[over-memory\]: `one` takes up to /m);
  match(
    stderr,
    /\^+ `two` takes up to [\d.]+ GB of memory\n {2}hint: .*: `engine: trl` \(without `dualClip: 3`\), `engine: verl`\n/,
  );
  match(stderr, /^lineage\.yaml:9:3: .*`stops`[\s\S]*`engine: verl` \(without .*`stopOnCollapse: true`\)\n/m);
});

test('budget.hours: judged where the speed is known, of the whole lineage, at its place', async (t) => {
  const folder = await temporaryFolder(t);
  await writeLineage(folder, `${sharing}budget: {hours: 0.5}\n`);
  await writeDevices(folder);
  const unjudged = /budget\.hours is not judged: no speed is known of 6 nodes/;
  match((await descent(['plan', 'lineage.yaml'], folder)).stdout, unjudged);
  equal((await descent(['validate', 'lineage.yaml'], folder)).exitCode, 0);

  await writeDevices(folder, { speed: { peak: 1e6, utilisation: 0.5 } });
  const place =
    /^lineage\.yaml:\d+:17: error\[over-budget\]: this lineage takes 0\.589 device hours, and its budget is 0\.5/;
  for (const args of [
    ['plan', 'lineage.yaml'],
    ['plan', 'lineage.yaml', '--select', 'tokenizer:bytes'],
    ['run', 'lineage.yaml'],
  ]) {
    const { exitCode, stdout, stderr } = await descent(args, folder);
    equal(exitCode, 3);
    if (args[0] === 'plan')
      match(stdout, args.length > 2 ? /\n1 node: 1 run\n/ : /\n6 nodes: 6 run · .* · 35 min 19 s /);
    else equal(stdout, '');
    match(stderr, place);
    match(stderr, /hint: the cheapest cut that fits leaves out lr=1e-3 \(2 of 6 nodes\); 0\.4 device hours are left\n/);
  }
  equal(existsSync(join(folder, '.descent')), false, 'a plan that is refused is not frozen');
  const json = await descent(['plan', 'lineage.yaml', '--json', '-o', 'plan.json'], folder);
  equal(json.exitCode, 3);
  const report = JSON.parse(json.stdout) as Report & { errors: { code: string; hint: string }[] };
  equal(Math.round((report.total.left.deviceSeconds ?? 0) / 3.6), 589);
  deepEqual([report.nodes.length, report.errors.map(({ code }) => code)], [6, ['over-budget']]);
  match(report.errors[0]?.hint ?? '', /^the cheapest cut that fits leaves out lr=1e-3/);
  equal(existsSync(join(folder, 'plan.json')), false);

  await writeLineage(folder, `${sharing}budget: {hours: 0.6}\n`);
  equal((await descent(['plan', 'lineage.yaml'], folder)).exitCode, 0);
});

test('budget.tokens: refused by every verb that plans', async (t) => {
  const folder = await temporaryFolder(t);
  await writeLineage(folder, `${sharing}budget: {tokens: 12K}\n`);
  for (const verb of ['validate', 'plan', 'run', 'graph']) {
    const { exitCode, stdout, stderr } = await descent([verb, 'lineage.yaml'], folder);
    equal(exitCode, 3);
    if (verb === 'plan') match(stdout, /\n6 nodes: 6 run · ≤ 12\.3K tokens · /);
    else equal(stdout, '');
    match(
      stderr,
      /error\[over-budget\]: this lineage trains on up to 12,288 tokens, and its budget is 12,000 tokens\n/,
    );
  }
});

test('with engines: the hours and operations of each, by class', async (t) => {
  const folder = await temporaryFolder(t);
  await writeLineage(folder, sharing.replace('lr: "{lr}"}', 'lr: "{lr}", engine: trl}'));
  await writeDevices(folder, { speed: { peak: 1e6, utilisation: 0.5 } });
  const { stdout } = await descent(['plan', 'lineage.yaml'], folder);
  match(stdout, /^ {2}engines +Descent \S+ FLOP, \d.* of cpu; TRL \S+ FLOP, \d.* of cpu$/m);
  const { total } = await planned(folder);
  deepEqual(
    total.engines.map(({ engine, nodes }) => [engine, nodes]),
    [
      ['descent', total.engines[0]?.nodes],
      ['trl', 2],
    ],
  );
});
