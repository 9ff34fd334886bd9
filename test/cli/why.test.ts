import { deepEqual, equal, match } from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { planLineage } from '../../planner/expand.ts';
import { loadLineage } from '../../planner/load.ts';
import { rememberRun, writePlan } from '../../store/plans.ts';
import { runLineage } from '../results/run.ts';
import { descent, smallLineage, temporaryFolder, writeLineage } from './support.ts';

/** A folder with a lineage that was planned for a run, and then edited. */
async function editedLineage(t: TestContext, from: string, to: string): Promise<string> {
  const folder = await temporaryFolder(t);
  await writeLineage(folder);
  const path = join(folder, 'lineage.yaml');
  const loaded = await loadLineage(path);
  const planned = loaded.ok ? await planLineage(loaded.lineage) : loaded;
  equal(planned.ok, true);
  if (!planned.ok) return folder;
  const home = join(folder, '.descent');
  await rememberRun(home, planned.plan.lineage, await writePlan(home, planned.plan));
  await writeFile(join(folder, 'before.yaml'), await readFile(path));
  const text = await readFile(path, 'utf8');
  equal(text.includes(from), true, from);
  await writeFile(path, text.replace(from, to));
  return folder;
}

test('plan and why name what was changed since the last run', async (t) => {
  const folder = await editedLineage(t, 'hidden: 16', 'hidden: 32');
  const plan = await descent(['plan', 'lineage.yaml'], folder);
  match(plan.stdout, /^run {2}base@lr=3e-3 {2,}\w{12} {2}models\.nano\.hidden 16 → 32/m);
  match(plan.stdout, /^run {2}base@lr=3e-3\/heldout .* base@lr=3e-3: models\.nano\.hidden 16 → 32/m);

  const why = await descent(['why', 'base@lr=3e-3', '--file', 'lineage.yaml'], folder);
  equal(why.exitCode, 0, why.stderr);
  match(why.stdout, /verdict {2}run: models\.nano\.hidden 16 → 32\nwas {6}[0-9a-f]{64}\n/);
  match(why.stdout, /what changed since it was run last\n {2}base@lr=3e-3: models\.nano\.hidden 16 → 32\n/);
  const { reason, ancestors, preimage } = JSON.parse(
    (await descent(['why', 'base@lr=3e-3', '--file', 'lineage.yaml', '--json'], folder)).stdout,
  );
  equal(reason.kind, 'changed');
  deepEqual(
    ancestors.map(({ role, address }: { role: string; address: string }) => [role, address]),
    [['tokenizer', 'tokenizer:bytes']],
  );
  equal(preimage.type, 'pretrain');
});

test('why shows the certificates that a node waits for, its own and those before it', async (t) => {
  const folder = await temporaryFolder(t);
  await writeLineage(
    folder,
    `${smallLineage
      .replace('  web:', '  math: {generator: arithmetic}\n  web:')
      .replace('axes:', '  tuned: {sft: {from: "base@lr=1e-3", data: math, examples: 20}}\naxes:')
      .replace('axes:', '  rl: {rl: {from: tuned, data: math, examples: 8, maxResponse: 8}}\naxes:')
      .replace(/(suites: \[heldout\])/, '$1, maxResponse: 8')
      .replace('[base], suites: [heldout]', '[rl], suites: [id]')}`,
  );
  const asked = async (node: string) => {
    const { stdout } = await descent(['why', node, '--file', 'lineage.yaml', '--json'], folder);
    const { ancestors, gates } = JSON.parse(stdout) as Record<string, { role: string; address: string }[]>;
    return [ancestors, gates].map((nodes) => nodes?.map(({ role, address }) => `${role} ${address}`));
  };
  const before = ['parent base@lr=1e-3', 'tokenizer tokenizer:bytes'];
  deepEqual(await asked('tuned'), [before, ['overlap overlap:tuned']]);
  deepEqual(await asked('rl/id'), [
    ['parent rl', 'parent tuned', ...before],
    ['overlap overlap:rl', 'overlap overlap:tuned'],
  ]);
  deepEqual(await asked('base@lr=1e-3'), [['tokenizer tokenizer:bytes'], []]);
  const { stdout } = await descent(['why', 'tuned', '--file', 'lineage.yaml'], folder);
  match(
    stdout,
    /\n\nit starts from\n {2}run {2}base@lr=1e-3 [^\n]*\n {2}run {2}tokenizer:bytes [^\n]*\n\nit waits for\n {2}run {2}overlap:tuned {2}\w{12} {2}new\n\n/,
  );
});

test('diff: two nodes, two files, a file and what was run', async (t) => {
  const folder = await editedLineage(t, 'hidden: 16', 'hidden: 32');
  const nodes = await descent(['diff', 'lineage.yaml:base@lr=1e-3', 'lineage.yaml:base@lr=3e-3'], folder);
  match(nodes.stdout, /lr 1e-3 → 3e-3\n\nThey part at pretrain; 1 stage before it is the same\.\n$/);
  match(
    (await descent(['diff', 'lineage.yaml:base@lr=1e-3', 'lineage.yaml:base@lr=1e-3'], folder)).stdout,
    /They are the same node\.\n$/,
  );
  for (const before of ['before.yaml', 'small']) {
    const { stdout, stderr } = await descent(['diff', before, 'lineage.yaml'], folder);
    equal(stderr, '');
    match(stdout, /changed {2}base@lr=1e-3 {2}.* models\.nano\.hidden 16 → 32\n/);
    match(stdout, /1 the same, 2 changed, 2 other only because of what they start from, 0 removed, 0 added\n$/);
  }
});

test('a node at two addresses is counted and priced once, and found at both', async (t) => {
  const folder = await temporaryFolder(t);
  const once = smallLineage;
  const twice = once
    .replace(/^( {2})base(: .*)$/m, '$1base$2\n$1again$2')
    .replace('each: [base]', 'each: [base, again]');
  equal(twice.includes('\n  again: {pretrain'), true, twice);
  await writeFile(join(folder, 'once.yaml'), once);
  await writeFile(join(folder, 'twice.yaml'), twice);
  const totalOf = async (file: string) =>
    JSON.parse((await descent(['plan', file, '--json'], folder)).stdout).total as Record<string, unknown>;
  const [total, doubled] = [await totalOf('once.yaml'), await totalOf('twice.yaml')];
  deepEqual([total.nodes, total.addresses, total.run], [5, 5, 5]);
  deepEqual([doubled.nodes, doubled.addresses, doubled.run], [5, 9, 5]);
  deepEqual(doubled.left, total.left);
  const { stdout } = await descent(['plan', 'twice.yaml'], folder);
  match(stdout, /^5 nodes at 9 addresses: 5 run · /m);
  match(stdout, /^run {2}again@lr=1e-3 .* the same node as base@lr=1e-3$/m);

  const diff = await descent(['diff', 'twice.yaml:base@lr=1e-3', 'twice.yaml:again@lr=1e-3'], folder);
  match(diff.stdout, /They are the same node\.\n$/);
  for (const address of ['base@lr=1e-3', 'again@lr=1e-3', 'again@lr=1e-3/heldout']) {
    const why = await descent(['why', address, '--file', 'twice.yaml'], folder);
    match(why.stdout, new RegExp(`^node +${address} of small\n`));
  }
});

test('diff and why say what they do not find', async (t) => {
  const folder = await editedLineage(t, 'hidden: 16', 'hidden: 32');
  const near = await descent(['diff', 'lineage.yaml:base@lr=1e-4', 'small'], folder);
  deepEqual([near.exitCode, near.stdout], [1, '']);
  match(near.stderr, /lineage\.yaml has no node base@lr=1e-4\n.*did you mean `base@lr=1e-3`\?/);
  const mixed = await descent(['diff', 'lineage.yaml:base@lr=1e-3', 'small'], folder);
  match(mixed.stderr, /is a node and small is a whole lineage/);
  await writeFile(join(folder, 'plan.json'), '{}');
  match(
    (await descent(['diff', 'plan.json', 'small'], folder)).stderr,
    /plan\.json is not a plan that this Descent can read/,
  );
});

test('what was renamed is found and compared by its old name', async (t) => {
  const folder = await temporaryFolder(t);
  await writeLineage(folder);
  const path = join(folder, 'lineage.yaml');
  const planned = async () => {
    const loaded = await loadLineage(path);
    const found = loaded.ok ? await planLineage(loaded.lineage) : loaded;
    if (!found.ok) throw new Error('the lineage has errors');
    return found.plan;
  };
  const home = join(folder, '.descent');
  const before = await planned();
  await rememberRun(home, 'small', await runLineage(home, before));
  const renamed = (await readFile(path, 'utf8')).replaceAll('base', 'trunk');
  const moved = 'moved: [{from: base, to: trunk}]\n';

  await writeFile(path, renamed.replace('[1e-3, 3e-3]', '[1e-3, 3e-3]').replace('tokens: 8K', 'tokens: 9K') + moved);
  const plan = await descent(['plan', 'lineage.yaml'], folder);
  match(plan.stdout, /^run {4}trunk@lr=1e-3 .* tokens 8K → 9K \(was base@lr=1e-3\)/m);
  const why = await descent(['why', 'base@lr=1e-3'], folder);
  match(why.stdout, /^node {5}trunk@lr=1e-3 of small\n/);
  match(why.stdout, /\nwas {6}[0-9a-f]{64}, as base@lr=1e-3\n/);
  const diff = await descent(['diff', 'small', 'lineage.yaml'], folder);
  match(diff.stdout, /changed {2}trunk@lr=1e-3 \(was base@lr=1e-3\) .* tokens 8K → 9K\n/);
  match(diff.stdout, /1 the same, 2 changed, 2 other only because of what they start from, 0 removed, 0 added\n$/);

  // Renamed alone: all is reused, and who asks by the old name finds what it left.
  await writeFile(path, renamed + moved);
  equal((await descent(['plan', 'lineage.yaml', '--detailed-exitcode'], folder)).exitCode, 0);
  match(
    (await descent(['diff', 'small', 'lineage.yaml'], folder)).stdout,
    /5 the same \(4 under another name\), 0 changed/,
  );
  await rememberRun(home, 'small', await runLineage(home, await planned()));
  const show = await descent(['show', 'base@lr=1e-3/heldout', '--json'], folder);
  const report = JSON.parse(show.stdout) as { address: string; attempts: unknown[]; evaluations: unknown[] };
  equal(report.address, 'trunk@lr=1e-3/heldout');
  equal(report.attempts.length, 1);
  equal(report.evaluations.length > 0, true);
});
