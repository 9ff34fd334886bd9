import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { it } from 'node:test';
import { descent, temporaryFolder } from '../cli/support.ts';
import { manifests, runToEnd, weights } from '../lineage/support.ts';

/*
 *   home:   base ─▶ mid            trained here
 *   other:  base ─▶ mid            base adopted from home, mid trained from it: the same bytes
 *           base* ─▶ mid           base edited and accepted: nothing runs
 */
const text = `lineage: taken
models:
  nano: {layers: 1, hidden: 32, heads: 2, ffn: 64, context: 64}
data:
  web: {generator: stories}
  math: {generator: arithmetic}
stages:
  base: {pretrain: {model: nano, data: web, tokens: 20K, batch: 1K}}
  mid: {cpt: {from: base, tokens: 10K, batch: 1K, mix: {math: 1, replay: 25%}}}
placement:
  default: {device: cpu}
`;

it('a model is adopted and trained on, then kept through an edit', { timeout: 600_000 }, async (t) => {
  const folder = await temporaryFolder(t);
  const file = join(folder, 'taken.yaml');
  await writeFile(file, text);
  const home = join(folder, 'home');
  await runToEnd(t, file, home, 1);
  const made = await weights(home);
  const base = (await manifests(home)).find(({ address }) => address === 'base');
  assert.ok(base);

  const env = { DESCENT_HOME: join(folder, 'other') };
  const run = async (...args: string[]) => {
    const outcome = await descent(args, folder, { env });
    return { ...outcome, all: outcome.stdout + outcome.stderr };
  };
  const model = join(home, 'store', base.key, 'attempt-1', 'model');
  const adopted = await run('adopt', model, 'taken.yaml', '--as', 'base', '--reason', 'trained in another home');
  assert.equal(adopted.exitCode, 0, adopted.all);
  assert.match((await run('plan', 'taken.yaml')).stdout, /^reuse {2}base .* attempt 1, done /m);

  await runToEnd(t, file, env.DESCENT_HOME, 1);
  const theirs = await weights(env.DESCENT_HOME);
  assert.equal(
    theirs.mid,
    made.mid,
    'trained from the adopted model, byte for byte what was trained from its original',
  );

  await writeFile(file, text.replace('tokens: 20K, batch: 1K', 'tokens: 20K, batch: 1K, lr: 2e-3'));
  const forked = await run('plan', 'taken.yaml', '--detailed-exitcode');
  assert.equal(forked.exitCode, 2);
  assert.match(forked.stdout, /^run {4}base .* lr 3e-3 → 2e-3/m);
  const edited = await readFile(file, 'utf8');
  const pasted = /^accept:\n {2}- .*reason: "…"\}$/m.exec((await run('why', 'base')).stdout)?.[0];
  assert.match(pasted ?? '', new RegExp(`key: "${base.key.slice(0, 12)}", instead: "[0-9a-f]{12}"`));
  await writeFile(file, `${edited}${pasted}\n`);
  const unsaid = await run('plan', 'taken.yaml');
  assert.match(unsaid.stderr, /error\[bad-value\]: `…` is no reason that somebody else could follow/);
  const accepting = `${edited}${pasted?.replace('…', 'it was lr 2e-3 all along')}\n`;
  await writeFile(file, accepting);
  const plan = await run('plan', 'taken.yaml', '--detailed-exitcode');
  assert.equal(plan.exitCode, 0, plan.all);
  assert.match(plan.stdout, /^reuse {2}base .* attempt 1, done \d{4}-\d\d-\d\d, accepted: it was lr 2e-3 all along\s/m);
  assert.match(plan.stdout, /^reuse {2}mid /m);

  const before = await manifests(env.DESCENT_HOME);
  await runToEnd(t, file, env.DESCENT_HOME, 1);
  assert.deepEqual(await manifests(env.DESCENT_HOME), before, 'nothing was trained');
  for (const verb of ['why', 'show']) {
    const { stdout } = await run(verb, 'base');
    assert.match(stdout, /accepted {2,}it was lr 2e-3 all along\n/, verb);
    assert.match(stdout, /instead of {2,}[0-9a-f]{64}\n/, verb);
    assert.match(stdout, /differs in {2,}recipe\.lr 3e-3 → 2e-3\n/, verb);
  }

  // Edited again: the entry holds for what was accepted, and hides no change.
  await writeFile(file, accepting.replace('lr: 2e-3', 'lr: 9e-3'));
  const again = await run('plan', 'taken.yaml');
  assert.equal(again.exitCode, 3, again.all);
  assert.match(again.stderr, /error\[bad-accept\]: `base` has changed since .*: recipe\.lr 2e-3 → 9e-3\n/);
  assert.match(again.stderr, /expected: instead: "[0-9a-f]{12}"\n/);
  await writeFile(file, accepting);

  // Gone: neither planned with nor trained under the key that it is not.
  await rm(join(env.DESCENT_HOME, 'store', base.key, 'attempt-1', 'model', 'model.safetensors'));
  const gone = await run('run', 'taken.yaml');
  assert.equal(gone.exitCode, 3);
  assert.match(
    gone.stderr,
    /taken\.yaml:\d+:\d+: error\[bad-accept\]: the artifact `\w{12}` cannot be accepted: it is damaged/,
  );
  assert.equal(await readFile(file, 'utf8'), accepting);
});
