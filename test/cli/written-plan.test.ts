import { deepEqual, equal, fail, match, notEqual } from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readPlanFile, refuseOtherVersions, writePlanFile } from '../../cli/plan-file.ts';
import { auditKeys } from '../../planner/audit.ts';
import { planLineage } from '../../planner/expand.ts';
import { canonicalJson, keyOf, sha256 } from '../../planner/key.ts';
import { loadLineage } from '../../planner/load.ts';
import type { Plan } from '../../planner/plan.ts';
import type { StoredArtifact } from '../../planner/stored.ts';
import { judge } from '../../planner/verdict.ts';
import { typeVersions } from '../../schemas/catalogue.ts';
import type { PlanFile } from '../../schemas/types/plan.ts';
import { bytesShape, checkpoint } from '../fixtures/checkpoint.ts';
import { fixture, lineage, nodeAt, planOf, planOfText } from '../planner/plans.ts';
import { runLineage, runNode } from '../results/run.ts';
import {
  descent,
  type Outcome,
  packageRoot,
  smallLineage,
  temporaryFolder,
  writeDevices,
  writeLineage,
} from './support.ts';

/** The small lineage, on a text file of its own. */
const onFile = smallLineage.replace('{generator: stories}', '{files: notes.txt}');

/** A folder with a lineage on a file, and its plan, of which nothing is done. */
async function prepare(t: TestContext, ...args: string[]): Promise<string> {
  const folder = await temporaryFolder(t);
  await writeLineage(folder, onFile);
  await writeFile(join(folder, 'notes.txt'), 'some notes on which a model can be trained\n');
  await writeDevices(folder);
  const { exitCode, stderr } = await descent(['plan', 'lineage.yaml', '-o', 'plan.json', ...args], folder);
  deepEqual([exitCode, stderr], [0, 'written: run it with descent run --plan plan.json\n']);
  return folder;
}

/** What a run has left. */
async function runAll(folder: string): Promise<void> {
  await runLineage(join(folder, '.descent'), await planOf(join(folder, 'lineage.yaml')));
}

const runPlan = (folder: string, ...args: string[]): Promise<Outcome> =>
  descent(['run', '--plan', 'plan.json', ...args], folder);

const read = async (folder: string) => JSON.parse(await readFile(join(folder, 'plan.json'), 'utf8')) as PlanFile;

/** Changes the plan as somebody would who also makes its digest anew. */
async function forge(folder: string, change: (plan: PlanFile) => void): Promise<void> {
  const { digest: _, ...content } = await read(folder);
  change(content as PlanFile);
  const text = JSON.stringify({ ...content, digest: sha256(canonicalJson(content)) });
  await writeFile(join(folder, 'plan.json'), text);
}

function isRefusal({ exitCode, stdout, stderr }: Outcome, ...said: RegExp[]): void {
  deepEqual([exitCode, stdout], [3, ''], stderr);
  for (const pattern of said) match(stderr, pattern);
}

test('a written plan has the plan, verdicts and digests; again it is the same, byte by byte', async (t) => {
  const folder = await prepare(t);
  const text = await readFile(join(folder, 'plan.json'), 'utf8');
  const plan = await read(folder);
  deepEqual([plan.format, plan.select, plan.lineageFile.sha256], [1, null, sha256(onFile)]);
  deepEqual(plan.versions, { types: { data: 1, evaluate: 4, pretrain: 4, tokenizer: 1 }, generators: {} });
  deepEqual([...new Set(Object.values(plan.verdicts).map(({ verdict }) => verdict))], ['run']);
  equal(plan.plan.nodes.length, 6);
  const again = await descent(['plan', 'lineage.yaml', '--output', 'plan.json'], folder);
  equal(again.exitCode, 0, again.stderr);
  equal(await readFile(join(folder, 'plan.json'), 'utf8'), text);
});

test('-o writes over plans and nothing else', async (t) => {
  const folder = await prepare(t);
  await writeFile(join(folder, 'mine.json'), '{"mine": true}');
  const { exitCode, stderr } = await descent(['plan', 'lineage.yaml', '-o', 'mine.json'], folder);
  equal(exitCode, 1);
  match(stderr, /mine\.json is there already, and is no plan: nothing is written over it/);
  equal(await readFile(join(folder, 'mine.json'), 'utf8'), '{"mine": true}');
  match((await descent(['plan', 'lineage.yaml', '-o', 'lineage.yaml'], folder)).stderr, /a plan is written as JSON/);
});

test('-o is looked at before anything is planned, and makes no folder', async (t) => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, 'lineage.yaml'), 'stages: this is no lineage');
  await mkdir(join(folder, 'there.json'));
  const say = async (output: string, said: RegExp) => {
    const { exitCode, stdout, stderr } = await descent(['plan', 'lineage.yaml', '-o', output], folder);
    deepEqual([exitCode, stdout], [1, ''], stderr);
    match(stderr, said);
  };
  await say(
    'new/plan.json',
    /^error: there is no folder new\n {2}hint: make it, or name another file than new\/plan\.json\n$/,
  );
  await say('there.json', /^error: there\.json is a folder\n {2}hint: name a file: there\.json\/plan\.json\n$/);
  await say('plan.yaml', /^error: a plan is written as JSON\n {2}hint: name it plan\.json\n$/);
  equal(existsSync(join(folder, 'new')), false);
});

test('a file of another kind is named as what it is, with the verb that takes it', async (t) => {
  const folder = await prepare(t);
  for (const verb of ['plan', 'validate', 'graph', 'run']) {
    const { exitCode, stdout, stderr } = await descent([verb, 'plan.json'], folder);
    deepEqual([exitCode, stdout], [3, ''], verb);
    match(stderr, /^plan\.json.*this is a written plan, not a lineage file\n/);
    match(stderr, /hint: run it: descent run --plan plan\.json/);
    const directory = await descent([verb, '.'], folder);
    equal(directory.exitCode, 3);
    match(directory.stderr, /this is a folder\n[\s\S]*hint: give the path of a lineage file/);
    const missing = await descent([verb, 'gone.yaml'], folder);
    equal(missing.exitCode, 3);
    match(missing.stderr, /there is no such file\n[\s\S]*hint: give the path of a lineage file/);
  }
  const said: [path: string, RegExp][] = [
    [
      'lineage.yaml',
      /^error: lineage\.yaml is a lineage file, not a plan\n {2}hint: run it: descent run lineage\.yaml\n$/,
    ],
    ['.', /^error: \. is a folder\n {2}hint: `descent plan -o` writes one/],
    ['gone.json', /^error: gone\.json does not exist\n {2}hint: descent plan <file> -o writes a plan\n$/],
  ];
  for (const [path, pattern] of said) isRefusal(await descent(['run', '--plan', path], folder), pattern);
});

test('a verb without what it needs shows how it is used; a home that is a file is named', async (t) => {
  const folder = await prepare(t);
  const missing = await descent(['plan'], folder);
  equal(missing.exitCode, 1);
  match(missing.stderr, /^error: missing required argument 'file'\n+usage: descent plan .*<?file>?.*\n/);
  const home = await descent(['--home', 'plan.json', 'plan', 'lineage.yaml'], folder);
  equal(home.exitCode, 1);
  match(home.stderr, /^error: .*plan\.json is a file, not a folder: name another with --home or DESCENT_HOME\n$/);
});

test('what is done by now is said, and all the same is nothing run again', async (t) => {
  const folder = await prepare(t);
  await runAll(folder);
  const { exitCode, stdout, stderr } = await runPlan(folder);
  deepEqual([exitCode, stderr], [0, '']);
  match(stdout, /^small: 6 nodes: 6 reuse\n.*note +6 nodes got further since this was planned\n/);
});

test('the plan runs without its lineage file, or with another, and says so', async (t) => {
  const folder = await prepare(t);
  await runAll(folder);
  await writeLineage(folder, onFile.replace('8K', '16K'));
  match((await runPlan(folder)).stdout, /lineage\.yaml has changed since this was planned: the plan is what runs\n/);
  await rm(join(folder, 'lineage.yaml'));
  const { exitCode, stdout } = await runPlan(folder);
  equal(exitCode, 0);
  match(stdout, /lineage\.yaml is gone: the plan is what runs\n/);
});

test('data that changed or is gone: refused, by name', async (t) => {
  const folder = await prepare(t);
  await writeFile(join(folder, 'notes.txt'), 'other notes\n');
  isRefusal(await runPlan(folder), /its data changed\n {2}data:web: .*notes\.txt has other content\n/);
  await rm(join(folder, 'notes.txt'));
  const json = await runPlan(folder, '--json');
  match((JSON.parse(json.stdout) as { error: string }).error, /data:web: .*notes\.txt is gone$/);
  isRefusal({ ...json, stdout: '' }, /data:web: .*notes\.txt is gone\n/);
});

test('more to run than the plan said: refused, by name; in another home too', async (t) => {
  const folder = await prepare(t);
  await runAll(folder);
  await descent(['plan', 'lineage.yaml', '-o', 'plan.json'], folder);
  equal((await runPlan(folder)).exitCode, 0);
  const { plan } = await read(folder);
  const base = plan.nodes.find(({ address }) => address === 'base@lr=1e-3')?.key ?? '';
  await rm(join(folder, '.descent', 'store', base), { recursive: true });
  isRefusal(
    await runPlan(folder),
    /^error: plan\.json cannot be run as it says: more would have to run\n {2}base@lr=1e-3: reuse \(attempt 1, done 20.*\), now run \(planned before, and not in the store: never finished, or removed\)\n/,
    /hint: see that this is the home that it was planned for/,
  );
  isRefusal(
    await descent(['--home', 'other', 'run', '--plan', 'plan.json'], folder),
    /\n {2}data:web: reuse .*now run/,
  );
});

test('a selection is kept: what it names, and what that needs', async (t) => {
  const folder = await prepare(t, '--select', '*@lr=3e-3');
  const { select, plan } = await read(folder);
  deepEqual(select, ['*@lr=3e-3']);
  deepEqual(
    plan.nodes.map(({ address }) => address),
    ['data:web', 'tokenizer:bytes', 'base@lr=3e-3'],
  );
  const whole = await planOf(join(folder, 'lineage.yaml'));
  for (const { key } of plan.nodes) {
    const node = whole.nodes.find((one) => one.key === key);
    if (node) await runNode(join(folder, '.descent'), node);
  }
  match((await runPlan(folder)).stdout, /^small: 3 nodes: 3 reuse\n/);
});

test('a plan that was changed by hand is refused, whatever was changed', async (t) => {
  const folder = await prepare(t);
  const text = await readFile(join(folder, 'plan.json'), 'utf8');
  const restore = () => writeFile(join(folder, 'plan.json'), text);
  const edited = async (from: string, to: string) => {
    notEqual(text.replace(from, to), text);
    await writeFile(join(folder, 'plan.json'), text.replace(from, to));
  };

  await edited('"title":null', '"title":"mine"');
  isRefusal(await runPlan(folder), /plan\.json was changed after it was written: its content does not hash/);
  await restore();

  const base = ({ plan }: PlanFile) => plan.nodes.find(({ address }) => address === 'base@lr=1e-3') as never as Base;
  await forge(folder, (plan) => {
    base(plan).recipe.lr = 1;
  });
  isRefusal(await runPlan(folder), /\n {2}base@lr=1e-3: its pre-image is not that of its recipe, seed and parents\n/);
  await restore();

  await forge(folder, (plan) => {
    base(plan).preimage.seed = 7;
  });
  isRefusal(await runPlan(folder), /\n {2}base@lr=1e-3: its key is not the hash of its pre-image\n/);
  match((await descent(['diff', 'plan.json', 'lineage.yaml'], folder)).stderr, /its key is not the hash/);
  await restore();

  await forge(folder, (plan) => {
    base(plan).architecture.layers = 9;
  });
  isRefusal(await runPlan(folder), /\n {2}base@lr=1e-3: its architecture is not that of the model/);
  await restore();

  await forge(folder, (plan) => {
    const node = base(plan);
    node.recipe.lr = 1;
    node.preimage.recipe.lr = 1;
    node.key = keyOf(node.preimage as never);
  });
  isRefusal(
    await runPlan(folder),
    /plan\.json has no verdict for base|base@lr=1e-3\/heldout: its parent does not come before it/,
  );
});

interface Base {
  key: string;
  recipe: { lr: number };
  preimage: { seed: number; recipe: { lr: number } };
  architecture: { layers: number };
}

test('a plan of another Descent is refused: its versions, its format', async (t) => {
  const folder = await prepare(t);
  const text = await readFile(join(folder, 'plan.json'), 'utf8');
  await forge(folder, (plan) => {
    plan.versions.types.pretrain = 5;
  });
  isRefusal(
    await runPlan(folder),
    /^error: plan\.json was written by another version of Descent:\n {2}type pretrain: version 5, here 4\n/,
  );
  await writeFile(join(folder, 'plan.json'), text.replace('"format":1', '"format":2'));
  isRefusal(await runPlan(folder), /plan\.json has format 2, and this Descent reads format 1/);
});

const noPlans: [what: string, text: string, said: RegExp][] = [
  ['no JSON', 'lineage: small', /plan\.json is not a plan\n/],
  ['other JSON', '{"lineage": "small"}', /is not a plan that this Descent can read\n {2}because: .*property 'digest'/],
  ['a list', '[]', /is not a plan that this Descent can read/],
  ['nothing', 'null', /is not a plan that this Descent can read/],
];
for (const [what, text, said] of noPlans) {
  test(`run --plan of ${what}: an error that says what a plan is`, async (t) => {
    const folder = await temporaryFolder(t);
    await writeFile(join(folder, 'plan.json'), text);
    const { exitCode, stdout, stderr } = await runPlan(folder);
    deepEqual([exitCode, stdout], [3, '']);
    match(stderr, said);
    match(stderr, /hint: `descent plan -o` writes one/);
  });
}

/** A plan after it was written and read, as `run --plan` does before it looks at what the home has. */
async function writtenAndRead(t: TestContext, plan: Plan, text = ''): Promise<Plan> {
  const path = join(await temporaryFolder(t), 'plan.json');
  await writePlanFile(
    path,
    plan,
    text,
    judge(plan, () => ({ state: 'none' })),
    null,
  );
  const read = await readPlanFile(path);
  if (read.kind !== 'written') fail(read.kind);
  refuseOtherVersions(path, read.written);
  equal(read.written.lineageFile.sha256, sha256(text));
  return read.written.plan;
}

test('a plan of whatever can be planned can be written and is admitted', async (t) => {
  const types = new Set<string>();
  const adopting = await temporaryFolder(t);
  await writeLineage(
    adopting,
    'lineage: theirs\ndata: {web: {generator: stories}}\nstages:\n  theirs: {adopt: {folder: model}}\n  mid: {cpt: {from: theirs, tokens: 64K, data: web}}\n',
  );
  await mkdir(join(adopting, 'model'));
  for (const [name, content] of Object.entries(checkpoint(bytesShape)))
    await writeFile(join(adopting, 'model', name), content);
  for (const folder of [fixture(''), join(packageRoot, 'lineage'), adopting]) {
    for (const name of (await readdir(folder)).filter((each) => each.endsWith('.yaml'))) {
      const plan = await planOf(join(folder, name));
      equal(canonicalJson(await writtenAndRead(t, plan)), canonicalJson(plan), name);
      for (const { type } of plan.nodes) types.add(type);
    }
  }
  deepEqual([...types].sort(), Object.keys(typeVersions).sort(), 'nodes of every type are among them');
});

/** Pretraining and continued pretraining under wsd, SFT and RL with their certificates, and evaluations of both kinds. */
const underWsd = lineage({
  base: '{model: nano, data: web, batch: 512, tokens: "{budget}", schedule: wsd, warmup: 5K}',
  mid: '{from: base, tokens: 20K, batch: 512, mix: {math: 1, replay: 20%}, schedule: wsd, warmup: 0}',
  axes: '{budget: [40K, 80K]}',
});

test('a plan under wsd is admitted with its trunks, and they come first', async (t) => {
  const plan = await planOfText(underWsd);
  const read = await writtenAndRead(t, plan);
  equal(read.nodes.filter(({ type }) => type === 'trunk').length, 4);
  equal(read.nodes.filter(({ type }) => type === 'overlap').length, 2);
  const without = (address: string) => read.nodes.filter((node) => node.address !== address);
  const [trunk, overlap] = ['base@budget=40K/trunk', 'overlap:tuned'];
  deepEqual(auditKeys({ ...read, nodes: [...without(trunk), nodeAt(read, trunk)] })[0], {
    address: 'base@budget=40K',
    problem: 'its trunk does not come before it',
  });
  deepEqual(auditKeys({ ...read, nodes: without(overlap) })[0], {
    address: 'tuned@budget=40K',
    problem: 'its overlap does not come before it',
  });
});

test('of what is accepted the plan has what it would be instead, and that is what its recipe says', async (t) => {
  const before = await planOfText(underWsd);
  const stored = before.nodes.map(
    ({ key, type, address, preimage, architecture }): StoredArtifact => ({
      key,
      state: 'done',
      type,
      address,
      preimage,
      architecture,
    }),
  );
  const accepted = ['base@budget=80K', 'tuned@budget=40K'];
  const path = join(await temporaryFolder(t), 'lineage.yaml');
  const edited = underWsd.replaceAll('schedule: wsd', 'lr: 2e-3, schedule: wsd');
  const after = await planOfText(edited);
  const entries = accepted.map((address) => {
    const [key, instead] = [before, after].map((plan) => nodeAt(plan, address).key);
    return `  - {node: "${address}", key: ${key}, instead: ${instead}, reason: "only a comment changed"}`;
  });
  await writeFile(path, edited.concat('accept:\n', entries.join('\n')));
  const loaded = await loadLineage(path);
  if (!loaded.ok) fail(JSON.stringify(loaded.diagnostics));
  const planned = await planLineage(loaded.lineage, {
    findStored: (prefix) => stored.filter(({ key }) => key.startsWith(prefix)),
  });
  if (!planned.ok) fail(JSON.stringify(planned.diagnostics));
  const read = await writtenAndRead(t, planned.plan);
  deepEqual(
    read.nodes.filter((node) => node.accepted).map(({ address }) => address),
    accepted,
  );
  const trunks = read.nodes.filter(({ type, stage }) => type === 'trunk' && stage === 'base');
  deepEqual(
    trunks.map(({ address }) => address),
    ['base@budget=40K/trunk'],
    'what is accepted is not trained, and needs no trunk',
  );
  const forged = structuredClone(read);
  const node = nodeAt(forged, 'base@budget=80K');
  (node.recipe as { lr: number }).lr = 1;
  deepEqual(auditKeys(forged), [
    { address: node.address, problem: 'its pre-image is not that of its recipe, seed and parents' },
  ]);
  (node.accepted?.instead.preimage.recipe as { lr: number }).lr = 1;
  deepEqual(auditKeys(forged), [{ address: node.address, problem: 'its key is not the hash of its pre-image' }]);
});

test('a plan names the lineage file by the text that was planned, whatever stands there by then', async (t) => {
  const folder = await prepare(t);
  const plan = await planOf(join(folder, 'lineage.yaml'));
  await writeLineage(folder, onFile.replace('8K', '16K'));
  await writtenAndRead(t, plan, onFile);
  await writeLineage(folder, `\ufeff${onFile}`);
  equal((await descent(['plan', 'lineage.yaml', '-o', 'plan.json'], folder)).exitCode, 0);
  equal((await read(folder)).lineageFile.sha256, sha256(onFile));
  await runAll(folder);
  const { exitCode, stdout } = await runPlan(folder);
  equal(exitCode, 0);
  equal(stdout.includes('has changed'), false, stdout);
});

test('run wants a file or a plan, and not both', async (t) => {
  const folder = await prepare(t);
  for (const args of [['lineage.yaml'], ['--select', 'base'], ['--force', 'base']]) {
    const { exitCode, stderr } = await runPlan(folder, ...args);
    equal(exitCode, 1);
    match(
      stderr,
      /--plan runs a plan as it was written: name no lineage file, no --select, no --force and no --smoke beside it/,
    );
  }
  match((await descent(['run'], folder)).stderr, /hint: name a lineage file, or a plan with --plan/);
  match((await descent(['run', '--plan', 'none.json'], folder)).stderr, /none\.json does not exist/);
});

test('diff reads a written plan, and a frozen one is not one to run', async (t) => {
  const folder = await prepare(t);
  const same = await descent(['diff', 'plan.json', 'lineage.yaml'], folder);
  deepEqual([same.exitCode, same.stderr], [0, '']);
  match(same.stdout, /^6 the same, 0 changed/);
  const { plan } = await read(folder);
  await writeFile(join(folder, 'frozen.json'), canonicalJson(plan));
  match((await descent(['diff', 'frozen.json', 'plan.json'], folder)).stdout, /^6 the same, 0 changed/);
  const { exitCode, stderr } = await descent(['run', '--plan', 'frozen.json'], folder);
  equal(exitCode, 3);
  match(stderr, /is a plan that a run has frozen/);
});

test('a plan with what is on the Hub can be written, and is refused to run', async (t) => {
  const folder = await prepare(t);
  const hub = `{hub: some/notes, revision: ${'a'.repeat(40)}, files: notes.jsonl}`;
  await writeLineage(folder, onFile.replace('{files: notes.txt}', hub));
  equal((await descent(['plan', 'lineage.yaml', '-o', 'plan.json'], folder)).exitCode, 0);
  isRefusal(
    await runPlan(folder),
    /downloads models and benchmarks from the Hugging Face Hub, and no other data or tokenizers yet\n {2}data:web: some\/notes\n/,
  );
});
