import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Plan } from '../../planner/plan.ts';
import { figuresOf } from '../../planner/takeaways.ts';
import { lineage, nodeAt, planOf } from './plans.ts';

/** The evaluations of `base` and what they ask, over benchmarks that lie beside the lineage file. */
describe('benchmarks in a lineage', () => {
  let folder: string;
  const files = ['hellaswag.jsonl', 'gsm8k.parquet', 'strategyqa.jsonl'];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'descent-benchmarks-'));
    for (const file of files) await writeFile(join(folder, file), '{}\n');
  });
  after(() => rm(folder, { recursive: true }));

  async function planned(data: string, evaluate: string): Promise<Plan> {
    const path = join(folder, 'lineage.yaml');
    const own = '  web: {generator: stories}\n  math: {generator: arithmetic}\n';
    await writeFile(path, lineage({ data: own + data, evaluate }));
    return planOf(path);
  }

  const asked = (plan: Plan, suite: string) => {
    const node = nodeAt(plan, `rl/${suite}`);
    assert.ok(node.type === 'evaluate' && node.recipe.kind !== 'heldout');
    return node.recipe.tasks.map(({ name, part, source }) => `${name}/${part} ${'prepared' in source}`);
  };
  const all = '{each: [rl], suites: [upstream, id, ood], problems: 50}';

  test('take the place of what is built in for their suite, and of that alone', async () => {
    const plan = await planned(
      '  endings: {files: hellaswag.jsonl, benchmark: hellaswag}\n  real: {files: gsm8k.parquet, benchmark: gsm8k}',
      all,
    );
    assert.deepEqual(asked(plan, 'upstream'), ['endings/choices true']);
    assert.deepEqual(asked(plan, 'id'), ['real/problems true']);
    assert.deepEqual(asked(plan, 'ood'), [
      'boardgame/problems false',
      'programs/problems false',
      'strategy/problems false',
      'tables/problems false',
    ]);
    assert.deepEqual(Object.keys(nodeAt(plan, 'rl/upstream').parents), ['parent', 'data:endings']);
    const upstream = nodeAt(plan, 'rl/upstream');
    assert.ok(upstream.type === 'evaluate');
    assert.deepEqual(figuresOf(upstream.recipe), ['acc', 'acc_norm', 'acc_bytes']);
  });

  test('are not prepared where no suite asks them', async () => {
    const plan = await planned(
      '  endings: {files: hellaswag.jsonl, benchmark: hellaswag}',
      '{each: [rl], suites: [id]}',
    );
    assert.ok(plan.nodes.every(({ address }) => address !== 'data:endings'));
  });

  test('have stand-ins on a machine without them', async () => {
    assert.deepEqual(asked(await planned('', all), 'upstream'), ['stories/choices false', 'strategy/choices false']);
  });

  test('are joined by what says that it is for a suite, of which all is held out, and nothing learns', async () => {
    const plan = await planned(
      '  longer: {generator: arithmetic, options: {steps: 2}, suite: ood}\n  own: {files: gsm8k.parquet, suite: ood}',
      all,
    );
    assert.deepEqual(asked(plan, 'ood'), ['longer/problems false', 'own/problems true']);
    assert.deepEqual(asked(plan, 'id'), ['math/problems false']);
    assert.equal(nodeAt(plan, 'data:own').settings.heldout, 1);
    const certificate = nodeAt(plan, 'overlap:tuned');
    assert.ok(certificate.type === 'overlap');
    assert.ok(certificate.recipe.against.some(({ selection }) => selection.name === 'longer'));
  });

  test('are asked of every language model, in the order of the file, where all are evaluated', async () => {
    const every = await planned('', '{each: all, suites: [id]}');
    const named = await planned('', '{each: [base, mid, tuned, rl], suites: [id]}');
    assert.deepEqual(
      every.nodes.map(({ address, key }) => [address, key]),
      named.nodes.map(({ address, key }) => [address, key]),
    );
  });

  test('are asked in other words under another key, which no training has to do with', async () => {
    const set = (more: string) => `  real: {files: strategyqa.jsonl, benchmark: strategyqa${more}}`;
    const [clean, said, paper] = [
      await planned(set(''), all),
      await planned(set(', prompts: clean'), all),
      await planned(set(', prompts: paper'), all),
    ];
    assert.equal(nodeAt(said, 'rl/ood').key, nodeAt(clean, 'rl/ood').key);
    assert.notEqual(nodeAt(paper, 'rl/ood').key, nodeAt(clean, 'rl/ood').key);
    assert.equal(nodeAt(paper, 'rl').key, nodeAt(clean, 'rl').key);
  });

  test('are compared with what stages learn from, as all test problems are', async () => {
    const plan = await planned('  real: {files: gsm8k.parquet, benchmark: gsm8k}', all);
    const certificate = nodeAt(plan, 'overlap:tuned');
    assert.ok(certificate.type === 'overlap');
    assert.ok(certificate.recipe.against.some(({ selection }) => selection.name === 'real'));
  });
});
