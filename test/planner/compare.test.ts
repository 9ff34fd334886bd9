import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { changesBetween } from '../../planner/compare.ts';
import type { Plan } from '../../planner/plan.ts';
import { judge } from '../../planner/verdict.ts';
import { nodeAt, planOf, planOfText } from './plans.ts';

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

function edited(from: string, to: string, all = text): string {
  assert.ok(all.includes(from), from);
  return all.replace(from, to);
}

/** The changes that explain each node that would run, once a lineage was run as \`text\` and then edited. */
async function explained(...edits: [string, string][]): Promise<{ plan: Plan; changes: Map<string, string[]> }> {
  const before = await planOfText(text);
  const done = new Set(before.nodes.map(({ key }) => key));
  const plan = await planOfText(edits.reduce((all, [from, to]) => edited(from, to, all), text));
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

  it('names only what forked the key', async () => {
    const sgd = 'lr: 3e-3}}';
    const math = 'mix: {math: 1, replay: "{replay}"}}}';
    const rl = 'lr: "{lr}", maxResponse: 8}}';
    const cases: [what: string, node: string, said: string[], edit: [string, string]][] = [
      ['minLr follows lr', 'base', ['lr 0.003 → 0.002'], [sgd, 'lr: 2e-3}}']],
      ['minLr is written out as it follows', 'base', ['lr 0.003 → 0.002'], [sgd, 'lr: 2e-3, minLr: 2e-4}}']],
      ['minLr itself', 'base', ['minLr 0.0003 → 0.0001'], [sgd, 'lr: 3e-3, minLr: 1e-4}}']],
      [
        'defaults are written out',
        'base',
        ['clip 1 → 2'],
        [sgd, 'lr: 0.0030, warmup: 10%, betas: [0.9, 0.95], batch: 1024, schedule: cosine, clip: 2}}'],
      ],
      [
        'tokens give the same steps',
        'base',
        ['clip 1 → 2'],
        ['tokens: 100K, lr: 3e-3', 'tokens: 100100, lr: 3e-3, clip: 2'],
      ],
      ['the mix is the same', 'mid', ['clip 1 → 2'], [math, 'mix: {math: 3, replay: "{replay}"}, clip: 2}}']],
      ['criticLr follows lr', 'rl', ['lr 0.0001 → 0.0003'], ['[1e-4, 2e-4]', '[3e-4, 2e-4]']],
      ['miniBatch follows batch', 'rl', ['batch 128 → 1K'], [rl, 'lr: "{lr}", maxResponse: 8, batch: 1K}}']],
      [
        'a count is spelled with its unit',
        'tuned',
        ['epochs 1 → 2'],
        ['examples: 100}}', 'examples: 0.1K, epochs: 2}}'],
      ],
      [
        'kvHeads follows heads',
        'base',
        ['models.nano.heads 4 → 2'],
        ['nano: {layers: 2, hidden: 32, heads: 4, kvHeads: 2', 'nano: {layers: 2, hidden: 32, heads: 2'],
      ],
      ['wsd is another warm-up', 'base', ['schedule cosine → wsd'], [sgd, 'lr: 3e-3, schedule: wsd}}']],
    ];
    const before = await planOfText(text);
    for (const [what, stage, said, [from, to]] of cases) {
      const after = await planOfText(edited(from, to));
      const at = (plan: Plan) =>
        plan.nodes.find((node) => node.stage === stage && node.type !== 'evaluate' && node.type !== 'trunk') ??
        assert.fail(what);
      const own = changesBetween({ plan: before, node: at(before) }, { plan: after, node: at(after) });
      assert.deepEqual(
        own.map(({ field, before: old, after: now }) => `${field} ${old} → ${now}`),
        said,
        what,
      );
    }
  });

  it('names of a trunk nothing that its branch alone depends on', async () => {
    const wsd = (others: string) => edited('lr: 3e-3}}', `schedule: wsd, warmup: 5K, ${others}}}`);
    const trunkOf = (plan: Plan) => plan.nodes.find(({ type }) => type === 'trunk') ?? assert.fail();
    const changes = async (from: string, to: string) => {
      const [before, after] = [await planOfText(wsd(from)), await planOfText(wsd(to))];
      const found = changesBetween({ plan: before, node: trunkOf(before) }, { plan: after, node: trunkOf(after) });
      return found.map(({ field }) => field);
    };
    assert.deepEqual(await changes('lr: 3e-3, minLr: 1e-4', 'lr: 2e-3, minLr: 2e-4'), ['lr']);
    assert.deepEqual(await changes('decay: 10%', 'decay: 20%'), ['decay']);
    assert.deepEqual(await changes('minLr: 1e-4', 'minLr: 2e-4'), []);
  });

  it('names the data that is read instead, by its content', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'descent-compare-'));
    t.after(() => rm(folder, { recursive: true }));
    for (const [name, words] of Object.entries({ one: 'a b c', same: 'a b c', other: 'c d e' }))
      await writeFile(join(folder, `${name}.txt`), `${words} `.repeat(2000));
    const sets = 'one: {files: one.txt}, same: {files: same.txt}, other: {files: other.txt}';
    const planned = async (data: string, others = '') => {
      await writeFile(
        join(folder, 'lineage.yaml'),
        `lineage: files
models: {nano: {layers: 1, hidden: 8, heads: 2, ffn: 16, context: 16, tokenizer: bytes}}
tokenizers: {bytes: {bytes: {}}}
data: {${sets}}
stages: {base: {pretrain: {model: nano, data: ${data}, tokens: 20K${others}}}}
`,
      );
      return planOf(join(folder, 'lineage.yaml'));
    };
    const before = await planned('one');
    const changes = (after: Plan) => {
      const [old, now] = [nodeAt(before, 'base'), nodeAt(after, 'base')];
      return changesBetween({ plan: before, node: old }, { plan: after, node: now }).map(
        ({ field, before: was, after: is }) => `${field} ${was} → ${is}`,
      );
    };
    assert.deepEqual(changes(await planned('same', ', clip: 2')), ['clip 1 → 2']);
    assert.deepEqual(changes(await planned('other')), ['data one → other']);
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
