import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { FindStored, StoredArtifact } from '../../planner/accept.ts';
import { type Planned, planLineage } from '../../planner/expand.ts';
import { canonicalJson, keyOf } from '../../planner/key.ts';
import { loadLineage } from '../../planner/load.ts';
import type { Plan } from '../../planner/plan.ts';
import { reasonText } from '../../planner/reason.ts';
import { judge } from '../../planner/verdict.ts';
import { keysOf, lineage, nodeAt, planOfText } from './plans.ts';

/** What a store has when every node of a plan was run. */
function storeOf(...plans: Plan[]): FindStored {
  const artifacts = plans.flatMap(({ nodes }) =>
    nodes.map(({ key, type, address, preimage, architecture }): StoredArtifact => {
      return { key, state: 'done', type, address, preimage, architecture };
    }),
  );
  return (prefix) => artifacts.filter(({ key }) => key.startsWith(prefix));
}

async function planned(text: string, findStored: FindStored): Promise<Planned> {
  const folder = await mkdtemp(join(tmpdir(), 'descent-accept-'));
  try {
    await writeFile(join(folder, 'lineage.yaml'), text);
    const loaded = await loadLineage(join(folder, 'lineage.yaml'));
    return loaded.ok ? await planLineage(loaded.lineage, { findStored }) : loaded;
  } finally {
    await rm(folder, { recursive: true });
  }
}

const evaluate = '{each: [base, rl], suites: [heldout, id]}';
const edited = '{model: nano, data: web, tokens: 40K, lr: 2e-3}';
const entry = (node: string, key: string) =>
  `accept: [{node: "${node}", key: "${key}", reason: "only a comment changed"}]`;

describe('accept', async () => {
  const before = await planOfText(lineage({ evaluate }));
  const store = storeOf(before);
  const base = nodeAt(before, 'base');

  it('keeps the artifact, so that nothing after it forks', async () => {
    for (const digits of [12, 64]) {
      const found = await planned(
        lineage({ base: edited, evaluate, rest: entry('base', base.key.slice(0, digits)) }),
        store,
      );
      assert.ok(found.ok);
      assert.deepEqual(keysOf(found.plan), keysOf(before));
      assert.deepEqual(found.warnings, []);
    }
    const without = await planned(lineage({ base: edited, evaluate }), store);
    assert.ok(without.ok);
    assert.notEqual(nodeAt(without.plan, 'rl').key, nodeAt(before, 'rl').key);
  });

  it('is recorded in the plan, which keeps what the node would have been', async () => {
    const found = await planned(lineage({ base: edited, evaluate, rest: entry('base', base.key) }), store);
    const without = await planOfText(lineage({ base: edited, evaluate }));
    assert.ok(found.ok);
    const node = nodeAt(found.plan, 'base');
    const { key, preimage } = nodeAt(without, 'base');
    assert.deepEqual(node.accepted, { reason: 'only a comment changed', instead: { key, preimage } });
    assert.equal(keyOf(node.preimage), node.key, 'the key is still the hash of what stands beside it');
    assert.doesNotThrow(() => canonicalJson(found.plan), 'it can be frozen');
    assert.deepEqual(found.plan.nodes.filter(({ accepted }) => accepted).length, 1);
    const verdict = judge(found.plan, () => ({ state: 'done', attempt: 1, finishedAt: '2026-01-01' })).get(node.key);
    assert.equal(verdict && reasonText(node, verdict), 'attempt 1, done 2026-01-01, accepted: only a comment changed');
  });

  it('works for tokenizers, data and evaluations, and for a model whose ancestors are trained anew', async () => {
    const words = (characters: string) =>
      `tokenizers: {words: {bpe: {vocab: 300, data: [web], characters: ${characters}}}}`;
    const earlier = await planOfText(lineage({ evaluate, rest: words('1M') }));
    const tokenizer = nodeAt(earlier, 'tokenizer:words');
    const again = await planned(
      lineage({ evaluate, rest: `${words('2M')}\n${entry('tokenizer:words', tokenizer.key)}` }),
      storeOf(earlier),
    );
    assert.ok(again.ok);
    assert.deepEqual(keysOf(again.plan), keysOf(earlier));

    const asked = nodeAt(before, 'base/heldout');
    const evaluated = await planned(
      lineage({
        evaluate: `{each: [base, rl], suites: [heldout, id], heldoutTokens: 8K}`,
        rest: entry('base/heldout', asked.key),
      }),
      store,
    );
    assert.ok(evaluated.ok);
    assert.equal(nodeAt(evaluated.plan, 'base/heldout').key, asked.key);

    const tuned = nodeAt(before, 'tuned');
    const middle = await planned(lineage({ base: edited, evaluate, rest: entry('tuned', tuned.key) }), store);
    assert.ok(middle.ok);
    assert.notEqual(nodeAt(middle.plan, 'mid').key, nodeAt(before, 'mid').key);
    assert.equal(nodeAt(middle.plan, 'tuned').key, tuned.key);
    assert.equal(nodeAt(middle.plan, 'rl').key, nodeAt(before, 'rl').key);
    assert.equal(
      nodeAt(middle.plan, 'tuned').parents.parent,
      nodeAt(middle.plan, 'mid').key,
      'the graph is as declared',
    );
  });

  it('says that it changes nothing where the node has that key by itself', async () => {
    const found = await planned(lineage({ evaluate, rest: entry('base', base.key) }), store);
    assert.ok(found.ok);
    assert.deepEqual(
      found.warnings.map(({ severity, code, message }) => [severity, code, message]),
      [['warning', 'no-effect', 'this changes nothing: `base` has that key by itself']],
    );
    assert.equal(nodeAt(found.plan, 'base').accepted, undefined);
  });

  it('is not asked of the store where a file accepts nothing', async () => {
    const found = await planned(lineage({ evaluate }), () => assert.fail('the store was asked'));
    assert.ok(found.ok);
  });

  it('does not mistake the seed of another run for its own', async () => {
    const seeds = (accept: string) => lineage({ axes: '{seed: [1, 2]}', evaluate, rest: accept });
    const both = await planOfText(seeds(''));
    const one = nodeAt(both, 'base@seed=1');
    const found = await planned(seeds(entry('base@seed=2', one.key)), storeOf(both));
    assert.ok(!found.ok);
    assert.match(
      found.diagnostics[0]?.message ?? '',
      /made as base@seed=1, cannot stand for `base@seed=2`: it was made with the seed 1, and the node has 2$/,
    );
  });
});
