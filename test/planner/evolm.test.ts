import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parameterCount } from '../../planner/architecture.ts';
import type { PlanNode } from '../../planner/plan.ts';
import { priceOf } from '../../planner/price.ts';
import { savings } from '../../planner/sharing.ts';
import { parseSignature, prefixesOf, printSignature, type Signature } from '../../planner/signature.ts';
import { isTraining } from '../../planner/stages.ts';
import type { Architecture } from '../../schemas/types/job.ts';
import { paperSignatures, published } from './evolm.ts';
import { nodeAt, planOf } from './plans.ts';

// lineage/evolm.yaml against what the paper (arXiv 2506.16029) and its code say, counted by signature.
describe('lineage/evolm.yaml', async () => {
  const plan = await planOf(fileURLToPath(new URL('../../../lineage/evolm.yaml', import.meta.url)));
  const wanted = [...new Set([...paperSignatures(), ...published().map(({ signature }) => signature)])].map(read);
  const expected = new Set(wanted.flatMap(prefixesOf).map(printSignature));
  const trained = plan.nodes.filter(({ type }) => isTraining(type));

  test('has every model that the paper reports and that is published, what they came from, and no other', () => {
    assert.deepEqual(trained.map(({ address }) => address).sort(), [...expected].sort());
    assert.deepEqual([paperSignatures().length, published().length, wanted.length, expected.size], [101, 98, 141, 152]);
  });

  test('has a node for each of their stages, shared by all that begin with it', () => {
    const count = (type: string) => plan.nodes.filter((node) => node.type === type).length;
    const last = ({ cpt, sft, rl }: Signature) => (rl ? 'rl' : sft ? 'sft' : cpt ? 'cpt' : 'pretrain');
    for (const type of ['pretrain', 'cpt', 'sft', 'rl'])
      assert.equal(count(type), [...expected].filter((name) => last(read(name)) === type).length, type);
    assert.deepEqual(
      ['pretrain', 'cpt', 'sft', 'rl', 'data', 'tokenizer', 'evaluate'].map(count),
      [14, 27, 48, 63, 4, 1, 0],
    );
    assert.equal(new Set(plan.nodes.map(({ key }) => key)).size, plan.nodes.length, 'no two are the same');
  });

  test('each starts from the model whose signature is one stage shorter', () => {
    for (const name of expected) {
      const parent = prefixesOf(read(name)).map(printSignature).at(-2);
      if (parent !== undefined) assert.equal(nodeAt(plan, name).parents.parent, nodeAt(plan, parent).key, name);
    }
  });

  test('each has the tokens, examples and epochs of its signature', () => {
    for (const node of trained) {
      const signature = read(node.address);
      const { settings } = node;
      switch (node.type) {
        case 'pretrain':
          near(Number(settings.tokens), signature.pretrain, 1e-3);
          break;
        case 'cpt': {
          const { replay, domain } = signature.cpt ?? { replay: 0, domain: 0 };
          near(Number(settings.tokens), replay + domain, 1e-3);
          const sequences = node.recipe.mix.reduce((sum, entry) => sum + entry.sequences, 0);
          const replayed = node.recipe.mix.find(({ name }) => name.startsWith('replay:'))?.sequences ?? 0;
          assert.ok(Math.abs(replayed - (sequences * replay) / (replay + domain)) <= 0.5, node.address);
          break;
        }
        case 'sft':
        case 'rl': {
          const { examples, epochs } = node.recipe;
          assert.deepEqual({ examples, epochs }, pick(signature[node.type]));
        }
      }
    }
  });

  test('models are as large as in Table 5', () => {
    const sizes = { '0.5B-10BT': 500_921_856, '1B-20BT': 1_000_564_736, '4B-80BT': 4_000_288_768 };
    for (const [address, parameters] of Object.entries(sizes))
      assert.equal(parameterCount(shapeOf(nodeAt(plan, address))), parameters);
  });

  test('recipes are those of Tables 6 to 8', () => {
    const said = (address: string, ...names: string[]) => names.map((name) => nodeAt(plan, address).settings[name]);
    const text = ['batchTokens', 'lr', 'minLr', 'warmup', 'schedule', 'weightDecay', 'beta1', 'beta2', 'clip'];
    const rest = [0.1, 'cosine', 0.1, 0.9, 0.95, 1];
    assert.deepEqual(said('0.5B-10BT', ...text), [2 ** 20, 2.5e-4, 2.5e-5, ...rest]);
    assert.deepEqual(said('1B-160BT', ...text), [2 ** 20, 2e-4, 2e-5, ...rest]);
    assert.deepEqual(said('4B-160BT', ...text), [2 ** 21, 1.5e-4, 1.5e-5, ...rest]);
    assert.deepEqual(said('1B-160BT-8+42BT', ...text), [2 ** 20, 2e-4, 2e-5, ...rest]);
    assert.deepEqual(said('4B-160BT-8+42BT', ...text), [2 ** 21, 1.5e-4, 1.5e-5, ...rest]);
    const sft = ['batch', 'lr', 'minLr', 'warmup', 'schedule', 'weightDecay', 'beta1', 'beta2', 'clip'];
    assert.deepEqual(said('1B-160BT-8+42BT-100Kep1', ...sft), [128, 1e-5, 0, 0.1, 'cosine', 0, 0.9, 0.999, 1]);
    assert.deepEqual(said('4B-160BT-8+42BT-100Kep1', ...sft), [256, 7.5e-6, 0, 0.1, 'cosine', 0, 0.9, 0.999, 1]);
    const rl = [
      'algorithm',
      'batch',
      'miniBatch',
      'innerEpochs',
      'lr',
      'criticLr',
      'warmup',
      'maxResponse',
      'temperature',
    ];
    const loss = ['gamma', 'lambda', 'clipRatio', 'valueClip', 'klCoef', 'entropyCoef', 'weightDecay', 'clip'];
    const run = '160BT-8+42BT-100Kep1-100Kep8';
    assert.deepEqual(said(`1B-${run}`, ...rl), ['ppo', 1024, 1024, 1, 2e-6, 2e-5, 0.1, 1024, 1]);
    assert.deepEqual(said(`4B-${run}`, ...rl), ['ppo', 2048, 2048, 1, 1e-6, 1e-5, 0.1, 1024, 1]);
    assert.deepEqual(said(`4B-${run}`, ...loss), [1, 1, 0.2, 0.5, 0, 0.001, 0.01, 1]);
  });

  test('all is trained in bfloat16, as bf16-mixed is called here', () => {
    for (const { address, settings } of trained) assert.equal(settings.precision, 'bfloat16', address);
  });

  test('RL takes as many steps as the published checkpoints say', () => {
    assert.equal(priceOf(nodeAt(plan, '1B-160BT-8+42BT-100Kep1-100Kep8')).updates, 776);
    assert.equal(priceOf(nodeAt(plan, '4B-160BT-8+42BT-100Kep1-100Kep8')).updates, 384);
  });

  test('floating-point operations are 6ND, with attention', () => {
    for (const node of trained) {
      if (node.type !== 'pretrain' && node.type !== 'cpt') continue;
      const shape = shapeOf(node);
      const { tokens, flops, exact } = priceOf(node);
      // N as it multiplies: without the table of embeddings and the gains of the norms.
      const multiplied = parameterCount(shape) - shape.vocab * shape.hidden - (2 * shape.layers + 1) * shape.hidden;
      // In eight blocks of queries, each against the keys up to its end.
      const attention = (36 / 64) * 12 * shape.layers * shape.hidden * shape.context;
      near(flops.training, (6 * multiplied + attention) * tokens.trained, 1e-12);
      assert.ok(exact);
    }
    // As the paper counts, 6ND with all parameters: 1B on 160 BT is 9.6e20, and as many more as attention adds.
    const { flops } = priceOf(nodeAt(plan, '1B-160BT'));
    near(flops.training / 9.6e20, 1.04, 0.01);
  });

  test('to share what they begin with saves most of it', () => {
    const { models, shared, alone } = savings(plan, () => 0);
    const used = new Set(trained.map(({ parents }) => parents.parent));
    assert.equal(models, trained.filter(({ key }) => !used.has(key)).length);
    assert.ok(alone.flops / shared.flops > 5, `${alone.flops / shared.flops}`);
  });
});

function read(name: string): Signature {
  const parsed = parseSignature(name);
  return parsed.ok ? parsed.signature : assert.fail(`${name}: ${parsed.problem}`);
}

function pick(passes: Signature['sft']): unknown {
  return passes && { examples: passes.examples, epochs: passes.epochs };
}

function shapeOf({ architecture }: PlanNode): Architecture {
  return architecture ?? assert.fail('no architecture');
}

function near(value: number, wanted: number, tolerance: number): void {
  assert.ok(Math.abs(value / wanted - 1) <= tolerance, `${value} is not ${wanted}`);
}
