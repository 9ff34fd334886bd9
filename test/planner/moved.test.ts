import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { diffNodes, diffPlans } from '../../planner/diff.ts';
import { addressNow } from '../../planner/moved.ts';
import { reasonText } from '../../planner/reason.ts';
import { judge } from '../../planner/verdict.ts';
import { fixture, nodeAt, planOfText } from './plans.ts';

const text = `lineage: renaming
models:
  nano: {layers: 2, hidden: 32, heads: 4, ffn: 64, context: 64, tokenizer: words}
tokenizers:
  words: {bpe: {vocab: 300, data: [web, math]}}
data:
  web: {generator: stories}
  math: {generator: arithmetic}
stages:
  base: {pretrain: {model: nano, data: web, tokens: 40K}}
  mid: {cpt: {from: base, tokens: 20K, batch: 512, lr: 2e-3, mix: {math: 1, web: 1, replay: "{replay}"}}}
  tuned: {sft: {from: "mid@replay=20%", data: math/problems, examples: 100}}
axes:
  replay: [0%, 20%]
  seed: {replicate: [1, 2]}
evaluate: {each: [mid, tuned], suites: [heldout, id]}
`;

/** Everything in it that can be renamed, renamed. */
const renamed = text
  .replaceAll('base', 'trunk')
  .replaceAll('mid', 'middle')
  .replaceAll('{replay}', '{share}')
  .replaceAll('@replay', '@share')
  .replace('  replay: [', '  share: [')
  .replaceAll('words', 'pieces')
  .replaceAll('web', 'wide');
const moved = `moved:
  - {from: base, to: trunk}
  - {from: mid, to: middle}
  - {from: axis:replay, to: axis:share}
  - {from: tokenizer:words, to: tokenizer:pieces}
  - {from: data:web, to: data:wide}
`;

describe('moved', async () => {
  const before = await planOfText(text);
  const done = new Set(before.nodes.map(({ key }) => key));
  const verdicts = async (edited: string) => {
    const plan = await planOfText(edited);
    const found = judge(
      plan,
      (key) => (done.has(key) ? { state: 'done', attempt: 1, finishedAt: '2026-01-01' } : { state: 'none' }),
      [before],
    );
    const text = new Map(
      plan.nodes.map((node) => {
        const verdict = found.get(node.key);
        assert.ok(verdict);
        return [node.address, `${verdict.verdict}: ${reasonText(node, verdict)}`];
      }),
    );
    return { plan, found, text };
  };

  it('changes no key: what was trained under another name is reused with and without it', async () => {
    for (const file of [renamed, renamed + moved]) {
      const { plan, text } = await verdicts(file);
      for (const { address, type } of plan.nodes) {
        if (type !== 'evaluate') assert.equal(text.get(address), 'reuse: attempt 1, done 2026-01-01', address);
      }
    }
  });

  it('compares a node that changed with its earlier self, and says what it was called', async () => {
    const edited = renamed.replace('lr: 2e-3', 'lr: 1e-3').replace('wide: 1', 'wide: 2');
    const alone = await verdicts(edited);
    assert.equal(alone.text.get('middle@share=20%,seed=2'), 'run: new');
    const { text, found, plan } = await verdicts(edited + moved);
    assert.equal(
      text.get('middle@share=20%,seed=2'),
      'run: lr 2e-3 → 1e-3, mix.wide 1 → 2 (was mid@replay=20%,seed=2)',
    );
    assert.match(text.get('tuned@seed=2') ?? '', /^run: middle@share=20%,seed=2: lr 2e-3 → 1e-3/);
    assert.doesNotMatch(text.get('tuned@seed=2') ?? '', /was/, 'its own address stayed');
    assert.equal(text.get('trunk@seed=2'), 'reuse: attempt 1, done 2026-01-01');
    const verdict = found.get(nodeAt(plan, 'middle@share=20%,seed=2').key);
    assert.equal(
      verdict?.reason.kind === 'changed' && verdict.reason.before,
      nodeAt(before, 'mid@replay=20%,seed=2').key,
    );
  });

  it('says of an evaluation that it is asked again because of what its data set is called', async () => {
    const { text } = await verdicts(renamed + moved);
    assert.match(text.get('tuned@seed=1/heldout') ?? '', /^run: recipe\.domains\.\d\.name web → wide$/);
    assert.equal(text.get('tuned@seed=1/id'), 'reuse: attempt 1, done 2026-01-01');
  });

  it('compares with several earlier plans, of which each had another name', async () => {
    const older = await planOfText(text.replace('2e-3', '4e-3').replaceAll('mid', 'centre'));
    const plan = await planOfText(`${renamed.replace('lr: 2e-3', 'lr: 1e-3')}${moved}  - {from: centre, to: middle}\n`);
    const found = judge(plan, () => ({ state: 'none' }), [older]);
    const node = nodeAt(plan, 'middle@share=20%,seed=1');
    const verdict = found.get(node.key);
    assert.match(verdict ? reasonText(node, verdict) : '', /^lr 4e-3 → 1e-3 \(was centre@replay=20%,seed=1\)$/);
  });

  it('who has a name of its own in the earlier plan comes before who got it by a rename', async () => {
    const both = await planOfText(
      text.replace('  tuned:', '  middle: {cpt: {from: base, tokens: 30K, data: math}}\n  tuned:'),
    );
    const plan = await planOfText(
      `${renamed
        .replace('tokens: 20K', 'tokens: 50K')
        .replace('"{share}"', '20%')
        .replace('"middle@share=20%"', 'middle')
        .replace(/ {2}share: .*\n/, '')}moved: [{from: mid, to: middle}]\n`,
    );
    const verdict = judge(plan, () => ({ state: 'none' }), [both]).get(nodeAt(plan, 'middle@seed=1').key);
    assert.ok(verdict?.reason.kind === 'changed');
    assert.equal(verdict.reason.before, nodeAt(both, 'middle@seed=1').key);
    assert.equal(verdict.reason.movedFrom, undefined);
  });

  it('reaches diff', async () => {
    const plan = await planOfText(renamed.replace('lr: 2e-3', 'lr: 1e-3') + moved);
    const there = diffPlans(before, plan);
    // Data sets have other names, so the evaluations on held-out text are others.
    assert.deepEqual([there.onlyBefore, there.onlyAfter], [[], []]);
    assert.deepEqual(
      there.renamed.map(({ before, after }) => `${before.address} ${after.address}`),
      ['tokenizer:words tokenizer:pieces', 'base@seed=1 trunk@seed=1', 'base@seed=2 trunk@seed=2'],
    );
    assert.ok(
      there.changed.some(
        ({ before, after }) => before.address === 'mid@replay=0%,seed=1' && after.address === 'middle@share=0%,seed=1',
      ),
    );

    const chain = diffNodes(
      { plan: before, node: nodeAt(before, 'tuned@seed=1') },
      { plan, node: nodeAt(plan, 'tuned@seed=1') },
    );
    assert.deepEqual(
      chain.stages.map(({ before, after, changes }) => [
        before?.address,
        after?.address,
        changes.map(({ field }) => field),
      ]),
      [
        ['tokenizer:words', 'tokenizer:pieces', []],
        ['base@seed=1', 'trunk@seed=1', []],
        ['mid@replay=20%,seed=1', 'middle@share=20%,seed=1', ['lr']],
        ['tuned@seed=1', 'tuned@seed=1', []],
      ],
    );
  });

  it('in diff is of the earlier plan only: what the later one calls by a name that was given up is new', async () => {
    const first = await planOfText(`${text.replaceAll('base', 'bottom')}moved: [{from: base, to: bottom}]\n`);
    const second = await planOfText(
      text
        .replaceAll('base', 'bottom')
        .replace('  mid:', '  base: {pretrain: {model: nano, data: web, tokens: 80K}}\n  mid:'),
    );
    const { same, renamed, changed, following, onlyBefore, onlyAfter } = diffPlans(first, second);
    assert.deepEqual([same, renamed, changed, following, onlyBefore], [first.nodes.length, [], [], 0, []]);
    assert.deepEqual(
      onlyAfter.map(({ address }) => address),
      ['base@seed=1', 'base@seed=2'],
    );
  });

  it('in diff leaves what had the new name already to itself, and removes what was to get it', async () => {
    const both = await planOfText(
      text.replace('  mid:', '  base0: {pretrain: {model: nano, data: web, tokens: 80K}}\n  mid:'),
    );
    const one = await planOfText(`${text.replaceAll('base', 'base0')}moved: [{from: base, to: base0}]\n`);
    const { changed, onlyBefore, onlyAfter } = diffPlans(both, one);
    const ofBase = changed.filter(({ after }) => after.stage === 'base0');
    assert.deepEqual(
      ofBase.map(({ before }) => before.address),
      ['base0@seed=1', 'base0@seed=2'],
    );
    assert.deepEqual(
      onlyBefore.map(({ address }) => address),
      ['base@seed=1', 'base@seed=2'],
    );
    assert.deepEqual(onlyAfter, []);
  });

  it('renames certificates, trunks and evaluations with their stages', async () => {
    const many = text
      .replace('tokens: 40K', 'tokens: 40K, schedule: wsd, warmup: 4K')
      .replace('examples: 100', 'examples: "{many}"')
      .replace('axes:', 'axes:\n  many: [100, 120]');
    const other = many
      .replaceAll('tuned', 'sft1')
      .replaceAll('base', 'bottom')
      .replace('many: [', 'count: [')
      .replace('{many}', '{count}');
    const moved = ['tuned, to: sft1', 'base, to: bottom', 'axis:many, to: axis:count'];
    const told = `${other}moved: [${moved.map((entry) => `{from: ${entry}}`).join(', ')}]\n`;
    const then = await planOfText(many);
    const { renamed, onlyBefore, onlyAfter } = diffPlans(then, await planOfText(told));
    assert.deepEqual([onlyBefore, onlyAfter], [[], []]);
    const addresses = renamed.map(({ before, after }) => `${before.address} ${after.address}`);
    for (const pair of [
      'base@seed=1/trunk bottom@seed=1/trunk',
      'base@seed=1 bottom@seed=1',
      'overlap:tuned@many=100 overlap:sft1@count=100',
      'overlap:tuned@many=120 overlap:sft1@count=120',
      'tuned@many=100,seed=1/id sft1@count=100,seed=1/id',
    ])
      assert.ok(addresses.includes(pair), `${pair} in ${addresses}`);
  });

  it('compares what a certificate compares under the new names of the data', async () => {
    const again = text
      .replace(/\bmath\b/g, 'sums')
      .replace('tuned', 'sft1')
      .replace('examples: 100', 'examples: 120');
    const now = `${again.replace('[mid, tuned]', '[mid, sft1]')}moved: [{from: data:math, to: data:sums}, {from: tuned, to: sft1}]\n`;
    const { changed } = diffPlans(before, await planOfText(now));
    const certificate = changed.find(({ after }) => after.address === 'overlap:sft1');
    assert.equal(certificate?.before.address, 'overlap:tuned');
    assert.deepEqual(
      certificate?.changes.map(({ address, field, before, after }) => [address, field, before, after]),
      [['overlap:sft1', 'trained.problems', 100, 120]],
    );
  });

  it('is written as on the language page', async () => {
    const page = await readFile(new URL('../../../docs/lineage-file.md', import.meta.url), 'utf8');
    const [, block = ''] = /```yaml\n(moved:[\s\S]*?)```/.exec(page) ?? [];
    const plan = await planOfText(renamed.replaceAll('wide', 'diary') + block);
    assert.deepEqual(
      plan.declared.moved?.map(({ to }) => to),
      ['trunk', 'axis:share', 'tokenizer:pieces', 'data:diary'],
    );
  });

  it('finds data nodes by their new names', async () => {
    const everything = await readFile(fixture('everything.yaml'), 'utf8');
    assert.match(everything, /\bmill\b/);
    assert.equal(addressNow([{ from: 'data:mill', to: 'data:mills' }], 'data:mill'), 'data:mills');
    assert.equal(addressNow([{ from: 'data:mill', to: 'data:mills' }], 'mill@seed=1'), 'mill@seed=1');
    assert.equal(addressNow([{ from: 'mill', to: 'mills' }], 'mill@seed=1/id'), 'mills@seed=1/id');
    assert.equal(addressNow([{ from: 'mill', to: 'mills' }], 'overlap:mill@many=10'), 'overlap:mills@many=10');
    assert.equal(
      addressNow([{ from: 'axis:many', to: 'axis:count' }], 'overlap:mill@many=10'),
      'overlap:mill@count=10',
    );
    assert.equal(
      addressNow([{ from: 'axis:seed', to: 'axis:run' }], 'mill@lr=1e-3,seed=1/id'),
      'mill@lr=1e-3,run=1/id',
    );
  });
});
