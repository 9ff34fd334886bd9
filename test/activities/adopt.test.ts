import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { MockActivityEnvironment } from '@temporalio/testing';
import { adoptCheckpoint } from '../../activities/adopt.ts';
import { executeActivity } from '../../activities/execute.ts';
import { NodeError } from '../../activities/failures.ts';
import { HubError } from '../../hub/errors.ts';
import type { FindConfig } from '../../planner/checkpoints.ts';
import { formatDiagnostics } from '../../planner/diagnostic.ts';
import { planLineage } from '../../planner/expand.ts';
import { loadLineage } from '../../planner/load.ts';
import type { Plan, PlanNode } from '../../planner/plan.ts';
import { storedShapes } from '../../schemas/llama.ts';
import { validateAncestry } from '../../schemas/validate.ts';
import { findArtifact, inspectNode } from '../../store/artifact.ts';
import { type Attempt, beginAttempt } from '../../store/attempt.ts';
import { FencedError } from '../../store/errors.ts';
import { hiddenStates, logits } from '../../trainer/model.ts';
import { countParameters, loadModel, loadRewardModel } from '../../trainer/parameters.ts';
import { readSafetensors } from '../../trainer/safetensors.ts';
import { tf } from '../../trainer/tf.ts';
import { loadTokenizer } from '../../trainer/tokenizer/load.ts';
import { bytesShape, checkpoint, type Saved, valueAt } from '../fixtures/checkpoint.ts';
import { gate, type TestHub, testHub } from '../fixtures/hub.ts';
import { temporaryFolder } from '../trainer/support.ts';

type AdoptNode = Extract<PlanNode, { type: 'adopt' }>;

const revision = 'c0ffee'.padEnd(40, '0');

/** The node of a lineage that adopts something, planned. */
async function planned(folder: string, adopt: string, findConfig?: FindConfig): Promise<AdoptNode> {
  const file = join(folder, 'lineage.yaml');
  writeFileSync(file, `lineage: foreign\ndata: {web: {generator: stories}}\nstages:\n  theirs: {adopt: ${adopt}}\n`);
  const loaded = await loadLineage(file);
  const made = loaded.ok ? await planLineage(loaded.lineage, findConfig && { findConfig }) : loaded;
  if (!made.ok) throw new Error(formatDiagnostics(made.diagnostics, made.text, { colour: false }));
  return made.plan.nodes.find(({ type }) => type === 'adopt') as AdoptNode;
}

/** Begins the node's attempt, or goes on with it: takes its lease. */
async function begin(folder: string, node: AdoptNode): Promise<Attempt> {
  const begun = await beginAttempt(join(folder, 'home'), node);
  if (begun.state !== 'begun') throw new Error('it is published');
  return begun.attempt;
}

/** Begins, and adopts. */
async function adopted(folder: string, node: AdoptNode, env: NodeJS.ProcessEnv = {}) {
  const attempt = await begin(folder, node);
  const told: number[][] = [];
  const options = { env, signal: new AbortController().signal, onProgress: (...of: number[]) => told.push(of) };
  const made = await adoptCheckpoint(node, attempt, options);
  return { ...made, told, model: join(attempt.folder, 'model') };
}

/** A repository on a Hub of the test's own, and the node that adopts it. */
async function onHub(
  t: TestContext,
  saved: Saved = {},
  more = '',
): Promise<{ folder: string; hub: TestHub; node: AdoptNode; env: NodeJS.ProcessEnv; files: Record<string, Buffer> }> {
  const folder = temporaryFolder(t);
  const files = checkpoint(bytesShape, saved);
  const hub = await testHub(t, { hub: 'some/model', revision, files });
  const env = { HF_ENDPOINT: hub.endpoint, HF_HOME: join(folder, 'hf'), HF_TOKEN: 'hf_secret' };
  const config = JSON.parse(String(files['config.json']));
  const node = await planned(folder, `{hub: some/model, revision: "${revision}"${more}}`, async () => ({
    ok: true,
    config,
  }));
  return { folder, hub, node, env, files };
}

describe('a checkpoint in a folder', () => {
  it('is adopted with the logits that transformers computes', async (t) => {
    const folder = temporaryFolder(t);
    const reference = fileURLToPath(new URL('../../../test/trainer/reference/gqa/', import.meta.url));
    const theirs = join(folder, 'theirs');
    mkdirSync(theirs);
    for (const name of ['config.json', 'model.safetensors'])
      writeFileSync(join(theirs, name), readFileSync(join(reference, name)));
    const vocab = Object.fromEntries(['<|endoftext|>', ...'abcdefghijklmnop'].map((token, id) => [token, id]));
    const special = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
    const tokenizer = {
      ...{ version: '1.0', truncation: null, padding: null, normalizer: null, post_processor: null, decoder: null },
      added_tokens: [{ id: 0, content: '<|endoftext|>', ...special }],
      ...{ pre_tokenizer: null, model: { type: 'BPE', vocab, merges: [] } },
    };
    writeFileSync(join(theirs, 'tokenizer.json'), JSON.stringify(tokenizer));
    writeFileSync(join(theirs, 'tokenizer_config.json'), '{}');

    const node = await planned(folder, '{folder: theirs}');
    const { model, adopted: provenance, done } = await adopted(folder, node);
    assert.deepEqual(provenance, { from: theirs });
    const { architecture, parameters } = await loadModel(model);
    assert.deepEqual(architecture, node.architecture);
    assert.equal(
      done.facts.parameters,
      Object.values(parameters).reduce((sum, { size }) => sum + size, 0),
    );
    const { text } = JSON.parse(readFileSync(join(reference, 'expected.json'), 'utf8'));
    const tokens = text.tokens as number[][];
    const found = tf.tidy(() =>
      logits(parameters, hiddenStates(architecture, parameters, tf.tensor2d(tokens, undefined, 'int32'))).dataSync(),
    );
    const wanted = (await readSafetensors(join(reference, 'expected.safetensors'))).tensors['logits.text']?.values;
    assert.equal(found.length, wanted?.length);
    const largest = Math.max(...(wanted as Float32Array).map(Math.abs));
    // The tolerance of test/trainer/reference.test.ts.
    for (const [at, value] of (wanted as Float32Array).entries())
      assert.ok(Math.abs((found[at] as number) - value) <= 2e-5 * largest, `logit ${at}`);
  });

  it('is another node when its content is, and must still be what was planned', async (t) => {
    const folder = temporaryFolder(t);
    const write = (files: Record<string, Buffer>) => {
      mkdirSync(join(folder, 'theirs'), { recursive: true });
      for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, 'theirs', name), content);
    };
    write(checkpoint(bytesShape));
    const node = await planned(folder, '{folder: theirs}');
    write({ 'README.md': Buffer.from('# Another card\n') });
    assert.equal((await planned(folder, '{folder: ./theirs}')).key, node.key, 'neither its card nor its place counts');
    write(checkpoint(bytesShape, { generation: { eos_token_id: 0 } }));
    assert.notEqual((await planned(folder, '{folder: theirs}')).key, node.key);
    await assert.rejects(adopted(folder, node), (error) => {
      assert.ok(error instanceof NodeError);
      assert.equal(error.kind, 'bad-data');
      assert.match(error.message, /generation_config\.json has changed since the lineage was planned/);
      return true;
    });
  });

  it('has the licence that its card names, and none where the card is not what it should be', async (t) => {
    const folder = temporaryFolder(t);
    const theirs = join(folder, 'theirs');
    mkdirSync(theirs);
    for (const [name, content] of Object.entries(checkpoint(bytesShape))) writeFileSync(join(theirs, name), content);
    const long = `tags: [${'word, '.repeat(20_000)}]\n`;
    for (const [matter, licence] of [
      ['license: mit', 'mit'],
      ['license: other\nlicense_name: their-own', 'their-own'],
      ['license: *x', undefined],
      ['license: [mit, apache-2.0]', undefined],
      ['license: mit\ntags: [a, *b*]', 'mit'],
      ['license: mit\n\t- : }{', 'mit'],
      ['- license', undefined],
      [`${long}license: mit`, undefined],
    ] as const) {
      writeFileSync(join(theirs, 'README.md'), `---\n${matter}\n---\n# A model\n`);
      const node = await planned(folder, '{folder: theirs}');
      const { adopted: provenance } = await adopted(folder, node);
      assert.equal(provenance.licence, licence, matter.slice(0, 40));
    }
  });
});

describe('a repository on the Hub', () => {
  for (const saved of [
    {},
    { dtype: 'BF16', files: 3 },
    { dtype: 'F16', tied: true },
    { dtype: 'F32', files: 2, tied: true },
  ] satisfies Saved[]) {
    it(`is adopted as it is: ${JSON.stringify(saved)}`, async (t) => {
      const { folder, node, env, files } = await onHub(t, saved);
      const { model, adopted: provenance, told } = await adopted(folder, node, env);
      const { 'training_args.bin': _, ...taken } = files;
      assert.deepEqual((await readdir(model)).sort(), [...Object.keys(taken), 'ancestry.json'].sort());
      for (const [name, content] of Object.entries(taken))
        assert.ok(content.equals(await readFile(join(model, name))), name);
      assert.deepEqual(provenance, { from: `hf:some/model@${revision}`, licence: 'apache-2.0' });
      const all = Object.values(taken).reduce((sum, { length }) => sum + length, 0);
      assert.deepEqual(told.at(-1), [all, all]);

      const { parameters } = await loadModel(model);
      for (const name of Object.keys(storedShapes(bytesShape, saved.tied ?? false)))
        assert.deepEqual(
          parameters[name]?.dataSync(),
          Float32Array.from({ length: parameters[name]?.size as number }, (_value, at) => valueAt(name, at)),
          name,
        );
      if (saved.tied)
        assert.deepEqual(parameters['lm_head.weight']?.dataSync(), parameters['model.embed_tokens.weight']?.dataSync());
      const tokenizer = await loadTokenizer(model);
      assert.deepEqual([tokenizer.start, tokenizer.eos, tokenizer.ends], [[257], 0, [0, 11]]);
      const { nodes } = validateAncestry(JSON.parse(await readFile(join(model, 'ancestry.json'), 'utf8')));
      assert.deepEqual(nodes, [
        {
          ...{ type: 'adopt', address: 'theirs', key: node.key, parents: {} },
          recipe: { hub: 'some/model', revision, licence: 'apache-2.0' },
          adopted: `hf:some/model@${revision}`,
        },
      ]);
    });
  }

  it('gets a shorter context where the lineage gives it one, and is else the same', async (t) => {
    const { folder, node, env, files } = await onHub(t, {}, ', context: 32');
    assert.equal(node.architecture?.context, 32);
    const { model } = await adopted(folder, node, env);
    assert.equal((await loadModel(model)).architecture.context, 32);
    const config = JSON.parse(await readFile(join(model, 'config.json'), 'utf8'));
    assert.deepEqual(config, { ...JSON.parse(String(files['config.json'])), max_position_embeddings: 32 });
  });

  it('comes in parts: what an execution got, the next one keeps', async (t) => {
    const { folder, hub, node, env } = await onHub(t, { files: 2 });
    hub.conduct.spoiled = ['model-00002-of-00002.safetensors'];
    await assert.rejects(adopted(folder, node, env), (error) => {
      assert.ok(error instanceof HubError);
      assert.equal(error.kind, 'bad-download');
      assert.match(error.message, /model-00002-of-00002\.safetensors of some\/model is not what the Hub says/);
      return true;
    });
    assert.equal(
      existsSync(join(folder, 'home', 'store', node.key, 'attempt-1', 'model')),
      false,
      'whole or not at all',
    );
    hub.conduct = {};
    hub.seenByStorage.length = 0;
    const { model } = await adopted(folder, node, env);
    assert.deepEqual(
      hub.seenByStorage.filter(({ path }) => path.startsWith('/model-')).map(({ path }) => path.split('?')[0]),
      ['/model-00002-of-00002.safetensors'],
    );
    await loadModel(model);
  });

  it('is left alone by an execution that wakes when another has taken over, which goes on with what came', async (t) => {
    const { folder, hub, node, env, files } = await onHub(t);
    const waking = gate();
    hub.conduct.halfUntil = waking.opened;
    const [attempt, signal] = [await begin(folder, node), new AbortController().signal];
    const half = gate();
    const weights = (files['model.safetensors'] as Buffer).length;
    const late = adoptCheckpoint(node, attempt, {
      ...{ env, signal },
      onProgress: (there) => there > weights / 2 && half.open(),
    });
    const fencing = assert.rejects(late, FencedError);
    await half.opened;
    hub.conduct = {};
    const { model } = await adopted(folder, node, env);
    const ranges = hub.seenByStorage
      .filter(({ path }) => path.startsWith('/model'))
      .map(({ headers }) => headers.range);
    assert.deepEqual(ranges, [undefined, `bytes=${Math.floor(weights / 2)}-`]);
    const before = await readdir(model);
    waking.open();
    await fencing;
    assert.deepEqual(await readdir(model), before);
    assert.ok((await readFile(join(model, 'model.safetensors'))).equals(files['model.safetensors'] as Buffer));
    assert.deepEqual(
      (await readdir(attempt.folder)).filter((name) => name !== 'claims'),
      ['lease.json', 'model'],
    );
  });

  it('does not replace the model of another that took over while it looked through its own', async (t) => {
    const { folder, node, env } = await onHub(t);
    const attempt = await begin(folder, node);
    const theirs = join(attempt.folder, 'model', 'theirs');
    const takeOver = (): void => {
      writeFileSync(attempt.leasePath, JSON.stringify({ token: 'another' }));
      mkdirSync(theirs, { recursive: true });
    };
    const options = {
      env,
      signal: new AbortController().signal,
      onProgress: (there: number, all: number) => there === all && takeOver(),
    };
    await assert.rejects(adoptCheckpoint(node, attempt, options), FencedError);
    assert.ok(existsSync(theirs));
  });

  for (const [what, config, said] of [
    [
      'scaled rotary embeddings',
      { rope_scaling: { rope_type: 'llama3', factor: 8 } },
      /rope_scaling\.rope_type is "llama3", expected "default"/,
    ],
    ['biases in attention', { attention_bias: true }, /attention_bias is true, expected false/],
    ['heads of another size', { head_dim: 32 }, /head_dim is 32, expected 8/],
    ['another architecture', { model_type: 'gpt2' }, /model_type is "gpt2", expected "llama"/],
    ['quantized weights', { quantization_config: { bits: 4 } }, /quantization_config is \{"bits":4\}/],
  ] as const) {
    it(`is refused by its plan with ${what}, naming the field`, async (t) => {
      await assert.rejects(onHub(t, { config }), (error: Error) => {
        assert.match(
          error.message,
          /lineage\.yaml:4:\d+: error\[bad-files\]: some\/model at c0ffee000000 is another kind/,
        );
        assert.match(error.message, said);
        return true;
      });
    });
  }

  it('may be a reward model, with one label', async (t) => {
    const { folder, node, env, files } = await onHub(t, { head: 'score' });
    const { model, done } = await adopted(folder, node, env);
    const { architecture, parameters, padding } = await loadRewardModel(model);
    assert.deepEqual([architecture, padding], [bytesShape, 1]);
    assert.equal(done.facts.parameters, countParameters(parameters));
    assert.ok(files['config.json']?.includes('LlamaForSequenceClassification'));
    await assert.rejects(loadModel(model), /is a reward model .*, and a language model \(LlamaForCausalLM\) is needed/);
    const config = { id2label: { 0: 'bad', 1: 'good' } };
    await assert.rejects(
      onHub(t, { head: 'score', config }),
      /id2label has 2 labels, expected 1: a reward model gives one score/,
    );
  });

  it('is refused where its config.json is not the one that was planned with', async (t) => {
    const { folder, node, env } = await onHub(t);
    const other = { ...node, architecture: { ...bytesShape, ffn: 64 } };
    await assert.rejects(
      adopted(folder, other, env),
      /config\.json has ffn 32 \(intermediate_size\), and theirs has 64/,
    );
  });

  it('is refused where it has no safetensors', async (t) => {
    const folder = temporaryFolder(t);
    const { 'model.safetensors': weights, ...others } = checkpoint(bytesShape);
    const files = { ...others, 'pytorch_model.bin': weights as Buffer };
    const hub = await testHub(t, { hub: 'some/model', revision, files });
    const config = JSON.parse(String(others['config.json']));
    const adopt = `{hub: some/model, revision: "${revision}"}`;
    const node = await planned(folder, adopt, async () => ({ ok: true, config }));
    await assert.rejects(
      adopted(folder, node, { HF_ENDPOINT: hub.endpoint, HF_HOME: join(folder, 'hf') }),
      /some\/model cannot be adopted: model\.safetensors is missing; weights are read from safetensors files alone/,
    );
  });
});

describe('executing a node that adopts', () => {
  it('fails as what went wrong does, remembers why, and publishes with where the model is from', async (t) => {
    const { folder, hub, node, env } = await onHub(t);
    const home = join(folder, 'home');
    const activity = executeActivity({
      ...{ home, trainer: [], engines: [], devices: {}, stopSeconds: 1, env },
      plans: { plan: async () => ({ nodes: [node] }) as unknown as Plan, node: async () => node },
      start: () => assert.fail('no trainer is started'),
    });
    const run = () => new MockActivityEnvironment().run(activity, { planDigest: '', index: 0, device: 'cpu' });
    const refused = (type: string, nonRetryable: boolean, message: RegExp) => ({ type, nonRetryable, message });

    hub.conduct = { status: 503 };
    const busy = /^theirs: the files of some\/model: http\S+ answered 503; it may do better in a while$/;
    await assert.rejects(run(), refused('no-network', false, busy));
    const state = inspectNode(home, node.key);
    assert.deepEqual(state.state === 'partial' && state.failure?.kind, 'no-network');
    hub.conduct = { status: 403, reason: 'GatedRepo' };
    await assert.rejects(run(), refused('no-access', true, /^theirs: .* is gated: accept its terms at /));

    hub.conduct = {};
    assert.deepEqual(await run(), { attempt: 1 });
    const artifact = await findArtifact(home, node.key);
    const { engine, device, adopted: from } = artifact?.provenance ?? {};
    assert.deepEqual(
      { engine, device, from },
      { engine: 'adopted', device: 'none', from: { from: `hf:some/model@${revision}`, licence: 'apache-2.0' } },
    );
    assert.ok(
      artifact?.files.every(({ path }) => path.startsWith('model/')),
      JSON.stringify(artifact?.files),
    );
  });
});
