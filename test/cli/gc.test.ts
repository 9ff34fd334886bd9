import { deepEqual, equal, match, rejects } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, cpSync, existsSync, readdirSync, renameSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate as immediate, setTimeout as sleep } from 'node:timers/promises';
import picocolors from 'picocolors';
import { claimNode } from '../../activities/claim.ts';
import type { Context, ExitCode } from '../../cli/context.ts';
import { gc } from '../../cli/gc.ts';
import { hold, letGo } from '../../cli/host-state.ts';
import { pin, unpin } from '../../cli/pin.ts';
import type { GcReport } from '../../cli/render/gc.ts';
import type { Plan } from '../../planner/plan.ts';
import { inspectNode } from '../../store/artifact.ts';
import { beginAttempt } from '../../store/attempt.ts';
import { attemptFolder, attemptNumbers, keysBeginning } from '../../store/home.ts';
import { writePlan } from '../../store/plans.ts';
import { nodeAt, planOf } from '../planner/plans.ts';
import { asLines, makeEvents } from '../results/events.ts';
import { runLineage, runNode } from '../results/run.ts';
import { binary, descent, smallLineage, temporaryFolder, writeLineage } from './support.ts';

/** A folder with a lineage that was run: a tokenizer, and two models with an evaluation each. */
async function prepare(t: TestContext, text = smallLineage): Promise<{ folder: string; home: string; plan: Plan }> {
  const folder = await temporaryFolder(t);
  await writeLineage(folder, text);
  const plan = await planOf(join(folder, 'lineage.yaml'));
  const home = join(folder, '.descent');
  await runLineage(home, plan);
  return { folder, home, plan };
}

const oneRate = smallLineage.replace('[1e-3, 3e-3]', '[1e-3]');

/** What `gc --json` says. What changes nothing is asked for within this process, which is much faster. */
async function gcJson(folder: string, ...args: string[]): Promise<GcReport> {
  if (args.includes('--apply')) {
    const { exitCode, stdout, stderr } = await descent(['gc', '--json', ...args], folder);
    deepEqual([exitCode, stderr], [0, '']);
    return JSON.parse(stdout) as GcReport;
  }
  const attempts = args.includes('--attempts') ? { attempts: true as const } : {};
  const forget = args.includes('--forget') ? { forget: args.slice(args.indexOf('--forget') + 1) } : {};
  const files = args.filter((arg) => arg.endsWith('.yaml')).map((file) => join(folder, file));
  return JSON.parse(await within(folder, (context) => gc(files, { json: true, ...attempts, ...forget }, context)));
}

/** What a verb prints. */
async function within(folder: string, verb: (context: Context) => Promise<ExitCode>): Promise<string> {
  const lines: string[] = [];
  const colours = picocolors.createColors(false);
  const terminal = {
    out: (text: string) => lines.push(text),
    err: (text: string) => lines.push(text),
    colours,
    errorColours: colours,
    interactive: false,
    columns: 80,
  };
  equal(await verb({ terminal, cwd: folder, env: {}, debug: false }), 0);
  return `${lines.join('\n')}\n`;
}

const addressesOf = ({ remove }: GcReport) => remove.map(({ address }) => address).sort();
const dropped = ['base@lr=3e-3', 'base@lr=3e-3/heldout'];

test('gc lists the same set dry and applied: the nodes of a value that was dropped from an axis, and no others', async (t) => {
  const { folder, home, plan } = await prepare(t);
  deepEqual((await gcJson(folder)).remove, []);
  await writeLineage(folder, oneRate);
  const dry = await gcJson(folder);
  deepEqual(addressesOf(dry), dropped);
  equal(keysBeginning(home, '').length, 5, 'a dry run removes nothing');
  deepEqual(
    dry.roots.map(({ lineage, nodes }) => [lineage, nodes]),
    [['small', 3]],
  );
  equal(
    dry.bytes,
    dry.remove.reduce((sum, { bytes }) => sum + bytes, 0),
  );
  const applied = await gcJson(folder, '--apply');
  deepEqual(applied, { ...dry, applied: true });
  const kept = plan.nodes.filter(({ address }) => !dropped.includes(address));
  deepEqual(keysBeginning(home, ''), kept.map(({ key }) => key).sort());
  deepEqual(await readdir(join(home, 'store', '.trash')), []);
  deepEqual((await gcJson(folder)).remove, []);

  const verdicts = await descent(['plan', 'lineage.yaml', '--json'], folder);
  const { reuse } = (JSON.parse(verdicts.stdout) as { total: { reuse: number } }).total;
  equal(reuse, 3);
  const rows = await descent(['query', 'select count(*) as n from metrics', '--format', 'csv'], folder);
  match(rows.stdout, /^120$/m, 'figures of what was removed stay');
});

test('the table names what goes, the largest first, why, the sum, and what to do', async (t) => {
  const { folder, home, plan } = await prepare(t);
  const evaluation = nodeAt(plan, 'base@lr=3e-3/heldout');
  await writeFile(join(attemptFolder(home, evaluation.key, 1), 'notes.log'), Buffer.alloc(2_000_000));
  await writeLineage(folder, oneRate);
  const table = () => within(folder, (context) => gc([], {}, context));
  const text = (await table()).replaceAll(folder, '<folder>');
  match(
    text,
    /^ *size {2}node +lineage {2}key +why\n *2 MB {2}base@lr=3e-3\/heldout {2}small +\w{12} {2}no longer in <folder>\/lineage\.yaml\n/,
  );
  match(text, /\n *[\d.]+ kB {2}base@lr=3e-3 +small .*\n\n2 nodes, 2[\d.]* MB would be removed\n/);
  match(text, /\nkept: 3 nodes of small \(<folder>\/lineage\.yaml\)\n/);
  match(text, /\nfigures of what goes stay in results\.duckdb, until it is rebuilt from the store\n/);
  match(text, /\nnothing is removed yet: --apply does it\n$/);
  await writeLineage(folder, smallLineage.replace('hidden: 16', 'hidden: 32'));
  match(await table(), /base@lr=1e-3 +small +\w{12} {2}it is \w{12} there now\n/);
});

test('what begins while things are removed stays', async (t) => {
  const { folder, home } = await prepare(t);
  await writeLineage(folder, oneRate);
  const dry = await gcJson(folder);
  const others = Array.from({ length: 40 }, (_, at) => `${at + 1}e-5`);
  await writeFile(
    join(folder, 'other.yaml'),
    smallLineage.replace('lineage: small', 'lineage: other').replace('1e-3, 3e-3', others.join(', ')),
  );
  const other = await planOf(join(folder, 'other.yaml'));
  let over = false;
  const removal = gcJson(folder, '--apply').finally(() => {
    over = true;
  });
  const begun: string[] = [];
  const adding = (async () => {
    await sleep(50);
    await writePlan(home, other);
    for (const node of other.nodes) {
      if (over) break;
      await beginAttempt(home, node);
      begun.push(node.key);
      await sleep(5);
    }
  })();
  const [applied] = await Promise.all([removal, adding]);
  deepEqual(applied.remove, dry.remove);
  equal(begun.length > 10, true, String(begun.length));
  for (const key of begun) equal(attemptNumbers(home, key).length, 1);
});

test('what a lineage reuses that begins while things are removed stays', async (t) => {
  const rates = Array.from({ length: 24 }, (_, at) => `${at + 1}e-4`);
  const elsewhere = await temporaryFolder(t);
  await hold(elsewhere, ['lineage-small-0123456789ab']);
  // At once, so that nothing goes between the look at what is left and this.
  const beginnings: ((home: string) => void)[] = [
    // Known for long, and frozen again: a lineage that is run from a plan that was written.
    (home) => {
      for (const name of readdirSync(join(home, 'plans'))) {
        copyFileSync(join(home, 'plans', name), join(home, 'plans', `.${name}.tmp`));
        renameSync(join(home, 'plans', `.${name}.tmp`), join(home, 'plans', name));
      }
    },
    // Somebody follows one.
    (home) => cpSync(join(elsewhere, 'host', 'holders'), join(home, 'host', 'holders'), { recursive: true }),
  ];
  for (const begin of beginnings) {
    const { folder, home } = await prepare(t, smallLineage.replace('1e-3, 3e-3', rates.join(', ')));
    await writeLineage(folder, oneRate);
    const all = keysBeginning(home, '').length;
    const removal = within(folder, (context) => gc([], { apply: true, json: true }, context));
    while (keysBeginning(home, '').length === all) await immediate();
    begin(home);
    const left = keysBeginning(home, '');
    const { spared } = JSON.parse(await removal) as GcReport;
    for (const key of left) equal(inspectNode(home, key).state, 'done', key);
    equal(spared.length > 0, true, 'it had not come to its end');
  }
});

test('nothing is removed because something cannot be read', async (t) => {
  const { folder, home } = await prepare(t);
  const refused = async (said: RegExp, ...args: string[]) => {
    const { exitCode, stdout, stderr } = await descent(['gc', '--apply', ...args], folder);
    deepEqual([exitCode, stdout], [3, ''], stderr);
    match(stderr, said);
    match(stderr, /hint: .*descent gc FILE/);
    equal(keysBeginning(home, '').length, 5);
  };
  await rename(join(folder, 'lineage.yaml'), join(folder, 'moved.yaml'));
  await refused(/^error: nothing is removed, .*: 1 problem\n.*the lineage small: .*lineage\.yaml is gone\n/s);
  await writeLineage(folder, smallLineage.replace('hidden', 'hiden'));
  await refused(/hiden/);
  await refused(/hiden/, 'lineage.yaml');
  await rm(join(folder, 'lineage.yaml'));

  const named = await gcJson(folder, 'moved.yaml');
  deepEqual(named.remove, []);
  equal((await gcJson(folder, '--forget', 'small')).remove.length, 5);
  await rejects(gcJson(folder, '--forget', 'smal'), /there is no lineage smal$/);

  const [plan = ''] = await readdir(join(home, 'plans'));
  await rename(join(folder, 'moved.yaml'), join(folder, 'lineage.yaml'));
  await writeFile(join(home, 'plans', plan), '{}');
  await refused(/the plan .* is damaged/);
  await rm(join(home, 'plans', plan));
  await refused(/the store has 5 nodes, and no plan in .* tells/);
});

test('a pin keeps one key, and not what it was made from', async (t) => {
  const { folder, home, plan } = await prepare(t);
  const model = nodeAt(plan, 'base@lr=3e-3');
  const evaluation = nodeAt(plan, 'base@lr=3e-3/heldout');
  const pins = (text?: string, reason?: string) =>
    within(folder, (context) => pin(text, reason === undefined ? {} : { reason }, context));
  await rejects(pins('base@lr=3e-3'), /^CommandError: a pin has a reason$/);
  await rejects(pins('base@lr=3e-3', 'because'), /"because" is no reason/);
  await rejects(pins('base@lr=3e-4', 'a b c'), /no lineage of this home has a node base@lr=3e-4/);
  await rejects(
    within(folder, (context) => unpin('base@lr=3e-3', context)),
    /base@lr=3e-3 \(\w{12}\) is not pinned/,
  );
  equal(await pins(), 'nothing is pinned\n');
  await writeLineage(folder, oneRate);
  match(
    await pins(evaluation.key.slice(0, 10), 'in the talk of May'),
    /^pinned base@lr=3e-3\/heldout \(\w{12}\), and not what it was made from\n$/,
  );
  match(await pins(), /^base@lr=3e-3\/heldout {2}\w{12} {2}\d{4}-\d\d-\d\d {2}in the talk of May\n$/);

  const dry = await gcJson(folder);
  deepEqual(addressesOf(dry), ['base@lr=3e-3']);
  deepEqual(
    dry.pins.map(({ key, reason, needed }) => [key, reason, needed]),
    [[evaluation.key, 'in the talk of May', false]],
  );
  const { stdout } = await descent(['gc', '--apply'], folder);
  match(stdout, /kept: base@lr=3e-3\/heldout \(\w{12}\), pinned: in the talk of May\n/);
  equal(inspectNode(home, evaluation.key).state, 'done');
  equal(inspectNode(home, model.key).state, 'none');
  await rejects(pins('base@lr=3e-3', 'in the talk'), /the store has nothing of it/);
  await within(folder, (context) => unpin('base@lr=3e-3/heldout', context));
  deepEqual(addressesOf(await gcJson(folder, '--apply')), ['base@lr=3e-3/heldout']);
});

test('what is executed now stays with what it needs, and nothing is removed while a lineage runs', async (t) => {
  const { folder, home, plan } = await prepare(t);
  await writeLineage(folder, oneRate);
  const evaluation = nodeAt(plan, 'base@lr=3e-3/heldout');
  const claim = await claimNode(home, evaluation.key, {
    staleSeconds: 30,
    stopSeconds: 1,
    signal: new AbortController().signal,
    onWait: () => undefined,
  });
  const during = await gcJson(folder, '--apply');
  deepEqual([during.remove, during.executed], [[], [evaluation.key]]);
  await claim.release();

  await hold(home, ['lineage-small-0123456789ab']);
  const { exitCode, stdout, stderr } = await descent(['gc', '--apply'], folder);
  deepEqual([exitCode, stdout], [1, '']);
  match(stderr, /^error: nothing is removed while a lineage runs: process \d+ follows lineage-small-0123456789ab\n/);
  deepEqual(addressesOf(await gcJson(folder)), dropped, 'a dry run may be made');
  await letGo(home);
  deepEqual(addressesOf(await gcJson(folder, '--apply')), dropped);
});

test('--attempts: older attempts that a whole one replaces, and unfinished ones of what nobody needs', async (t) => {
  const { folder, home, plan } = await prepare(t);
  const [first, second] = [nodeAt(plan, 'base@lr=1e-3'), nodeAt(plan, 'base@lr=3e-3')];
  await runNode(home, first, asLines(makeEvents(first)), 2);
  await beginAttempt(home, first, { from: 3 });
  await beginAttempt(home, second, { from: 2 });
  deepEqual((await gcJson(folder)).remove, []);
  const dry = await gcJson(folder, '--attempts');
  deepEqual(
    dry.remove.map(({ address, attempt, why }) => [address, attempt, why]),
    [['base@lr=1e-3', 1, 'attempt 2 replaces attempt 1']],
  );
  deepEqual(await gcJson(folder, '--attempts', '--apply'), { ...dry, applied: true });
  deepEqual(attemptNumbers(home, first.key), [3, 2]);
  deepEqual(inspectNode(home, first.key).state, 'done');
  await writeLineage(folder, oneRate);
  deepEqual(addressesOf(await gcJson(folder, '--apply')), dropped);
  deepEqual(attemptNumbers(home, second.key), []);
});

test('links are not followed out of the store', async (t) => {
  const { folder, home, plan } = await prepare(t);
  const elsewhere = join(folder, 'elsewhere');
  await mkdir(elsewhere);
  await writeFile(join(elsewhere, 'precious.txt'), 'not mine');
  const [model, evaluation] = [nodeAt(plan, 'base@lr=3e-3'), nodeAt(plan, 'base@lr=3e-3/heldout')];
  await symlink(elsewhere, join(attemptFolder(home, model.key, 1), 'link'));
  await rename(join(home, 'store', evaluation.key), join(folder, 'aside'));
  await symlink(join(folder, 'aside'), join(home, 'store', evaluation.key));
  await writeLineage(folder, oneRate);
  const applied = await gcJson(folder, '--apply');
  deepEqual(addressesOf(applied), ['base@lr=3e-3']);
  deepEqual(applied.links, [evaluation.key]);
  equal(await readFile(join(elsewhere, 'precious.txt'), 'utf8'), 'not mine');
  deepEqual(existsSync(join(folder, 'aside', 'attempt-1', 'manifest.json')), true);

  await rm(join(home, 'store', '.trash'), { recursive: true });
  await mkdir(join(elsewhere, 'ab'.repeat(32)));
  await symlink(elsewhere, join(home, 'store', '.trash'));
  match((await descent(['gc', '--apply'], folder)).stderr, /\.trash is no folder: remove it/);
  equal(existsSync(join(elsewhere, 'ab'.repeat(32))), true);
});

test('killed while it removes: what stands in the store is whole, and the next one finishes', async (t) => {
  const rates = Array.from({ length: 12 }, (_, at) => `${at + 1}e-4`);
  const { folder, home, plan } = await prepare(t, smallLineage.replace('1e-3, 3e-3', rates.join(', ')));
  for (const { key } of plan.nodes) {
    const logs = join(attemptFolder(home, key, 1), 'more.log');
    await mkdir(logs);
    await Promise.all(Array.from({ length: 100 }, (_, at) => writeFile(join(logs, `${at}.log`), '')));
  }
  await writeLineage(folder, smallLineage.replace('1e-3, 3e-3', '1e-4'));
  const trash = join(home, 'store', '.trash');
  const states = [];
  // As early as can be seen, then while it deletes; test/store kills between two moves.
  for (const left of [24, 3]) {
    const child = spawn(process.execPath, [binary, 'gc', '--apply'], { cwd: folder, stdio: 'ignore' });
    const closed = once(child, 'close');
    while (child.exitCode === null && keysBeginning(home, '').length > left) await immediate();
    child.kill('SIGKILL');
    await closed;
    for (const key of keysBeginning(home, '')) equal(inspectNode(home, key).state, 'done', key);
    states.push({ keys: keysBeginning(home, '').length, trash: (await readdir(trash)).length });
  }
  equal(states.at(-1)?.trash !== 0, true, 'the last was killed before it had deleted all');
  const dry = await gcJson(folder);
  equal(dry.trash.entries, states.at(-1)?.trash);
  const applied = await gcJson(folder, '--apply');
  deepEqual(applied, { ...dry, applied: true });
  equal(keysBeginning(home, '').length, 3);
  deepEqual(await readdir(trash), []);
  t.diagnostic(`keys and entries in the trash after each kill: ${JSON.stringify(states)}`);
});
