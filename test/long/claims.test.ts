import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { descent, temporaryFolder } from '../cli/support.ts';
import { runToEnd } from '../lineage/support.ts';

/** What the quickstart shows, smaller; what is noisiest, SFT and RL, with two seeds: it must not hang on one draw. */
const lineage = `lineage: claims
models:
  nano: {layers: 2, hidden: 128, heads: 4, kvHeads: 2, ffn: 352, context: 64, tokenizer: words}
tokenizers:
  words: {bpe: {vocab: 512, data: [web, math, math/problems]}}
data:
  web: {generator: stories}
  math: {generator: arithmetic, options: {maximum: 9}}
stages:
  base: {pretrain: {model: nano, data: web, tokens: 100K, seed: 1}}
  mid: {cpt: {from: base, tokens: 300K, mix: {math: 1, replay: "{replay}"}, seed: 1}}
  tuned: {sft: {from: mid@replay=10%, data: math/problems, examples: 2500, batch: 16}}
  rl: {rl: {from: tuned, data: math/problems, examples: 2K, epochs: 2, batch: 64, maxResponse: 16, lr: 2e-4}}
axes:
  replay: [0%, 10%]
  seed: {replicate: [1, 2]}
evaluate: {each: [base, mid, tuned, rl], suites: [heldout, id], heldoutTokens: 8K, problems: 250, maxResponse: 16}
`;

/** A figure with the ends of its 95 % interval. */
interface Figure {
  value: number;
  low: number;
  high: number;
}

/** What is asked of one evaluated model. */
interface Model {
  /** Entropy of the token frequencies of its training data, nats a token. */
  unigram: number;
  web: Figure;
  math: Figure;
  /** Greedy. */
  passAt1: Figure;
  /** Mean of four responses sampled at temperature 1, which is what RL is rewarded for: its interval is narrower. */
  sampled: Figure;
}

const query = `
  SELECT address, fact_unigram_entropy AS unigram,
    {value: heldout_web_loss, low: heldout_web_loss_low, high: heldout_web_loss_high} AS web,
    {value: heldout_math_loss, low: heldout_math_loss_low, high: heldout_math_loss_high} AS math,
    {value: id_math_pass_at_1, low: id_math_pass_at_1_low, high: id_math_pass_at_1_high} AS passAt1,
    {value: id_math_pass_at_1_sampled, low: id_math_pass_at_1_sampled_low, high: id_math_pass_at_1_sampled_high} AS sampled
  FROM lineage_wide`;

test('a small lineage shows what the quickstart claims', { timeout: 1_500_000 }, async (t) => {
  const models = await figuresOf(t, lineage);
  const model = (address: string): Model => models[address] ?? assert.fail(`no figures of ${address}`);
  const check = (claim: string, holds: boolean) =>
    t.test(claim, () => assert.ok(holds, JSON.stringify(models, null, 1)));

  const [base, without, withReplay] = [model('base'), model('mid@replay=0%'), model('mid@replay=10%')];
  await check('pretraining learns far more than token frequencies', base.web.high < base.unigram - 1);
  await check('CPT lowers math loss', without.math.high < base.math.low - 1);
  await check('CPT with replay lowers math loss', withReplay.math.high < base.math.low - 1);
  await check('replay forgets less', withReplay.web.high < without.web.low);
  for (const seed of [1, 2]) {
    const [tuned, rl] = [model(`tuned@seed=${seed}`), model(`rl@seed=${seed}`)];
    const liftsPassAt1 = withReplay.passAt1.value < 0.1 && tuned.passAt1.value > 0.2;
    await check(`SFT lifts Pass@1 from near zero (seed ${seed})`, liftsPassAt1);
    await check(`RL lifts Pass@1 outside the 95 % interval (seed ${seed})`, rl.sampled.low > tuned.sampled.high);
  }
});

/** Runs a lineage, and asks for the figures of its models, by address. */
async function figuresOf(t: TestContext, text: string): Promise<Record<string, Model>> {
  const folder = await temporaryFolder(t);
  const file = join(folder, 'claims.yaml');
  const home = join(folder, 'home');
  await writeFile(file, text);
  await runToEnd(t, file, home, 1);
  const { stdout, stderr } = await descent(['query', query, '--format', 'json'], folder, {
    env: { DESCENT_HOME: home },
  });
  assert.equal(stderr, '');
  return Object.fromEntries(
    JSON.parse(stdout).map(({ address, ...model }: Model & { address: string }) => [address, model]),
  );
}
