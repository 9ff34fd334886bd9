import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Diagnostic } from '../../planner/diagnostic.ts';
import { diffNodes, diffPlans } from '../../planner/diff.ts';
import { planLineage } from '../../planner/expand.ts';
import { type Loaded, loadLineage } from '../../planner/load.ts';
import type { Plan } from '../../planner/plan.ts';
import { select } from '../../planner/select.ts';
import { prefixesOf, printSignature, type Signature } from '../../planner/signature.ts';
import { keysOf, nodeAt, planOfText } from './plans.ts';

const top = `lineage: named
models:
  0.5B: {layers: 1, hidden: 16, heads: 2, ffn: 32, context: 64}
  1B: {layers: 2, hidden: 32, heads: 4, ffn: 64, context: 64RECIPES}
data:
  web: {generator: stories}
  more: {generator: stories, seed: 1}
  math: {generator: arithmetic}
axes: {seed: {replicate: [1, 2]}, lr: [1e-4, 2e-4]}
`;
const own = ', recipes: {pretrain: {mix: {web: 3, more: 1}, lr: 1e-3}, sft: {lr: "{lr}"}}';
const recipes = `recipes:
  pretrain: {data: web, batch: 4K, lr: 2e-3}
  cpt: {data: math, batch: 4K}
  sft: {data: math/problems, batch: 16}
  rl: {data: math/problems, batch: 64, klCoef: 0}
`;
const listed = (signatures: string, rest = '', of = own) =>
  `${top.replace('RECIPES', of)}signatures: ${signatures}\n${recipes}${rest}`;

const chains = '[1B-2MT-0.1+0.9MT-1Kep1-1Kep2, 1B-2MT-0+1MT-0.5Kep2, 1B-2MT-ppo1Kep2, 0.5B-500KT]';
const byHand = `${top.replace('RECIPES', '')}stages:
  large: {pretrain: {model: 1B, mix: {web: 3, more: 1}, tokens: 2M, batch: 4K, lr: 1e-3}}
  replayed: {cpt: {from: large, tokens: 1M, mix: {math: 900K, replay: 100K}, batch: 4K}}
  tuned: {sft: {from: replayed, data: math/problems, examples: 1K, batch: 16, lr: "{lr}"}}
  rl: {rl: {from: tuned, data: math/problems, examples: 1K, epochs: 2, batch: 64, klCoef: 0}}
  alone: {cpt: {from: large, tokens: 1M, data: math, batch: 4K}}
  twice: {sft: {from: alone, data: math/problems, examples: 500, epochs: 2, batch: 16, lr: "{lr}"}}
  only: {rl: {from: large, data: math/problems, examples: 1K, epochs: 2, batch: 64, klCoef: 0}}
  small: {pretrain: {model: 0.5B, data: web, tokens: 500K, batch: 4K, lr: 2e-3}}
`;
const named: Readonly<Record<string, string>> = {
  large: '1B-2MT',
  replayed: '1B-2MT-0.1+0.9MT',
  tuned: '1B-2MT-0.1+0.9MT-1Kep1',
  rl: '1B-2MT-0.1+0.9MT-1Kep1-1Kep2',
  alone: '1B-2MT-0+1MT',
  twice: '1B-2MT-0+1MT-0.5Kep2',
  only: '1B-2MT-ppo1Kep2',
  small: '0.5B-500KT',
};
/** A lineage that is given as text, read; in a folder of its own. */
async function loadedText(text: string): Promise<Loaded> {
  const folder = await mkdtemp(join(tmpdir(), 'descent-implied-'));
  try {
    await writeFile(join(folder, 'lineage.yaml'), text);
    return await loadLineage(join(folder, 'lineage.yaml'));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** What is said of a lineage, read and planned. */
async function diagnosticsOf(text: string): Promise<Diagnostic[]> {
  const loaded = await loadedText(text);
  const planned = loaded.ok ? await planLineage(loaded.lineage) : loaded;
  return planned.ok ? [] : planned.diagnostics;
}

const diagnosed = async (text: string) => (await diagnosticsOf(text)).map(({ code, message }) => `${code}: ${message}`);

const stageOf = (address: string) =>
  address.replace(/^(overlap:)?([^@/]+)/, (_, gate = '', stage = '') => `${gate}${named[stage] ?? stage}`);

describe('signatures in a lineage file', () => {
  test('their nodes are those of the same stages written by hand: equal keys, for every seed and setting', async () => {
    const [short, long] = [keysOf(await planOfText(listed(chains))), keysOf(await planOfText(byHand))];
    assert.deepEqual(short, Object.fromEntries(Object.entries(long).map(([address, key]) => [stageOf(address), key])));
  });

  test('what signatures share is one stage, and a prefix may be listed too', async () => {
    const addresses = (plan: Plan) => plan.nodes.map(({ address }) => address);
    const text = (signatures: string) => listed(signatures, '', '').replace(/axes: .*\n/, '');
    const plan = await planOfText(
      text('[1B-2MT-0.1+0.9MT-1Kep1-1Kep2, 1B-2MT-0.1+0.9MT-1Kep1-1Kep4, 1B-2MT-0.1+0.9MT]'),
    );
    assert.deepEqual(addresses(plan), [
      'tokenizer:bytes',
      '1B-2MT',
      '1B-2MT-0.1+0.9MT',
      '1B-2MT-0.1+0.9MT-1Kep1',
      'overlap:1B-2MT-0.1+0.9MT-1Kep1-1Kep2',
      '1B-2MT-0.1+0.9MT-1Kep1-1Kep2',
      '1B-2MT-0.1+0.9MT-1Kep1-1Kep4',
    ]);
  });

  test('CPT has exactly the tokens that its signature says of replay and domain', async () => {
    const node = nodeAt(await planOfText(listed(chains)), '1B-2MT-0.1+0.9MT@seed=1');
    assert.equal(node.type, 'cpt');
    const sequences = (wanted: boolean) =>
      node.recipe.mix.reduce(
        (sum, { name, sequences }) => sum + (name.startsWith('replay:') === wanted ? sequences : 0),
        0,
      );
    const total = node.recipe.steps * node.recipe.batchSequences;
    assert.equal(total, 248 * 63, 'a million tokens, to the nearest step of 63 sequences of 64');
    assert.equal(sequences(true), Math.round(total / 10));
    assert.equal(sequences(true) + sequences(false), total);
    assert.equal(node.settings.replayShare, 0.1);
  });

  test('stages, evaluations and placement name them, however they are spelled', async () => {
    const rest = `stages:
  beside: {sft: {from: "myllama-1B-0_002BT-cpt-MixedFW0_0001FM0_0009@seed=1", data: math, examples: 10}}
evaluate: {each: [1B-2000KT, myllama-1B-0_002BT-cpt-MixedFW0_0001FM0_0009], suites: [heldout]}
placement: {1B-2MT: {device: gpu}}
`;
    const plan = await planOfText(
      listed('[zhenting/myllama-1B-0_002BT-cpt-MixedFW0_0001FM0_0009]', rest, '').replace(', lr: [1e-4, 2e-4]', ''),
    );
    assert.deepEqual(plan.nodes.map(({ address, placement }) => [address, placement.device]).slice(1), [
      ['1B-2MT@seed=1', 'gpu'],
      ['1B-2MT@seed=1/heldout', 'gpu'],
      ['1B-2MT@seed=2', 'gpu'],
      ['1B-2MT@seed=2/heldout', 'gpu'],
      ['1B-2MT-0.1+0.9MT@seed=1', 'auto'],
      ['1B-2MT-0.1+0.9MT@seed=1/heldout', 'auto'],
      ['1B-2MT-0.1+0.9MT@seed=2', 'auto'],
      ['1B-2MT-0.1+0.9MT@seed=2/heldout', 'auto'],
      ['beside@seed=1', 'auto'],
      ['beside@seed=2', 'auto'],
    ]);
    assert.equal(nodeAt(plan, 'beside@seed=2').parents.parent, nodeAt(plan, '1B-2MT-0.1+0.9MT@seed=1').key);
  });

  const spelled = 'zhenting/myllama-1B-0_002BT-cpt-MixedFW0_0001FM0_0009';
  const renamed = (from: string, to: string) => listed(chains, `moved: [{from: ${from}, to: ${to}}]\n`);

  test('renames name them: a stage becomes a signature, a signature a stage or another signature', async () => {
    const before = await planOfText(byHand);
    for (const to of ['1B-2MT-0.1+0.9MT', '1B-2000KT-0.1+0.9MT', spelled]) {
      const { renamed: found, onlyBefore } = diffPlans(before, await planOfText(renamed('replayed', to)));
      const addresses = found.map(({ before, after }) => `${before.address} ${after.address}`);
      assert.deepEqual(
        addresses,
        [1, 2].map((seed) => `replayed@seed=${seed} 1B-2MT-0.1+0.9MT@seed=${seed}`),
      );
      assert.equal(
        onlyBefore.some(({ stage }) => stage === 'replayed'),
        false,
      );
    }
    const short = await planOfText(listed(chains));
    for (const from of ['0.5B-500KT', '0.5B-0.5MT']) {
      const { renamed: found } = diffPlans(short, await planOfText(`${byHand}moved: [{from: ${from}, to: small}]\n`));
      assert.deepEqual(
        found.map(({ after }) => after.address),
        ['small@seed=1', 'small@seed=2'],
      );
    }
    const longer = listed(chains.replace('0.5B-500KT', '0.5B-600KT'), 'moved: [{from: 0.5B-0.5MT, to: 0.5B-0.6MT}]\n');
    const { changed } = diffPlans(short, await planOfText(longer));
    assert.deepEqual(
      changed.map(({ before, after, changes }) => [before.address, after.address, changes.map(({ field }) => field)]),
      [1, 2].map((seed) => [`0.5B-500KT@seed=${seed}`, `0.5B-600KT@seed=${seed}`, ['tokens']]),
    );
  });

  test('a rename of one that is still there is told, however it is spelled', async () => {
    assert.deepEqual(await diagnosed(renamed(spelled, '1B-2MT')), [
      'bad-moved: there still is a stage `1B-2MT-0.1+0.9MT`: `moved` is for a name that is gone',
    ]);
  });

  test('placement names them, however they are spelled, and places each once', async () => {
    const placed = (...names: string[]) =>
      listed(chains, `placement: {${names.map((name, index) => `${name}: {device: d${index}}`).join(', ')}}\n`);
    const plan = await planOfText(placed('1B-2000KT', spelled, 'default'));
    assert.deepEqual(
      ['1B-2MT', '1B-2MT-0.1+0.9MT', '0.5B-500KT'].map((name) => nodeAt(plan, `${name}@seed=1`).placement.device),
      ['d0', 'd1', 'd2'],
    );
    const twice = placed('1B-2MT', '1B-2000KT', '1B-3000KT');
    assert.deepEqual(await diagnosed(twice), [
      'bad-value: the stage `1B-2MT` is placed twice',
      'unknown-name: there is no stage `1B-3000KT`',
    ]);
    const [first] = await diagnosticsOf(twice);
    assert.equal(
      twice
        .split('\n')
        [(first?.line ?? 0) - 1]?.slice((first?.column ?? 0) - 1)
        .startsWith('1B-2000KT'),
      true,
    );
  });

  test('what is accepted names them, in addresses of models, evaluations and certificates', async () => {
    const names = [
      '1B-2000KT@seed=1',
      `${spelled}@seed=2`,
      '0.5B-0.5MT@seed=1/id',
      'overlap:1B-2MT-0.1+0.9MT-1.0Kep1-1Kep2',
    ];
    const entries = names.map((node) => `  - {node: "${node}", key: 0123456789ab, reason: only a comment changed}\n`);
    const text = listed(chains, `evaluate: {each: [0.5B-500KT], suites: [id]}\naccept:\n${entries.join('')}`);
    const loaded = await loadedText(text);
    assert.ok(loaded.ok);
    assert.deepEqual(
      loaded.lineage.file.accept?.map(({ node }) => node),
      ['1B-2MT@seed=1', '1B-2MT-0.1+0.9MT@seed=2', '0.5B-500KT@seed=1/id', 'overlap:1B-2MT-0.1+0.9MT-1Kep1-1Kep2'],
    );
    const addresses = (await planOfText(text.replace(/accept:.*/s, ''))).nodes.map(({ address }) => address);
    for (const { node } of loaded.lineage.file.accept ?? []) assert.ok(addresses.includes(node), node);
    assert.deepEqual(await diagnosed(listed(chains, `accept:\n${entries[0]}${entries[0]?.replace('2000K', '2M')}`)), [
      'bad-accept: `1B-2MT@seed=1` is in two entries: one artifact can stand for it',
    ]);
  });

  test('a takeaway names the stage that it compares', async () => {
    for (const stage of ['1B-2MT-0+1MT-0.5Kep2', '1B-2MT-0+1000KT-0.50Kep2', '1B-2MT-0.1+0.9MT-1Kep1']) {
      const contrast = `{axis: lr, of: 2e-4, over: 1e-4, stage: ${stage}}`;
      const text = listed(
        chains,
        `evaluate: {each: [1B-2MT-0+1MT-0.5Kep2], suites: [id]}
takeaways: [{claim: a larger rate is better, contrast: ${contrast}, metric: id.pass@1}]
`,
      );
      const expected = stage.endsWith('1Kep1') ? ['unknown-name: no stage `1B-2MT-0.1+0.9MT-1Kep1` is evaluated'] : [];
      assert.deepEqual(await diagnosed(text), expected);
    }
  });

  test('a list of them may be used again: each: *all', async () => {
    const plan = await planOfText(
      listed('&all [1B-2MT-0+1MT-0.5Kep2, 0.5B-500KT]', 'evaluate: {each: *all, suites: [id]}\n'),
    );
    assert.deepEqual(
      new Set(plan.nodes.flatMap((node) => (node.type === 'evaluate' ? [node.stage] : []))),
      new Set(['1B-2MT-0+1MT-0.5Kep2', '0.5B-500KT']),
    );
  });

  test('a change of a recipe is named as the field of the stage that it is', async () => {
    const [before, after] = [
      await planOfText(listed(chains)),
      await planOfText(listed(chains).replace('cpt: {data: math, batch: 4K}', 'cpt: {data: math, batch: 4K, clip: 2}')),
    ];
    const address = '1B-2MT-0.1+0.9MT-1Kep1@seed=1,lr=1e-4';
    const { stages } = diffNodes(
      { plan: before, node: nodeAt(before, address) },
      { plan: after, node: nodeAt(after, address) },
    );
    assert.deepEqual(
      stages.flatMap(({ changes }) => changes.map(({ field }) => field)),
      ['clip'],
    );
  });

  test('what signatures follow from is in no plan', async () => {
    const { declared } = await planOfText(listed(chains));
    assert.deepEqual(Object.keys(declared).sort(), ['axes', 'data', 'lineage', 'models', 'stages']);
    assert.equal('recipes' in (declared.models?.['1B'] ?? {}), false);
  });
});

test('any signatures: the nodes are those of the stages that they stand for', async () => {
  const amount = fc.integer({ min: 20, max: 90 }).map((thousands) => thousands * 1_000);
  const passes = fc.record({ examples: fc.integer({ min: 1, max: 500 }), epochs: fc.integer({ min: 1, max: 3 }) });
  const drawn = fc
    .record({
      model: fc.constantFrom('0.5B', '1B'),
      pretrain: fc.constantFrom(20_000, 40_000),
      cpt: fc.option(fc.record({ replay: fc.oneof(fc.constant(0), amount), domain: amount })),
      sft: fc.option(passes),
      rl: fc.option(
        fc.record({ algorithm: fc.option(fc.constant('ppo')), examples: fc.constant(64), epochs: fc.constant(2) }),
      ),
      seed: fc.constant(null),
    })
    .map((signature): Signature => structuredClone(signature));
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(drawn, { minLength: 1, maxLength: 5, selector: printSignature }),
      async (signatures) => {
        const stages = new Map<string, string>(); // by signature; named by number, as no signature is
        const lines: string[] = [];
        for (const signature of signatures) {
          let from = '';
          for (const prefix of prefixesOf(signature)) {
            const name = printSignature(prefix);
            if (!stages.has(name)) {
              stages.set(name, `s${stages.size}`);
              lines.push(`  ${stages.get(name)}: ${written(prefix, from)}`);
            }
            from = stages.get(name) ?? '';
          }
        }
        const plain = top.replace('RECIPES', '').replace(/axes: .*\n/, '');
        const named = keysOf(
          await planOfText(`${plain}signatures: [${signatures.map(printSignature).join(', ')}]\n${recipes}`),
        );
        const byHand = keysOf(await planOfText(`${plain}stages:\n${lines.join('\n')}\n`));
        const expected = [...stages].flatMap(([name, stage]) => [
          [name, byHand[stage]],
          ...(`overlap:${stage}` in byHand ? [[`overlap:${name}`, byHand[`overlap:${stage}`]]] : []),
        ]);
        assert.deepEqual(named, { 'tokenizer:bytes': byHand['tokenizer:bytes'], ...Object.fromEntries(expected) });
      },
    ),
    { seed: 35, numRuns: 40 },
  );
});

/** The last stage of a signature as a person writes it, with what `recipes` say. */
function written({ model, pretrain, cpt, sft, rl }: Signature, from: string): string {
  if (rl)
    return `{rl: {from: ${from}, data: math/problems, examples: ${rl.examples}, epochs: ${rl.epochs}, batch: 64, klCoef: 0}}`;
  if (sft)
    return `{sft: {from: ${from}, data: math/problems, examples: ${sft.examples}, epochs: ${sft.epochs}, batch: 16}}`;
  if (!cpt) return `{pretrain: {model: ${model}, data: web, tokens: ${pretrain}, batch: 4K, lr: 2e-3}}`;
  const { replay, domain } = cpt;
  const data = replay === 0 ? 'data: math' : `mix: {replay: ${replay / 1_000}K, math: ${domain / 1_000}K}`;
  return `{cpt: {from: ${from}, tokens: ${replay + domain}, ${data}, batch: 4K}}`;
}

test('selectors name them, and their `+` is no sign of what is before or after', async () => {
  const plan = await planOfText(listed(chains).replace(', lr: [1e-4, 2e-4]', '').replace('{lr: "{lr}"}', '{lr: 1e-4}'));
  const named = (selector: string) => {
    const selected = select(plan, [selector], () => 'waiting');
    assert.ok(selected.ok, selected.ok ? '' : selected.problems[0]?.message);
    return selected.nodes.map(({ address }) => address);
  };
  assert.deepEqual(named('overlap:1B-2000KT-0.1+0.9MT-1Kep1-1Kep2'), ['overlap:1B-2MT-0.1+0.9MT-1Kep1-1Kep2']);
  const cpt = ['1B-2MT-0.1+0.9MT@seed=1', '1B-2MT-0.1+0.9MT@seed=2'];
  assert.deepEqual(named('1B-2MT-0.1+0.9MT'), cpt);
  assert.deepEqual(named('stage:1B-2MT-0.1+0.9MT'), cpt);
  assert.deepEqual(named('1B-2000KT-0.1+0.9MT'), cpt);
  assert.deepEqual(named('zhenting/myllama-1B-0_002BT-cpt-MixedFW0_0001FM0_0009'), cpt);
  assert.deepEqual(named('myllama-1B-0_002BT-cpt-MixedFW0_0001FM0_0009@seed=2'), cpt.slice(1));
  assert.deepEqual(named('1+1B-2MT-0.1+0.9MT@seed=2'), ['1B-2MT@seed=2', '1B-2MT-0.1+0.9MT@seed=2']);
  assert.deepEqual(named('1B-2MT-0.1+0.9MT@seed=2+1'), ['1B-2MT-0.1+0.9MT@seed=2', '1B-2MT-0.1+0.9MT-1Kep1@seed=2']);
  assert.deepEqual(named('1B-2MT-0.1+0.9MT-*,seed:1+'), [
    '1B-2MT-0.1+0.9MT-1Kep1@seed=1',
    '1B-2MT-0.1+0.9MT-1Kep1-1Kep2@seed=1',
  ]);
});

test('a recipe has every field of its stage that no signature decides', async () => {
  const schema = JSON.parse(await readFile(new URL('../../../schemas/lineage.schema.json', import.meta.url), 'utf8'));
  const decided: Record<string, string[]> = {
    pretrain: ['model', 'tokens'],
    cpt: ['from', 'tokens', 'mix'],
    sft: ['from', 'examples', 'epochs'],
    rl: ['from', 'examples', 'epochs'],
  };
  for (const [kind, names] of Object.entries(decided)) {
    const fields = Object.keys(schema.$defs[kind].properties).filter((name) => !names.includes(name));
    assert.deepEqual(Object.keys(schema.$defs.recipes.properties[kind].properties), fields, kind);
  }
});
