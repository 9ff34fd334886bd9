import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { it } from 'node:test';
import { validateAncestry } from '../../schemas/validate.ts';
import { descent, temporaryFolder } from '../cli/support.ts';
import { bytesShape, checkpoint } from '../fixtures/checkpoint.ts';
import { testHub } from '../fixtures/hub.ts';
import { manifests } from './support.ts';

const revision = 'c0ffee'.padEnd(40, '0');
const token = 'hf_of_a_person';

/*
 *   theirs (Hub) ─▶ tuned ─▶ tuned/id
 *
 * The whole of it, with a worker and a trainer: it takes seconds, as a run does.
 */
const lineage = `lineage: theirs
data: {math: {generator: arithmetic}}
stages:
  theirs: {adopt: {hub: some/model, revision: ${JSON.stringify(revision)}, context: 120}}
  tuned: {sft: {from: theirs, data: math/problems, examples: 16, batch: 8}}
evaluate: {each: [tuned], suites: [id], problems: 8, samples: 0, maxResponse: 8}
placement: {default: {device: cpu}}
`;

it('a model of the Hub is adopted, trained on and evaluated', { timeout: 180_000 }, async (t) => {
  const folder = await temporaryFolder(t);
  const hub = await testHub(t, {
    hub: 'some/model',
    revision,
    files: checkpoint(bytesShape, { dtype: 'BF16', files: 2 }),
  });
  await writeFile(join(folder, 'lineage.yaml'), lineage);
  const home = join(folder, 'home');
  const env = { DESCENT_HOME: home, HF_ENDPOINT: hub.endpoint, HF_HOME: join(folder, 'hf'), HF_TOKEN: token };
  const plan = await descent(['plan', 'lineage.yaml'], folder, { env });
  assert.equal(plan.exitCode, 0, plan.stderr);
  assert.match(plan.stdout, /^run {2}theirs /m);
  assert.match(plan.stdout, /^run {2}tuned .* tokens +≤ \S+ FLOP$/m);

  const run = await descent(['run', 'lineage.yaml'], folder, { env });
  assert.equal(run.exitCode, 0, run.stdout + run.stderr);
  const made = await manifests(home);
  assert.deepEqual(
    made
      .map(({ address }) => address)
      .filter((address) => !address.startsWith('overlap:'))
      .sort(),
    ['theirs', 'tuned', 'tuned/id'],
  );
  const folderOf = (address: string) => {
    const { key } = made.find((one) => one.address === address) as { key: string };
    return join(home, 'store', key, 'attempt-1', 'model');
  };
  const adopted = made.find(({ address }) => address === 'theirs');
  assert.deepEqual(adopted?.provenance.adopted, { from: `hf:some/model@${revision}`, licence: 'apache-2.0' });
  const { nodes } = validateAncestry(JSON.parse(await readFile(join(folderOf('tuned'), 'ancestry.json'), 'utf8')));
  assert.deepEqual(
    nodes.map(({ type }) => type),
    ['adopt', 'sft'],
  );
  const card = await readFile(join(folderOf('tuned'), 'README.md'), 'utf8');
  assert.match(card, new RegExp(`trained elsewhere and adopted: hf:some/model@${revision}`));
  assert.match(card, /licence apache-2\.0/);
  assert.match(card, /^base_model: some\/model$/m);
  const config = JSON.parse(await readFile(join(folderOf('tuned'), 'config.json'), 'utf8'));
  assert.deepEqual([config.bos_token_id, config.eos_token_id, config.max_position_embeddings], [257, [0, 11], 120]);
  assert.deepEqual(
    JSON.parse(await readFile(join(folderOf('tuned'), 'tokenizer.json'), 'utf8')),
    JSON.parse(await readFile(join(folderOf('theirs'), 'tokenizer.json'), 'utf8')),
  );

  const show = await descent(['show', 'theirs'], folder, { env });
  assert.match(show.stdout, new RegExp(`adopted from {2,}hf:some/model@${revision}`));
  assert.match(show.stdout, /licence {2,}apache-2\.0/);
  const wide = await descent(['query', 'SELECT address, adopt_hub FROM lineage_wide', '--format', 'json'], folder, {
    env,
  });
  assert.deepEqual(JSON.parse(wide.stdout || wide.stderr), [{ address: 'tuned', adopt_hub: 'some/model' }]);

  // From here on nobody is asked.
  const asked = hub.seen.length;
  const again = await descent(['plan', 'lineage.yaml', '--detailed-exitcode'], folder, {
    env: { ...env, HF_HUB_OFFLINE: '1' },
  });
  assert.equal(again.exitCode, 0, again.stdout + again.stderr);
  assert.equal(hub.seen.length, asked);
  assert.ok(hub.seen.every(({ headers }) => headers.authorization === `Bearer ${token}`));
  for (const entry of await readdir(home, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const content = await readFile(join(entry.parentPath, entry.name));
    for (const secret of [token, 'secret-signature'])
      assert.equal(content.includes(secret), false, `${entry.name} has a secret`);
  }
});
