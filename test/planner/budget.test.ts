import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type Cut, cheapestCut, type Limit, mostPieces, type Piece, totalCost } from '../../planner/cut.ts';
import { formatDiagnostics } from '../../planner/diagnostic.ts';
import { planLineage } from '../../planner/expand.ts';
import { loadLineage } from '../../planner/load.ts';
import type { PlanNode } from '../../planner/plan.ts';
import { allFlops, priceOf } from '../../planner/price.ts';
import type { Source } from '../../planner/syntax.ts';
import { keysOf, lineage, planOfText } from './plans.ts';

/** Base, `mid` for three shares of replay, each tuned at two rates and improved: base is shared by all. */
const branching = lineage({
  mid: '{from: base, tokens: 20K, batch: 512, mix: {math: 1, replay: "{replay}"}}',
  tuned: '{from: mid, data: math/problems, examples: 1000, lr: "{lr}"}',
  axes: '{replay: [0%, 10%, 20%], lr: [1e-3, 2e-3]}',
});

const trained: Limit['costOf'] = (node) => priceOf(node).tokens.trained;

/** The nodes of a lineage, and where things stand in its file. */
async function planned(text: string): Promise<{ source: Source; nodes: PlanNode[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'descent-budget-'));
  try {
    await writeFile(join(folder, 'lineage.yaml'), text);
    const loaded = await loadLineage(join(folder, 'lineage.yaml'));
    if (!loaded.ok) assert.fail(formatDiagnostics(loaded.diagnostics, loaded.text, { colour: false }));
    const found = await planLineage(loaded.lineage);
    if (!found.ok) assert.fail(formatDiagnostics(found.diagnostics, found.text, { colour: false }));
    return { source: loaded.lineage.source, nodes: found.plan.nodes };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** What a text comes to, in words: nothing where it is planned. */
async function refused(text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'descent-budget-'));
  try {
    await writeFile(join(folder, 'lineage.yaml'), text);
    const loaded = await loadLineage(join(folder, 'lineage.yaml'));
    const found = loaded.ok ? await planLineage(loaded.lineage) : loaded;
    return found.ok ? '' : formatDiagnostics(found.diagnostics, found.text, { colour: false });
  } finally {
    await rm(folder, { recursive: true });
  }
}

const has = ({ axes }: PlanNode, { axis, value }: { axis: string; value: string }) =>
  axes[axis] === value || axes[axis] === Number(value);

const named = (cut: Cut | null) =>
  cut?.pieces.map((piece) => (piece.kind === 'value' ? `${piece.axis}=${piece.value}` : piece.address)) ?? null;

/** What is left without some pieces: also without the trunks that no run which is left goes on from. */
function leftBy(nodes: readonly PlanNode[], pieces: readonly Piece[]): PlanNode[] {
  let left = nodes.filter((node) =>
    pieces.every((piece) =>
      piece.kind === 'value' ? !has(node, piece) : node.address.replace(/\/(heldout|id|ood)$/, '') !== piece.address,
    ),
  );
  for (;;) {
    const needed = new Set(left.flatMap(({ parents }) => Object.values(parents)));
    const fewer = left.filter(({ type, key }) => type !== 'trunk' || needed.has(key));
    if (fewer.length === left.length) return left;
    left = fewer;
  }
}

describe('a budget', () => {
  test('that is kept changes nothing, and is in no key', async () => {
    const { nodes } = await planned(branching);
    const tokens = totalCost(nodes, { allowed: 0, costOf: trained });
    const flops = totalCost(nodes, { allowed: 0, costOf: (node) => allFlops(priceOf(node)) });
    const within = await planOfText(`${branching}budget: {tokens: ${tokens}, flops: ${flops}, hours: 0.001}\n`);
    assert.deepEqual(keysOf(within), keysOf(await planOfText(branching)));
  });

  test('that is passed by one token is refused at its entry, with the cheapest cut', async () => {
    const { nodes } = await planned(branching);
    const tokens = totalCost(nodes, { allowed: 0, costOf: trained });
    const said = await refused(`${branching}budget: {flops: 1e18, tokens: ${tokens - 1}}\n`);
    assert.match(
      said,
      /lineage\.yaml:\d+:31: error\[over-budget\]: this lineage trains on up to [\d,]+ tokens, and its/,
    );
    // A share of replay has a mid, and two tuned and two rl with three evaluations each: 17. A rate has 24.
    assert.match(
      said,
      /hint: the cheapest cut that fits leaves out replay=0% \(17 of 55 nodes\); [\d,]+ tokens, [\d.e]+ FLOP are left/,
    );
    assert.doesNotMatch(said, /FLOP, and its budget/, 'only what is passed is told');
  });

  test('of tokens and of operations, both passed: two findings, one cut that keeps both', async () => {
    const said = await refused(`${branching}budget: {tokens: 100K, flops: 1e9}\n`);
    assert.equal(said.match(/error\[over-budget\]/g)?.length, 2);
    assert.match(said, /this lineage takes up to \d\.\d\de\d+ FLOP, and its budget is 1\.00e9 FLOP/);
  });

  test('that nothing can be left out for says so', async () => {
    const said = await refused(`${lineage()}budget: {tokens: 1}\n`);
    assert.match(said, /hint: to leave out 10 values of axes or final models is not enough: ask less of the stages/);
  });
});

describe('the cheapest cut', () => {
  const cutTo = async (text: string, share: number, costOf = trained) => {
    const { source, nodes } = await planned(text);
    const allowed = share * totalCost(nodes, { allowed: 0, costOf });
    return { cut: cheapestCut(source, nodes, [{ allowed, costOf }]), nodes, allowed };
  };

  test('is the one value that suffices and loses fewest nodes', async () => {
    assert.deepEqual(named((await cutTo(branching, 0.99)).cut), ['replay=0%']);
    // A rate takes half of all tuning and RL, a share of replay a third and its own mid: only the rate takes so much.
    assert.deepEqual(named((await cutTo(branching, 0.65)).cut), ['lr=1e-3']);
  });

  test('is several values where none suffices alone, and never the last of an axis', async () => {
    const { cut, nodes, allowed } = await cutTo(branching, 0.4);
    assert.equal(cut?.pieces.length, 2);
    assert.ok(cut && (cut.rest[0] ?? 0) <= allowed && cut.of === nodes.length);
    assert.deepEqual(named((await cutTo(branching, 0.3)).cut), ['replay=0%', 'replay=10%', 'lr=1e-3']);
  });

  test('leaves alone a value that another stage is pinned to', async () => {
    const pinned = lineage({
      mid: '{from: base, tokens: 20K, batch: 512, mix: {math: 1, replay: "{replay}"}}',
      tuned: '{from: mid@replay=0%, data: math/problems, examples: 100}',
      axes: '{replay: [0%, 20%]}',
    });
    assert.deepEqual(named((await cutTo(pinned, 0.99)).cut), ['replay=20%']);
  });

  test('is of final models where there is no axis to take from', async () => {
    const again = lineage({ rest: '' }).replace(
      '  rl:',
      '  other: {sft: {from: mid, data: math/problems, examples: 200}}\n  rl:',
    );
    assert.deepEqual(named((await cutTo(again, 0.95)).cut), ['other']);
  });

  test('counts what is shared once: a value whose nodes others have too saves nothing', async () => {
    // Shares of replay of which two are the same node: to take one of them is no cut.
    const twice = lineage({
      mid: '{from: base, tokens: "{tokens}", batch: 512, mix: {math: 1}}',
      axes: '{tokens: [20K, 20001, 60K]}',
    });
    const { nodes, cut } = await cutTo(twice, 0.99);
    const addresses = nodes.filter(({ type }) => type === 'cpt');
    assert.equal(new Set(addresses.map(({ key }) => key)).size, 2, 'two are one node');
    assert.deepEqual(named(cut), ['tokens=60K']);
  });

  test('takes along a trunk that nothing which stays goes on from', async () => {
    const runs = (schedule: string) => `lineage: trunks
models:
  nano: {layers: 2, hidden: 32, heads: 4, ffn: 64, context: 64}
data:
  web: {generator: stories}
stages:
  short: {pretrain: {model: nano, data: web, tokens: 40K, schedule: ${schedule}}}
  long: {pretrain: {model: nano, data: web, tokens: 400K, schedule: ${schedule}}}
budget: {tokens: 100K}
`;
    const wsd = await refused(runs('wsd, warmup: 4K'));
    assert.match(wsd, /leaves out the final model long \(2 of 5 nodes\); 40,960 tokens are left/);
    assert.match(await refused(runs('cosine')), /leaves out the final model long \(1 of 3 nodes\); 40,960 tokens/);
  });

  test('takes values of an axis whose runs share trunks, the shorter ones too', async () => {
    const budgets = lineage({
      base: '{model: nano, data: web, tokens: "{tokens}", schedule: wsd, warmup: 4K}',
      axes: '{tokens: [40K, 80K]}',
    });
    const { nodes, source } = await planned(budgets);
    const ofRl: Limit = { allowed: 1, costOf: ({ type }) => (type === 'rl' ? 1 : 0) };
    const cut = cheapestCut(source, nodes, [ofRl]);
    assert.deepEqual(named(cut), ['tokens=40K']);
    // What it has, but for the trunk that the longer run goes on from.
    const having = nodes.filter(({ axes, type }) => axes.tokens === '40K' && type !== 'trunk');
    assert.equal(cut?.lost, having.length);
  });

  test('of any costs and limits fits, and none of its pieces can stay', async () => {
    const axes = await planned(branching);
    const models = await planned(
      lineage({
        tuned:
          '{from: mid, data: math/problems, examples: 100}}\n  other: {sft: {from: base, data: math, examples: 50}',
        base: '{model: nano, data: web, tokens: 40K, schedule: wsd, warmup: 4K}',
        rest: '',
      }).replace(
        'stages:\n',
        'stages:\n  longer: {pretrain: {model: nano, data: web, tokens: 80K, schedule: wsd, warmup: 4K}}\n',
      ),
    );
    let [several, given] = [0, 0];
    fc.assert(
      fc.property(
        fc.constantFrom(axes, models),
        fc.array(
          fc.record({ share: fc.double({ min: 0.05, max: 1, noNaN: true }), costs: fc.infiniteStream(fc.nat(20)) }),
          {
            minLength: 1,
            maxLength: 2,
          },
        ),
        ({ source, nodes }, drawn) => {
          const limits = drawn.map(({ share, costs }): Limit => {
            const cost = new Map(nodes.map(({ key }) => [key, costs.next().value]));
            const costOf: Limit['costOf'] = ({ key, type }) => (type === 'tokenizer' ? 0 : (cost.get(key) ?? 0));
            return { costOf, allowed: share * totalCost(nodes, { allowed: 0, costOf }) };
          });
          const cut = cheapestCut(source, nodes, limits);
          if (cut === null) return;
          const isOver = (kept: readonly PlanNode[]) => limits.some((limit) => totalCost(kept, limit) > limit.allowed);
          const left = leftBy(nodes, cut.pieces);
          assert.equal(cut.lost, nodes.length - left.length);
          assert.deepEqual(
            cut.rest,
            limits.map((limit) => totalCost(left, limit)),
          );
          assert.ok(!isOver(left));
          if (cut.pieces.length > 1) several += 1;
          for (const piece of cut.pieces) {
            const fewer = leftBy(
              nodes,
              cut.pieces.filter((one) => one !== piece),
            );
            const keys = new Set(fewer.map(({ key }) => key));
            const isWhole = fewer.every(({ parents }) => Object.values(parents).every((parent) => keys.has(parent)));
            assert.ok(!isWhole || isOver(fewer), `${JSON.stringify(piece)} is needed`);
            if (!isWhole) given += 1;
          }
        },
      ),
      { seed: 2, numRuns: 400 },
    );
    assert.ok(several > 100, `${several} cuts of several pieces`);
    assert.ok(given > 0, 'some models are final only because others go');
  });

  test('fits, has no piece too many, and is the same again, whatever the budget', async () => {
    const { source, nodes } = await planned(branching);
    const total = totalCost(nodes, { allowed: 0, costOf: trained });
    fc.assert(
      fc.property(fc.double({ min: 0.01, max: 1, noNaN: true }), (share) => {
        const limits = [{ allowed: share * total, costOf: trained }];
        const cut = cheapestCut(source, nodes, limits);
        if (cut === null) return;
        assert.ok((cut.rest[0] ?? 0) <= share * total && cut.pieces.length <= mostPieces);
        assert.deepEqual(cheapestCut(source, nodes, limits), cut);
        for (const piece of cut.pieces) {
          if (piece.kind === 'model') continue;
          const others = cut.pieces.filter((one) => one !== piece);
          const kept = nodes.filter((node) => !others.some((other) => other.kind === 'value' && has(node, other)));
          assert.ok(totalCost(kept, limits[0] as Limit) > share * total, `${piece.axis}=${piece.value} is needed`);
        }
      }),
      { seed: 1, numRuns: 60 },
    );
  });

  test('of 9,000 nodes is found', async () => {
    const values = Array.from({ length: 1_125 }, (_, index) => `${index + 1}e-6`);
    const many = lineage({
      tuned: '{from: mid, data: math/problems, examples: 100, lr: "{lr}"}',
      axes: `{lr: [${values}]}`,
    });
    assert.equal(named((await cutTo(many, 0.5)).cut), null);
    assert.equal(named((await cutTo(many, 0.993)).cut)?.length, 8);
  });
});
