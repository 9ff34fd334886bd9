import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { changesBetween } from '../../planner/compare.ts';
import type { Plan } from '../../planner/plan.ts';
import { judge } from '../../planner/verdict.ts';
import { planOfText } from './plans.ts';

/** 78 nodes: a tokenizer, 3 base, 9 mid, 9 tuned, 18 rl, and 38 evaluations of tuned, rl and base. */
const text = `lineage: sixty
models:
  nano: {layers: 2, hidden: 32, heads: 4, kvHeads: 2, ffn: 64, context: 32, tokenizer: words}
  wide: {layers: 2, hidden: 64, heads: 4, kvHeads: 2, ffn: 64, context: 32, tokenizer: words}
tokenizers:
  words: {bpe: {vocab: 300, data: [web, math]}}
data:
  web: {generator: stories}
  math: {generator: arithmetic}
  more: {generator: arithmetic, seed: 1}
stages:
  base: {pretrain: {model: nano, data: web, tokens: 100K, lr: 3e-3}}
  mid: {cpt: {from: base, tokens: 50K, mix: {math: 1, replay: "{replay}"}}}
  tuned: {sft: {from: mid, data: math/problems, examples: 100}}
  rl: {rl: {from: tuned, data: math/problems, examples: 100, lr: "{lr}", maxResponse: 8}}
axes:
  replay: [0%, 5%, 20%]
  lr: [1e-4, 2e-4]
  seed: {replicate: [1, 2, 3]}
evaluate: {each: [base, tuned, rl], suites: [heldout], problems: 50}
placement:
  default: {device: cpu}
`;

/** The changes that explain each node that would run, once a lineage was run as \`text\` and then edited. */
async function explained(...edits: [string, string][]): Promise<{ plan: Plan; changes: Map<string, string[]> }> {
  const before = await planOfText(text);
  const done = new Set(before.nodes.map(({ key }) => key));
  let edited = text;
  for (const [from, to] of edits) {
    assert.ok(edited.includes(from), from);
    edited = edited.replace(from, to);
  }
  const plan = await planOfText(edited);
  const verdicts = judge(
    plan,
    (key) => (done.has(key) ? { state: 'done', attempt: 1, finishedAt: '2026-01-01' } : { state: 'none' }),
    [before],
  );
  const changes = new Map<string, string[]>();
  for (const node of plan.nodes) {
    const verdict = verdicts.get(node.key);
    if (verdict?.reason.kind === 'changed') {
      const named = verdict.reason.changes.map(({ address, field, before, after }) => {
        return `${address.split('@')[0]}: ${field} ${before} → ${after}`;
      });
      changes.set(node.address, named);
    } else if (verdict?.verdict !== 'reuse') changes.set(node.address, [verdict?.reason.kind ?? '']);
  }
  return { plan, changes };
}

describe('what changed of a lineage of many nodes', () => {
  const cases: { edit: string; from: string; to: string; said: string; certificate?: string; stages: string[] }[] = [
    {
      edit: 'a learning rate',
      from: 'lr: 3e-3',
      to: 'lr: 2e-3',
      said: 'base: lr 0.003 → 0.002',
      stages: ['base', 'mid', 'tuned', 'rl'],
    },
    {
      edit: 'a budget',
      from: 'tokens: 50K',
      to: 'tokens: 60K',
      said: 'mid: tokens 50K → 60K',
      stages: ['mid', 'tuned', 'rl'],
    },
    {
      edit: 'a default that is now said',
      from: 'examples: 100}}',
      to: 'examples: 100, epochs: 2}}',
      said: 'tuned: epochs 1 → 2',
      stages: ['tuned', 'rl'],
    },
    {
      edit: 'a shape',
      from: 'nano: {layers: 2',
      to: 'nano: {layers: 3',
      said: 'base: models.nano.layers 2 → 3',
      stages: ['base', 'mid', 'tuned', 'rl'],
    },
    {
      edit: 'which model',
      from: 'model: nano',
      to: 'model: wide',
      said: 'base: model nano → wide',
      stages: ['base', 'mid', 'tuned', 'rl'],
    },
    {
      edit: 'which problems',
      from: 'data: math/problems, examples: 100, lr',
      to: 'data: more/problems, examples: 100, lr',
      said: 'rl: data math/problems → more/problems',
      certificate: 'overlap:rl: trained math/rl → more/rl',
      stages: ['rl', 'overlap:rl'],
    },
    {
      edit: 'a tokenizer',
      from: 'vocab: 300',
      to: 'vocab: 310',
      said: 'tokenizer:words: tokenizers.words.vocab 300 → 310',
      stages: ['tokenizer:words', 'base', 'mid', 'tuned', 'rl'],
    },
    {
      edit: 'an option of RL',
      from: 'maxResponse: 8',
      to: 'maxResponse: 9',
      said: 'rl: maxResponse 8 → 9',
      stages: ['rl'],
    },
  ];
  for (const { edit, from, to, said, certificate, stages } of cases) {
    it(`names ${edit} on every node that it forks, and nothing else`, async () => {
      const { plan, changes } = await explained([from, to]);
      assert.ok(plan.nodes.length > 60);
      const forked = plan.nodes.filter(({ stage }) => stages.includes(stage)).map(({ address }) => address);
      assert.deepEqual([...changes.keys()].sort(), forked.sort());
      for (const [address, named] of changes)
        assert.deepEqual(named, [address.startsWith('overlap:') ? certificate : said], address);
    });
  }

  it('names an option of the data on what learns from it', async () => {
    const { changes } = await explained([
      'math: {generator: arithmetic}',
      'math: {generator: arithmetic, options: {maximum: 9}}',
    ]);
    assert.deepEqual(changes.get('mid@replay=5%,seed=1'), [
      'tokenizer:words: data.math.options.maximum 20 → 9',
      'mid: data.math.options.maximum 20 → 9',
    ]);
    assert.deepEqual(changes.get('base@seed=1'), ['tokenizer:words: data.math.options.maximum 20 → 9']);
  });

  it('names what is asked, on evaluations alone', async () => {
    const { changes } = await explained(['suites: [heldout], problems: 50', 'suites: [heldout], heldoutTokens: 20K']);
    assert.ok(changes.size > 20);
    for (const [address, named] of changes) {
      assert.match(address, /\/heldout$/);
      assert.deepEqual(named, [`${address.split('@')[0]}: evaluate.heldoutTokens 16000 → 20K`]);
    }
  });

  it('says nothing of placement, names and spelling', async () => {
    for (const edit of [
      ['device: cpu', 'device: gpu, timeout: 2h'],
      ['tokens: 100K, lr: 3e-3', 'lr: 0.0030, tokens: 100000, weightDecay: 0.1'],
      ['lineage: sixty', 'lineage: eighty\ntitle: another'],
    ] as [string, string][]) {
      assert.deepEqual((await explained(edit)).changes, new Map());
    }
  });

  it('calls new what has an address that was not there', async () => {
    const { changes } = await explained(['[0%, 5%, 20%]', '[0%, 5%, 20%, 30%]']);
    assert.deepEqual(
      new Set([...changes].map(([address, named]) => `${/replay=30%/.test(address)} ${named}`)),
      new Set(['true new']),
    );
  });

  it('looks back past plans that say the same', async () => {
    const before = await planOfText(text);
    const plan = await planOfText(text.replace('lr: 3e-3', 'lr: 1e-3'));
    const verdict = judge(plan, () => ({ state: 'none' }), [plan, before]).get(plan.nodes[1]?.key as never);
    assert.equal(verdict?.reason.kind, 'changed');
  });

  it('names the version of a generator, which no file says', async () => {
    const plan = await planOfText(text);
    const node = plan.nodes.find(({ address }) => address === 'base@seed=1');
    assert.ok(node);
    const older = structuredClone(node);
    const [entry] = (older.preimage.recipe as { mix: [{ source: { version: number } }] }).mix;
    entry.source.version = 0;
    const old = { ...older, key: 'another' as never };
    assert.deepEqual(changesBetween({ plan, node: old }, { plan, node }), [
      { address: 'base@seed=1', field: 'recipe.mix.0.source.version', before: 0, after: 1 },
    ]);
  });
});
