import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type Diagnostic, formatDiagnostics } from '../../planner/diagnostic.ts';
import { type Planned, planLineage } from '../../planner/expand.ts';
import { canonicalJson, keyOf } from '../../planner/key.ts';
import { loadLineage } from '../../planner/load.ts';
import type { Plan } from '../../planner/plan.ts';
import { reasonText } from '../../planner/reason.ts';
import type { FindStored, StoredArtifact } from '../../planner/stored.ts';
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

async function planned(text: string, findStored: FindStored, earlier: readonly Plan[] = []): Promise<Planned> {
  const folder = await mkdtemp(join(tmpdir(), 'descent-accept-'));
  try {
    await writeFile(join(folder, 'lineage.yaml'), text);
    const loaded = await loadLineage(join(folder, 'lineage.yaml'));
    return loaded.ok ? await planLineage(loaded.lineage, { findStored, earlier: () => earlier }) : loaded;
  } finally {
    await rm(folder, { recursive: true });
  }
}

const evaluate = '{each: [base, rl], suites: [heldout, id]}';
const edited = '{model: nano, data: web, tokens: 40K, lr: 2e-3}';
const one = (node: string, key: string, instead?: string) =>
  `{node: "${node}", key: "${key}"${instead === undefined ? '' : `, instead: "${instead}"`}, reason: "only a comment changed"}`;
const entry = (...of: Parameters<typeof one>) => `accept: [${one(...of)}]`;

/** Every diagnostic of a lineage that is refused. */
async function refused(...of: Parameters<typeof planned>): Promise<Diagnostic[]> {
  const found = await planned(...of);
  return found.ok ? assert.fail('it was planned') : found.diagnostics;
}

/** The key that a node has by itself. */
const declaredKey = async (text: string, address: string) => nodeAt(await planOfText(text), address).key;

describe('accept', async () => {
  const before = await planOfText(lineage({ evaluate }));
  const store = storeOf(before);
  const base = nodeAt(before, 'base');
  const ours = await declaredKey(lineage({ base: edited, evaluate }), 'base');

  it('keeps the artifact, so that nothing after it forks', async () => {
    for (const digits of [12, 64]) {
      const found = await planned(
        lineage({ base: edited, evaluate, rest: entry('base', base.key.slice(0, digits), ours.slice(0, digits)) }),
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
    const found = await planned(lineage({ base: edited, evaluate, rest: entry('base', base.key, ours) }), store);
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
    const changed = await declaredKey(lineage({ evaluate, rest: words('2M') }), 'tokenizer:words');
    const again = await planned(
      lineage({ evaluate, rest: `${words('2M')}\n${entry('tokenizer:words', tokenizer.key, changed)}` }),
      storeOf(earlier),
    );
    assert.ok(again.ok);
    assert.deepEqual(keysOf(again.plan), keysOf(earlier));

    const asked = nodeAt(before, 'base/heldout');
    const fewer = { evaluate: '{each: [base, rl], suites: [heldout, id], heldoutTokens: 8K}' };
    const evaluated = await planned(
      lineage({
        ...fewer,
        rest: entry('base/heldout', asked.key, await declaredKey(lineage(fewer), 'base/heldout')),
      }),
      store,
    );
    assert.ok(evaluated.ok);
    assert.equal(nodeAt(evaluated.plan, 'base/heldout').key, asked.key);

    const tuned = nodeAt(before, 'tuned');
    const kept = entry('tuned', tuned.key, await declaredKey(lineage({ base: edited, evaluate }), 'tuned'));
    const middle = await planned(lineage({ base: edited, evaluate, rest: kept }), store);
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
    const first = nodeAt(both, 'base@seed=1');
    const [wrong] = await refused(seeds(entry('base@seed=2', first.key)), storeOf(both));
    assert.match(
      wrong?.message ?? '',
      /made as base@seed=1, cannot stand for `base@seed=2`: it was made with the seed 1, and the node has 2$/,
    );
  });

  it('is no evaluation whose responses another reward model scored', async () => {
    const asked = nodeAt(before, 'base/id');
    const judged = { ...asked.preimage, parents: { ...(asked.preimage.parents as object), rewardModel: base.key } };
    const node = { ...asked, key: keyOf(judged), preimage: judged };
    const fewer = { evaluate: '{each: [base, rl], suites: [heldout, id], samples: 3}' };
    const rest = entry('base/id', node.key, await declaredKey(lineage(fewer), 'base/id'));
    const [told] = await refused(lineage({ ...fewer, rest }), storeOf({ ...before, nodes: [node] }));
    assert.match(told?.message ?? '', /another reward model scored its responses, or none/);
  });

  it('says what to write where it is not said which declaration an entry holds for', async () => {
    const both = (base2: string, mid: string) =>
      lineage({
        base: edited,
        mid: '{from: base, tokens: 20K, batch: 512, lr: 1e-3, mix: {math: 1, replay: 20%}}',
        evaluate,
        rest: `accept: [${base2}, ${mid}]`,
      });
    const mid = nodeAt(before, 'mid');
    const found = await refused(both(one('base', base.key), one('mid', mid.key)), store);
    assert.deepEqual(
      found.map(({ code, message }) => [code, message.split(',')[0]]),
      [
        ['missing-key', '`accept.0` lacks `instead`'],
        ['missing-key', '`accept.1` lacks `instead`'],
      ],
    );
    // What is said is right for all entries at once.
    const [first, second] = found.map(({ expected }) => /^instead: "(\w{12})"$/.exec(expected ?? '')?.[1] ?? '');
    assert.equal(first, ours.slice(0, 12));
    const written = await planned(both(one('base', base.key, first), one('mid', mid.key, second)), store);
    assert.ok(written.ok);
    assert.deepEqual(keysOf(written.plan), keysOf(before));
  });

  it('holds for the declaration that it was written for, and for no later one', async () => {
    const more = '{model: nano, data: math, tokens: 400K, lr: 9e-3}';
    const rest = entry('base', base.key, ours);
    const accepted = await planned(lineage({ base: edited, evaluate, rest }), store);
    assert.ok(accepted.ok);
    for (const earlier of [[], [before, accepted.plan]]) {
      const [wrong, ...others] = await refused(lineage({ base: more, evaluate, rest }), store, earlier);
      assert.deepEqual(others, []);
      assert.equal(wrong?.code, 'bad-accept');
      const digits = (await declaredKey(lineage({ base: more, evaluate }), 'base')).slice(0, 12);
      assert.equal(wrong?.expected, `instead: "${digits}"`);
      assert.match(wrong?.message ?? '', /^`base` has changed since this artifact was accepted for it: /);
      if (earlier.length === 0) assert.match(wrong?.message ?? '', /: in itself or in what it comes from$/);
      else
        for (const change of ['recipe.lr 2e-3 → 9e-3', 'recipe.mix.0.source.generator stories → arithmetic'])
          assert.ok(wrong?.message.includes(change), wrong?.message);
    }

    // A default that the entry's declaration leaves out is told by its value, and a parent by its digits.
    const plain = lineage({ base: '{model: nano, data: math, tokens: 400K}', evaluate, rest });
    const [usual] = await refused(plain, store, [accepted.plan]);
    assert.ok(usual?.message.includes('recipe.lr 2e-3 → 3e-3'), usual?.message);
    const tuned = nodeAt(before, 'tuned');
    const ofTuned = entry('tuned', tuned.key, await declaredKey(lineage({ base: edited, evaluate }), 'tuned'));
    const through = await planned(lineage({ base: edited, evaluate, rest: ofTuned }), store);
    assert.ok(through.ok);
    const [inherited] = await refused(lineage({ base: more, evaluate, rest: ofTuned }), store, [through.plan]);
    assert.match(inherited?.message ?? '', /accepted for it: parents\.parent \w{12} → \w{12}$/);
  });

  it('is neither for trunks nor for certificates, and says why', async () => {
    const wsd = (lr: string, rest = '') =>
      lineage({
        base: `{model: nano, data: web, tokens: 400K, schedule: wsd, warmup: 20K, lr: ${lr}}`,
        evaluate,
        rest,
      });
    const earlier = await planOfText(wsd('1e-3'));
    const trunk = nodeAt(earlier, 'base/trunk');
    const [ofTrunk, ...others] = await refused(wsd('2e-3', entry('base/trunk', trunk.key)), storeOf(earlier));
    assert.deepEqual(others, []);
    assert.equal(ofTrunk?.code, 'bad-accept');
    assert.match(ofTrunk?.message ?? '', /: it is a trunk, which is in the key of no run that goes on from it/);

    const certificate = before.nodes.find(({ type }) => type === 'overlap');
    assert.ok(certificate);
    const other = lineage({ tuned: '{from: mid, data: math/problems, examples: 90}', evaluate });
    const address = (await planOfText(other)).nodes.find(({ type }) => type === 'overlap')?.address ?? '';
    const [ofCertificate] = await refused(`${other}\n${entry(address, certificate.key)}`, store);
    assert.match(ofCertificate?.message ?? '', /: an overlap certificate says what was found in the very problems/);
  });

  it('takes no model that reads with another tokenizer, where both are known', async () => {
    const words = (characters: string) =>
      `tokenizers: {words: {bpe: {vocab: 300, data: [web], characters: ${characters}}}}`;
    const earlier = await planOfText(lineage({ evaluate, rest: words('1M') }));
    const now = lineage({ evaluate, rest: words('2M') });
    for (const address of ['base', 'tuned']) {
      const kept = entry(address, nodeAt(earlier, address).key, await declaredKey(now, address));
      const [wrong, ...others] = await refused(`${now}\n${kept}`, storeOf(earlier));
      assert.deepEqual(others, []);
      const [theirs, mine] = [earlier, await planOfText(now)].map((plan) => nodeAt(plan, 'tokenizer:words').key);
      const said = `reads with the tokenizer \`${theirs?.slice(0, 12)}\`, and the node's with \`${mine?.slice(0, 12)}\``;
      assert.ok(wrong?.message.includes(said), wrong?.message);
    }
    // Nothing of what it came from is in the store: which tokenizer it reads with is not known.
    const alone = { ...earlier, nodes: [nodeAt(earlier, 'tuned')] };
    const kept = entry('tuned', nodeAt(earlier, 'tuned').key, await declaredKey(now, 'tuned'));
    assert.ok((await planned(`${now}\n${kept}`, storeOf(alone))).ok);
  });

  it('is asked whether it decayed for what it was trained with, whatever the file declares', async () => {
    const withBase = (fields: string, rest = '') =>
      lineage({ base: `{model: nano, data: web, tokens: 40K, ${fields}}`, evaluate, rest });
    const allowed = (text: string) => text.replace('{from: base,', '{from: base, allowUndecayed: "a test of decay",');
    const constant = withBase('schedule: constant');
    const stays = await planOfText(allowed(constant));
    const [decayed, undecayed] = [nodeAt(before, 'base').key, nodeAt(stays, 'base').key];
    const [ours, constantly] = [await declaredKey(withBase('lr: 2e-3'), 'base'), undecayed];

    assert.ok((await planned(`${constant}\n${entry('base', decayed, constantly)}`, store)).ok, 'what decayed is fine');

    const text = withBase('lr: 2e-3', entry('base', undecayed.slice(0, 12), ours.slice(0, 12)));
    const found = await planned(text, storeOf(stays));
    assert.ok(!found.ok);
    assert.equal(
      formatDiagnostics(found.diagnostics, found.text, { colour: false }).replace(/^.*(?=lineage\.yaml:)/, ''),
      `lineage.yaml:9:21: error[undecayed-parent]: \`mid\` starts from \`base\`, which has decayed by 0 %: its learning rate ends at 0.003, its peak (\`schedule: constant\`)
   9 |   mid: {cpt: {from: base, tokens: 20K, batch: 512, mix: {math: 1, replay: 20%}}}
     |                     ^^^^
  14 | accept: [{node: "base", key: "${undecayed.slice(0, 12)}", instead: "${ours.slice(0, 12)}", reason: "only a comment changed"}]
     |                              ^^^^^^^^^^^^^^ the artifact stays at its peak
  hint: accept an artifact for \`base\` that decayed, or none, or say here \`allowUndecayed: "<reason>"\`
`,
    );
    assert.ok((await planned(allowed(text), storeOf(stays))).ok);
  });

  it('has no checkpoints, of which nothing is kept, and stands for none', async () => {
    const point = '  point: {checkpoint: {of: base, at: 50%}}\n  mid:';
    const withPoint = (base: string, rest = '') => lineage({ base, evaluate, rest }).replace('  mid:', point);
    const [wrong, ...others] = await refused(withPoint(edited, entry('base', base.key, ours)), store);
    assert.deepEqual(others, []);
    assert.equal(
      `${wrong?.line}:${wrong?.column} ${wrong?.code}: ${wrong?.message}`,
      '9:28 bad-value: `base` stands on an accepted artifact, of which only the end is known',
    );
    const usual = '{model: nano, data: web, tokens: 40K}';
    const theirs = await planOfText(withPoint(usual));
    const declared = await declaredKey(withPoint(edited), 'point');
    const text = withPoint(edited, entry('point', nodeAt(theirs, 'point').key, declared));
    const [never] = await refused(text, storeOf(theirs));
    assert.match(never?.message ?? '', /it is a checkpoint, which is in the key of no run that goes on from it/);
  });

  it('is not refused for the parent of a declaration that it was not trained from', async () => {
    const constant = lineage({ base: '{model: nano, data: web, tokens: 40K, schedule: constant}', evaluate });
    const own = await planOfText(constant.replace('{from: base,', '{from: base, allowUndecayed: "a test of decay",'));
    const [kept, instead] = [before, own].map((plan) => nodeAt(plan, 'mid').key);
    assert.ok(kept && instead);
    assert.ok((await planned(`${constant}\n${entry('mid', kept, instead)}`, store)).ok);
    assert.equal((await refused(constant, store))[0]?.code, 'undecayed-parent');
  });
});
