import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse, stringify } from 'yaml';
import type { LineageFile } from '../../schemas/types/lineage.ts';
import { descent, temporaryFolder } from '../cli/support.ts';
import { runToEnd } from '../lineage/support.ts';

/** What `descent takeaways --json` says of one, as far as it is looked at here. */
interface Told {
  claim: string;
  verdict: string;
  missing: string[];
}

/*
 * lineage/laptop.yaml with the same models, evaluations and claims, in minutes: its amounts a twentieth, its sums up to 5, one
 * seed. What such models are worth says little; that each of the paper's twelve finds what it asks, and that tables, figures
 * and report are made of it, does.
 */
test('laptop.yaml has all that the twelve takeaways ask', { timeout: 2_400_000 }, async (t) => {
  const folder = await temporaryFolder(t);
  const written = await readFile(new URL('../../../lineage/laptop.yaml', import.meta.url), 'utf8');
  await writeFile(join(folder, 'lineage.yaml'), stringify(smaller(parse(written))));
  await writeFile(join(folder, 'pairs.jsonl'), pairs);
  const env = { DESCENT_HOME: join(folder, 'home') };
  await runToEnd(t, join(folder, 'lineage.yaml'), env.DESCENT_HOME);

  const paper = await json(['takeaways', 'laptop', '--paper']);
  assert.equal(paper.takeaways.length, 12);
  for (const { claim, verdict, missing } of paper.takeaways)
    assert.equal(verdict, 'underpowered', `${claim} ${missing.join(' ')}`);
  const [own] = (await json(['takeaways', 'laptop'])).takeaways;
  assert.equal(own?.verdict, 'underpowered');

  for (const query of [
    'table1',
    'table2 --param task=all',
    'table4',
    'figure2',
    'figure3',
    'figure4',
    'figure5',
    'figure6',
    'figure7',
  ])
    await t.test(`${query} has rows`, async () => {
      const rows = await ok(['query', ...query.split(' '), '--param', 'lineage=laptop', '--format', 'json']);
      assert.ok(JSON.parse(rows).length > 0, rows);
    });

  async function ok(words: string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await descent(words, folder, { env });
    assert.equal(exitCode, 0, stdout + stderr);
    return stdout;
  }

  async function json(words: string[]): Promise<{ takeaways: Told[] }> {
    return JSON.parse(await ok([...words, '--json']));
  }
});

/** The lineage in small. So few answers are right that what the reward model learns from is a file. */
function smaller(laptop: LineageFile & { signatures: string[] }): unknown {
  const { answers: _, pairs: __, ...stages } = laptop.stages as Record<string, Record<string, object>>;
  const shape = { hidden: 64, heads: 4, kvHeads: 2, ffn: 176, context: 96, tokenizer: 'words' };
  const options = { maximum: 5 };
  const learning = (of: object, changes: object) => ({ ...of, ...changes });
  const { pretrain, cpt, sft, rl } = laptop.recipes as Record<'pretrain' | 'cpt' | 'sft' | 'rl', object>;
  return {
    ...laptop,
    models: { '0.5M': { layers: 1, ...shape }, '1M': { layers: 2, ...shape } },
    tokenizers: { words: { bpe: { vocab: 400, data: ['web', 'math', 'math/problems'], characters: '100K' } } },
    data: { ...laptop.data, math: { generator: 'arithmetic', options }, pairs: { files: 'pairs.jsonl' } },
    recipes: {
      pretrain: learning(pretrain, { batch: 1536 }),
      cpt: learning(cpt, { batch: 1536 }),
      sft: learning(sft, { batch: 8 }),
      // So many at once that most have too few rounds to be told for collapsed, as models so small may.
      rl: learning(rl, { batch: 250, maxResponse: 24 }),
    },
    signatures: laptop.signatures.map((name) =>
      name
        .replace(/([\d.]+\+)?[\d.]+MT/g, (tokens) =>
          `${tokens.replace(/[\d.]+/g, (amount) => share(amount, 50))}`.replace('MT', 'KT'),
        )
        .replace(/([\d.]+)Kep/g, (_, examples: string) => `${share(examples, 0.25)}Kep`),
    ),
    stages: {
      ...stages,
      part: { checkpoint: { of: '0.5M-400KT', at: '50K' } },
      'part-tuned': { sft: learning(stages['part-tuned']?.sft ?? {}, { examples: 250, batch: 8 }) },
      judge: { reward: { from: '1M-200KT-10+52.5KT-0.25Kep1@seed=1', data: 'pairs', examples: 16, batch: 4, seed: 1 } },
    },
    axes: { seed: { replicate: [1] } },
    evaluate: { ...laptop.evaluate, problems: 20, samples: 4, maxResponse: 24, heldoutTokens: '1K' },
    takeaways: laptop.takeaways?.map((claim) => ({
      ...claim,
      contrast: { of: '0.5M-50KT-0.25Kep1', over: 'part-tuned', also: ['part'] },
      metric: 'id.pass@4',
    })),
  };
}

/** An amount times a factor, in digits that a name can have. */
function share(amount: string, factor: number): string {
  return String(Number((Number(amount) * factor).toPrecision(6)));
}

const pairs = Array.from({ length: 32 }, (_, at) =>
  JSON.stringify({
    prompt: `What is ${at} + 1?`,
    chosen: `The answer is ${at + 1}.`,
    rejected: `The answer is ${at}.`,
  }),
).join('\n');
