import { deepEqual, equal, match } from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { descent, packageRoot, temporaryFolder } from './support.ts';

/** A folder with the lineage of EvoLM's models. */
async function evolm(t: TestContext): Promise<string> {
  const folder = await temporaryFolder(t);
  await copyFile(join(packageRoot, 'lineage', 'evolm.yaml'), join(folder, 'evolm.yaml'));
  return folder;
}

test('run refuses what is on the Hub, before anything starts, and each place is named', async (t) => {
  const folder = await evolm(t);
  const run = await descent(['run', 'evolm.yaml', '--select', '1B-20BT'], folder);
  equal(run.exitCode, 3);
  match(run.stderr, /^evolm\.yaml:\d+:\d+: error\[bad-files\]: the tokenizer `llama2` is on the Hugging Face Hub/);
  match(
    run.stderr,
    /the data set `fineweb` is on the Hugging Face Hub .*downloads models and benchmarks from it, and no other data or tokenizers yet/,
  );
  match(
    run.stderr,
    /hint: download the files below the folder of the lineage file, and name them: fineweb: \{files: \.\.\.\}/,
  );
  equal(run.stderr.match(/error\[/g)?.length, 2, 'what is not needed is not named');
  equal(existsSync(join(folder, '.descent')), false);
  const json = await descent(['run', 'evolm.yaml', '--select', '1B-20BT', '--json'], folder);
  equal(json.exitCode, 3);
  deepEqual(
    JSON.parse(json.stdout)[0].diagnostics.map(({ code }: { code: string }) => code),
    ['bad-files', 'bad-files'],
  );
});

test('validate, plan, why, diff and graph work, and take every name of a model', async (t) => {
  const folder = await evolm(t);
  const validate = await descent(['validate', 'evolm.yaml'], folder);
  equal(validate.exitCode, 0);
  match(
    validate.stdout,
    /to plan, not to run: Descent downloads models and benchmarks from the Hugging Face Hub, and no other data or tokenizers yet \(data:fineweb, /,
  );
  const alias = 'zhenting/myllama-1B-160BT-cpt-MixedFW8FM42';
  const plan = await descent(['plan', 'evolm.yaml', '--select', `1+${alias}`], folder);
  match(
    plan.stdout,
    /^ {2}note +to plan, not to run: Descent downloads models and benchmarks from the Hugging Face Hub, and no other data or tokenizers yet \(data:/m,
  );
  match(
    plan.stdout,
    /^ {2}note +nothing was downloaded: tokens are as the lineage file says, .* times are without a d/m,
  );
  match(plan.stdout, /^run {2}1B-160BT-8\+42BT .* 50B {2}tokens +3\.12e20 FLOP$/m);
  const why = await descent(['why', alias, '--file', 'evolm.yaml'], folder);
  equal(why.exitCode, 0, why.stderr);
  match(why.stdout, /1B-160BT-8\+42BT/);
  const diff = await descent(['diff', `evolm.yaml:${alias}`, 'evolm.yaml:1B-160BT-1.6+48.4BT'], folder);
  equal(diff.exitCode, 0, diff.stderr);
  match(diff.stdout, /mix\.replay 8BT → 1\.6BT/);
  const graph = await descent(['graph', 'evolm.yaml', '--select', '4B-160BT-8+42BT'], folder);
  match(graph.stdout, /4B-160BT-8\+42BT/);
});
