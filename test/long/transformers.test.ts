import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { validateAncestry } from '../../schemas/validate.ts';
import { writeModel } from '../../trainer/checkpoint.ts';
import { paperTemplate } from '../../trainer/data/template.ts';
import { initialise } from '../../trainer/init.ts';
import { judgedText } from '../../trainer/judge.ts';
import { hiddenStates, logits } from '../../trainer/model.ts';
import { loadModel, loadRewardModel } from '../../trainer/parameters.ts';
import { scorer } from '../../trainer/reward.ts';
import { tf } from '../../trainer/tf.ts';
import { endOfText } from '../../trainer/tokenizer/format.ts';
import { loadTokenizer } from '../../trainer/tokenizer/load.ts';
import { descent, packageRoot, temporaryFolder } from '../cli/support.ts';
import { manifests, runToEnd } from '../lineage/support.ts';
import { close, runTrainer, sftJob, tiny, writeByteTokenizer } from '../trainer/support.ts';

/*
 * Both ways between Descent and transformers, which is the reference:
 *
 *   base ─▶ tuned        trained here, opened there
 *   base* ─▶ mid         base saved there and adopted, mid trained here from it and opened there
 */
const texts = ['Mia has 3 apples.', 'Tom has 12 pears and Mia has more of them, é!'];

const python = process.env.DESCENT_PYTHON ?? 'python3';
const imports = spawnSync(python, ['-c', 'import tokenizers, torch, transformers'], { encoding: 'utf8' });
const skip =
  imports.status === 0
    ? false
    : `${python} has no transformers: DESCENT_PYTHON names a Python that has torch and transformers`;

/** Largest difference of a logit, relative to the larger of 1 and its size. */
const tolerance = 1e-5;

/** What transformers found in a folder: see open_model.py. */
interface Told {
  missing: string[];
  unexpected: string[];
  mismatched: string[];
  rows: number[][];
  /** As a text is tokenized by itself: with what it begins and ends with. */
  whole: number[][];
  decoded: string[];
  logits: number[][][];
  inputs: string[];
  left: boolean[];
  written: number[][];
  eos: number;
  generationEos: number;
  longest: number;
  parameters: number;
}

/** What it found of a reward model. */
interface Judged extends Pick<Told, 'missing' | 'unexpected' | 'mismatched' | 'rows'> {
  scores: number[];
  together: number[];
}

function ask<Answer = Told>(command: 'open' | 'judge' | 'save', folder: string, given: object): Answer {
  const script = join(packageRoot, 'test', 'long', 'open_model.py');
  const env = { ...process.env, HF_HUB_OFFLINE: '1', TOKENIZERS_PARALLELISM: 'false' };
  const { status, stdout, stderr } = spawnSync(python, [script, command, folder], {
    input: JSON.stringify(given),
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    env,
  });
  assert.equal(status, 0, stderr);
  // Of what transformers warns: weights that it made up, token types that a LLaMA has not, padding on the wrong side.
  assert.doesNotMatch(stderr, /newly initialized|not used|token_type_ids|right-padding/);
  return JSON.parse(stdout) as Answer;
}

/** Asserts that Descent reads a folder as transformers does: tokens, end of text, logits. */
async function assertAgreement(folder: string, told: Told): Promise<void> {
  assert.deepEqual([told.missing, told.unexpected, told.mismatched], [[], [], []]);
  assert.deepEqual(told.inputs, ['attention_mask', 'input_ids']);
  const tokenizer = await loadTokenizer(folder);
  assert.deepEqual(
    texts.map((text) => tokenizer.encode(text)),
    told.rows,
  );
  assert.deepEqual(
    texts.map((text) => [...tokenizer.start, ...tokenizer.encode(text)]),
    told.whole,
  );
  assert.deepEqual(
    told.rows.map((row) => tokenizer.decode(row)),
    told.decoded,
  );
  assert.deepEqual([tokenizer.eos, tokenizer.eos], [told.eos, told.generationEos]);
  const { architecture, parameters } = await loadModel(folder);
  for (const [index, row] of told.rows.entries()) {
    const scores = tf.tidy(() =>
      logits(parameters, hiddenStates(architecture, parameters, tf.tensor2d([row], undefined, 'int32'))).dataSync(),
    );
    close(scores, (told.logits[index] as number[][]).flat(), tolerance, `${folder}, text ${index}, logits`);
  }
}

/** The published model of an address. */
async function modelOf(home: string, address: string): Promise<string> {
  const found = (await manifests(home)).find((one) => one.address === address);
  assert.ok(found, `${address} is in ${home}`);
  return join(home, 'store', found.key, `attempt-${found.attempt}`, 'model');
}

describe('transformers', { skip, timeout: 600_000 }, () => {
  it('opens what Descent trained, with equal logits and what generation needs', async (t) => {
    const folder = await temporaryFolder(t);
    const file = join(folder, 'here.yaml');
    await writeFile(
      file,
      `lineage: here
models:
  nano: {layers: 2, hidden: 32, heads: 4, kvHeads: 2, ffn: 48, context: 64, tokenizer: words}
tokenizers:
  words: {bpe: {vocab: 512, data: [web, math/problems], characters: 100K}}
data:
  web: {generator: stories}
  math: {generator: arithmetic}
stages:
  base: {pretrain: {model: nano, data: web, tokens: 20K, batch: 1K}}
  tuned: {sft: {from: base, data: math/problems, examples: 64, batch: 8}}
placement:
  default: {device: cpu}
`,
    );
    const home = join(folder, 'home');
    await runToEnd(t, file, home, 1);
    for (const address of ['base', 'tuned']) {
      const model = await modelOf(home, address);
      const told = ask('open', model, { texts });
      await assertAgreement(model, told);
      assert.deepEqual(told.decoded, texts);
      assert.equal(told.longest, 64);
      assert.deepEqual(told.left, [true, false], 'the shorter text is padded on the left');
      for (const row of told.written) assert.ok(row.length > 0 && row.length <= 8);
    }
    const card = await readFile(join(await modelOf(home, 'tuned'), 'README.md'), 'utf8');
    const { nodes } = validateAncestry(
      JSON.parse(await readFile(join(await modelOf(home, 'tuned'), 'ancestry.json'), 'utf8')),
    );
    assert.deepEqual(
      nodes.map(({ type }) => type),
      ['tokenizer', 'pretrain', 'sft'],
    );
    for (const { address, key } of nodes) {
      assert.ok(card.includes(`**\`${address}\`**`));
      assert.ok(card.includes(key.slice(0, 12)));
      assert.equal((await manifests(home)).find((one) => one.key === key)?.address, address);
    }
  });

  const corpus = Array.from({ length: 40 }, (_, i) => `Tom and Mia has ${i} apples, pears ${i * 7} more of them`);
  const saved = { texts: [...texts, ...corpus], vocab: 384, tied: false, dtype: 'bfloat16', shard: '20KB' };

  it('saves a LLaMA in bfloat16 and several files, which is adopted with equal logits and trained on', async (t) => {
    const folder = await temporaryFolder(t);
    const file = join(folder, 'there.yaml');
    await writeFile(
      file,
      `lineage: there
models:
  nano: {layers: 2, hidden: 32, heads: 4, kvHeads: 2, ffn: 48, context: 64, tokenizer: words}
tokenizers:
  words: {bpe: {vocab: ${saved.vocab}, data: [web]}}
data:
  web: {generator: stories}
  math: {generator: arithmetic}
stages:
  base: {pretrain: {model: nano, data: web, tokens: 20K, batch: 1K}}
  mid: {cpt: {from: base, tokens: 8K, batch: 1K, mix: {math: 1, replay: 25%}}}
evaluate: {each: [base], suites: [heldout], heldoutTokens: 1K}
placement:
  default: {device: cpu}
`,
    );
    const model = join(folder, 'model');
    await mkdir(model);
    ask('save', model, saved);
    const told = ask('open', model, { texts });
    const env = { DESCENT_HOME: join(folder, 'home') };
    const { exitCode, stderr } = await descent(
      ['adopt', 'model', 'there.yaml', '--as', 'base', '--reason', 'saved by transformers'],
      folder,
      { env },
    );
    assert.equal(exitCode, 0, stderr);
    const adopted = await modelOf(env.DESCENT_HOME, 'base');
    await assertAgreement(adopted, told);
    assert.equal(told.eos, 2);

    await runToEnd(t, file, env.DESCENT_HOME, 1);
    const mid = await modelOf(env.DESCENT_HOME, 'mid');
    await assertAgreement(mid, ask('open', mid, { texts }));
    const card = await readFile(join(mid, 'README.md'), 'utf8');
    assert.match(
      card,
      /\*\*`base`\*\*, pretrain, .*\n(?: {3}- .*\n)* {3}- trained elsewhere and adopted: saved by transformers\n/,
    );
  });

  it('saves a LLaMA that a stage adopts from its folder, with equal logits, and opens what was trained on', async (t) => {
    const folder = await temporaryFolder(t);
    const file = join(folder, 'stage.yaml');
    await writeFile(
      file,
      `lineage: stage
data:
  web: {generator: stories}
stages:
  theirs: {adopt: {folder: model}}
  mid: {cpt: {from: theirs, tokens: 8K, batch: 1K, data: web}}
evaluate: {each: [theirs], suites: [heldout], heldoutTokens: 1K}
placement:
  default: {device: cpu}
`,
    );
    const model = join(folder, 'model');
    await mkdir(model);
    ask('save', model, saved);
    const told = ask('open', model, { texts });
    const home = join(folder, 'home');
    await runToEnd(t, file, home, 1);
    await assertAgreement(await modelOf(home, 'theirs'), told);
    const mid = await modelOf(home, 'mid');
    const trained = ask('open', mid, { texts });
    await assertAgreement(mid, trained);
    assert.deepEqual(trained.whole, told.whole, 'texts begin as they did');
    for (const whole of trained.whole) assert.equal(whole[0], 1);
  });

  it('opens a reward model that Descent trained, with equal scores, side by side too', async (t) => {
    const folder = await temporaryFolder(t);
    const architecture = { ...tiny, context: 64 };
    const tokenizer = writeByteTokenizer(join(folder, 'bytes'));
    const named = { tokenizer_class: 'PreTrainedTokenizerFast', eos_token: endOfText, pad_token: endOfText };
    await writeFile(join(tokenizer, 'tokenizer_config.json'), JSON.stringify(named));
    await writeModel(
      join(folder, 'base'),
      { architecture, parameters: initialise(architecture, 1), tokenizer },
      () => {},
    );
    const data = join(folder, 'liked');
    await mkdir(data);
    const pairs = Array.from({ length: 32 }, (_, i) => ({
      ...{ id: `${i}`, prompt: `toss ${i * i}` },
      ...{ chosen: 'it is yes', rejected: `it was ${'no'.repeat(1 + (i % 3))}` },
    }));
    await writeFile(join(data, 'preferences-train.jsonl'), pairs.map((pair) => JSON.stringify(pair)).join('\n'));
    await writeFile(join(data, 'preferences-heldout.jsonl'), '');
    const { type: _, recipe, inputs, ...frame } = sftJob(folder, 'judge', join(folder, 'base', 'model'), 32);
    const { examples, lr, minLr, warmup, schedule, weightDecay, betas, clip } = recipe;
    await runTrainer({
      ...frame,
      type: 'reward',
      recipe: {
        ...{ examples, lr, minLr, warmup, schedule, weightDecay, betas, clip },
        data: { name: 'liked', part: 'preferences', source: { prepared: 'data:liked' } },
        ...{ epochs: 4, batch: 8, centerCoef: 0.01 },
      },
      inputs: { ...inputs, data: { 'data:liked': data } },
    });
    const model = join(folder, 'judge', 'model');
    const told = ask<Judged>('judge', model, {
      pairs: pairs.slice(0, 8).flatMap(({ prompt, chosen, rejected }) => [
        [prompt, chosen],
        [prompt, rejected],
      ]),
    });
    assert.deepEqual([told.missing, told.unexpected, told.mismatched], [[], [], []]);
    const own = await loadTokenizer(model);
    const { parameters, padding } = await loadRewardModel(model);
    const texts = pairs.slice(0, 8).flatMap(({ prompt, chosen, rejected }) =>
      [chosen, rejected].map((text) => {
        const problem = { id: '', prompt, solution: '', answer: '', kind: 'literal' } as const;
        return judgedText({ problem, text, ended: true }, paperTemplate(own).exampleTokens, architecture.context);
      }),
    );
    assert.deepEqual(told.rows, texts);
    const scores = scorer(architecture, parameters, padding)(texts);
    assert.ok(Math.max(...scores) - Math.min(...scores) > 0.5, 'it has learned something');
    close(told.scores, scores, 1e-5, 'scores');
    close(told.together, scores, 1e-5, 'scores side by side');
  });

  for (const dtype of ['float16', 'float32', 'bfloat16']) {
    it(`and Descent agree on a model whose output matrix is its embeddings, in ${dtype}`, async (t) => {
      const folder = await temporaryFolder(t);
      ask('save', folder, { ...saved, tied: true, dtype, shard: '1GB' });
      await assertAgreement(folder, ask('open', folder, { texts }));
    });
  }
});
