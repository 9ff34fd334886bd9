import { deepEqual, equal, match } from 'node:assert/strict';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { claimNode } from '../../activities/claim.ts';
import { parameterShapes } from '../../schemas/llama.ts';
import type { Architecture } from '../../schemas/types/job.ts';
import type { Manifest } from '../../schemas/types/manifest.ts';
import { validateAncestry } from '../../schemas/validate.ts';
import { toConfig } from '../../trainer/config.ts';
import { type Tensors, writeSafetensors } from '../../trainer/safetensors.ts';
import { byteTokenizer } from '../../trainer/tokenizer/bytes.ts';
import { nodeAt, planOf } from '../planner/plans.ts';
import { descent, smallLineage, temporaryFolder, writeLineage } from './support.ts';

/** What `smallLineage` declares as `nano`, with the vocabulary of bytes. */
const nano: Architecture = {
  layers: 1,
  hidden: 16,
  heads: 2,
  kvHeads: 2,
  ffn: 32,
  vocab: 257,
  context: 32,
  ropeTheta: 10_000,
  normEpsilon: 1e-5,
};

/** A folder with a lineage, and in `model/` a model of a shape, as another program might have left it. */
async function prepare(t: TestContext, shape: Architecture = nano): Promise<string> {
  const folder = await temporaryFolder(t);
  await writeLineage(folder);
  const model = join(folder, 'model');
  await mkdir(model);
  await writeFile(join(model, 'config.json'), JSON.stringify(toConfig(shape, { eos: 0 })));
  await writeFile(join(model, 'tokenizer.json'), JSON.stringify(byteTokenizer()));
  await writeFile(join(model, 'tokenizer_config.json'), '{}');
  await writeFile(join(model, 'README.md'), 'A model.\n');
  await writeSafetensors(join(model, 'model.safetensors'), zeros(shape));
  return folder;
}

function zeros(shape: Architecture): Tensors {
  return Object.fromEntries(
    Object.entries(parameterShapes(shape)).map(([name, shape]) => [
      name,
      { shape, values: new Float32Array(shape.reduce((size, length) => size * length, 1)) },
    ]),
  );
}

const adopt = (folder: string, node = 'base@lr=1e-3', reason = 'trained elsewhere with the same recipe') =>
  descent(['adopt', 'model', 'lineage.yaml', '--as', node, '--reason', reason], folder);

test('a model that fits enters the store under the node’s key, and everybody knows of it', async (t) => {
  const folder = await prepare(t);
  const { exitCode, stdout, stderr } = await adopt(folder);
  deepEqual([exitCode, stderr], [0, '']);
  match(stdout, /^adopted base@lr=1e-3 \(\w{12}\) as attempt 1: 5 files, \d+/);
  match(stdout, /its tokenizer could not be compared/);

  const plan = await descent(['plan', 'lineage.yaml'], folder);
  match(plan.stdout, /^reuse {2}base@lr=1e-3 {2,}\w{12} {2}attempt 1, done /m);
  match(plan.stdout, /^run {4}base@lr=3e-3 {2,}/m);

  const show = await descent(['show', 'base@lr=1e-3'], folder);
  match(show.stdout, new RegExp(`adopted from +${join(folder, 'model')}\\n`));
  match(show.stdout, /reason +trained elsewhere with the same recipe\n/);
  const { attempts, key } = JSON.parse((await descent(['show', 'base@lr=1e-3', '--json'], folder)).stdout) as {
    key: string;
    attempts: {
      folder: string;
      provenance: Manifest['provenance'];
      facts: Manifest['facts'];
      files: Manifest['files'];
    }[];
  };
  const tokenizerKey = nodeAt(await planOf(join(folder, 'lineage.yaml')), 'base@lr=1e-3').parents.tokenizer;
  equal(attempts[0]?.provenance.engine, 'adopted');
  equal(attempts[0]?.facts.parameters, 10_832);
  deepEqual(
    attempts[0]?.files.map(({ path }) => path),
    ['ancestry.json', 'config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'].map(
      (name) => `model/${name}`,
    ),
  );
  const query = await descent(['query', 'select key, state, engine from attempts', '--format', 'csv'], folder);
  equal(query.stdout.trim().split('\n').at(-1), `${key},done,adopted`);
  const bytes = (name: string) =>
    Promise.all(
      [join(folder, 'model'), join(attempts[0]?.folder ?? '', 'model')].map((at) => readFile(join(at, name))),
    );
  const [theirs, ours] = await bytes('model.safetensors');
  deepEqual(theirs, ours);
  deepEqual(
    validateAncestry(JSON.parse(await readFile(join(attempts[0]?.folder ?? '', 'model', 'ancestry.json'), 'utf8'))),
    {
      ancestry: 1,
      nodes: [
        {
          type: 'pretrain',
          address: 'base@lr=1e-3',
          key,
          parents: { tokenizer: tokenizerKey },
          adopted: 'trained elsewhere with the same recipe',
        },
      ],
    },
  );

  const again = await adopt(folder);
  equal(again.exitCode, 1);
  match(again.stderr, /^error: base@lr=1e-3 is in the store already: attempt 1, done \d{4}-/);
  // With the first in the store, the second's tokenizer is still of no relative.
  equal((await adopt(folder, 'base@lr=3e-3')).exitCode, 0);
});

test('a hit whose files were deleted or corrupted runs again, with that reason', async (t) => {
  const folder = await prepare(t);
  equal((await adopt(folder)).exitCode, 0);
  const { attempts } = JSON.parse((await descent(['show', 'base@lr=1e-3', '--json'], folder)).stdout) as {
    attempts: { folder: string }[];
  };
  const config = join(attempts[0]?.folder ?? '', 'model', 'config.json');
  const verdict = async () => (await descent(['plan', 'lineage.yaml', '--select', 'base@lr=1e-3'], folder)).stdout;
  const text = await readFile(config, 'utf8');
  await writeFile(config, text.replace('llama', 'lamla'));
  match(await verdict(), /^run {2}base@lr=1e-3 .* attempt 1: model\/config\.json was changed/);
  await rm(config);
  match(await verdict(), /^run {2}base@lr=1e-3 .* attempt 1: model\/config\.json is missing/);
  await writeFile(config, text);
  match(await verdict(), /^reuse {2}base@lr=1e-3 /);
});

test('of a shape, layers and hidden are told first, then the rest in the order of the schema', async (t) => {
  const other = { layers: 2, hidden: 48, heads: 3, kvHeads: 1, ffn: 64, vocab: 300, context: 64 };
  const folder = await prepare(t, { ...nano, ...other, normEpsilon: 1e-6, ropeTheta: 5_000 });
  const { exitCode, stderr } = await adopt(folder);
  equal(exitCode, 3);
  deepEqual(
    [...stderr.matchAll(/- config\.json has (\w+) ([\de.-]+)/g)].map(([, field, value]) => [field, Number(value)]),
    [...Object.entries(other), ['ropeTheta', 5_000], ['normEpsilon', 1e-6]],
  );
});

test('all that does not fit is told at once, and nothing enters the store', async (t) => {
  const folder = await prepare(t, { ...nano, hidden: 32, context: 64 });
  const model = join(folder, 'model');
  await rm(join(model, 'tokenizer_config.json'));
  const { added_tokens: _, ...tokenizer } = byteTokenizer();
  const { '<|endoftext|>': __, ...vocab } = tokenizer.model.vocab;
  await writeFile(
    join(model, 'tokenizer.json'),
    JSON.stringify({ ...tokenizer, model: { ...tokenizer.model, vocab } }),
  );
  const { exitCode, stdout, stderr } = await adopt(folder);
  deepEqual([exitCode, stdout], [3, '']);
  equal(
    stderr,
    `error: model cannot stand for base@lr=1e-3: 10 problems
  - tokenizer_config.json is missing
  - config.json has hidden 32 (hidden_size), and base@lr=1e-3 has 16
  - config.json has context 64 (max_position_embeddings), and base@lr=1e-3 has 32
  - model.embed_tokens.weight has the shape [257,32], and that of base@lr=1e-3 is [257,16]
  - model.layers.0.input_layernorm.weight has the shape [32], and that of base@lr=1e-3 is [16]
  - model.layers.0.self_attn.q_proj.weight has the shape [32,32], and that of base@lr=1e-3 is [16,16]
  - model.layers.0.self_attn.k_proj.weight has the shape [32,32], and that of base@lr=1e-3 is [16,16]
  - model.layers.0.self_attn.v_proj.weight has the shape [32,32], and that of base@lr=1e-3 is [16,16]
  - and 7 more tensors like these
  - nothing says which token ends documents and responses: neither eos_token in tokenizer_config.json nor eos_token_id in generation_config.json, and tokenizer.json has no token <|endoftext|>
`,
  );
  match((await descent(['plan', 'lineage.yaml'], folder)).stdout, /^run {2}base@lr=1e-3 {2,}\w{12} {2}new/m);
});

test('weights that lack tensors, have others, or are of another type', async (t) => {
  const folder = await prepare(t);
  const { 'model.norm.weight': _, ...others } = zeros(nano);
  const path = join(folder, 'model', 'model.safetensors');
  await writeSafetensors(path, { ...others, 'score.weight': { shape: [1], values: new Float32Array(1) } });
  // As wide, and of another type.
  const text = await readFile(path, 'latin1');
  await writeFile(path, text.replace('"lm_head.weight":{"dtype":"F32"', '"lm_head.weight":{"dtype":"I32"'), 'latin1');
  const { exitCode, stderr } = await adopt(folder);
  equal(exitCode, 3);
  match(
    stderr,
    /- its weights lack model\.norm\.weight\n {2}- its weights have score\.weight, which models of this kind do not\n {2}- 1 tensors are of the type I32, and weights are read in F32, BF16 and F16: /,
  );
  await writeFile(path, text.slice(0, -10), 'latin1');
  match(
    (await adopt(folder)).stderr,
    /- model\.safetensors is no usable safetensors file: its tensors take \d+ bytes, and \d+ are there; /,
  );
  await writeFile(
    join(folder, 'model', 'config.json'),
    JSON.stringify({ ...toConfig(nano, { eos: 0 }), model_type: 'gpt2' }),
  );
  match(
    (await adopt(folder)).stderr,
    /config\.json describes another kind of model: model_type is "gpt2", expected "llama"/,
  );
});

test('what is named wrongly is said with what there is', async (t) => {
  const folder = await prepare(t);
  const cases: [Promise<{ exitCode: number | null; stderr: string }>, number, RegExp][] = [
    [adopt(folder, 'base'), 1, /no node base\n.*hint: name one of base@lr=1e-3, base@lr=3e-3/],
    [adopt(folder, 'bsae@lr=1e-3'), 1, /did you mean `base@lr=1e-3`\?/],
    [adopt(folder, 'base@lr=1e-3/heldout'), 1, /base@lr=1e-3\/heldout is no model/],
    [adopt(folder, 'base@lr=1e-3', 'because'), 1, /"because" is no reason/],
    [
      descent(['adopt', 'modle', 'lineage.yaml', '--as', 'base@lr=1e-3', '--reason', 'a b c'], folder),
      1,
      /modle is no folder/,
    ],
    [descent(['adopt', 'model', 'lineage.yaml', '--as', 'base@lr=1e-3'], folder), 1, /required option '--reason/],
  ];
  for (const [outcome, code, said] of cases) {
    const { exitCode, stderr } = await outcome;
    equal(exitCode, code, stderr);
    match(stderr, said);
  }
});

test('a trunk is none: a model has no state of an optimizer to go on from', async (t) => {
  const folder = await prepare(t);
  await writeLineage(folder, smallLineage.replace('tokens: 8K', 'tokens: 8K, batch: 512, schedule: wsd, warmup: 1K'));
  const { exitCode, stderr } = await adopt(folder, 'base@lr=1e-3/trunk');
  equal(exitCode, 1);
  match(stderr, /^error: base@lr=1e-3\/trunk is a trunk: .*state of its optimizer/);
  match(stderr, /hint: models are adopted: base@lr=1e-3, base@lr=3e-3\n/);
  equal((await adopt(folder)).exitCode, 0);
});

const malformed: [what: string, file: string, content: string | Buffer, said: RegExp][] = [
  [
    'a tokenizer that is null',
    'tokenizer.json',
    'null',
    /- tokenizer\.json is no tokenizer: it has no object `model`\n/,
  ],
  ['a tokenizer without vocabulary', 'tokenizer.json', '{"model": {"vocab": 5}}', /its `model\.vocab` is no object of/],
  [
    'a tokenizer with odd tokens',
    'tokenizer.json',
    '{"model": {"vocab": {}}, "added_tokens": [null]}',
    /its `added_tokens` is no list of tokens/,
  ],
  [
    'a tokenizer of another kind',
    'tokenizer.json',
    '{"model": {"type": "Unigram", "vocab": [["<|endoftext|>", 0]]}}',
    /has a list for a vocabulary, as the kind Unigram does: a tokenizer of the kind BPE is expected\n$/,
  ],
  [
    'a tokenizer_config that is cut off',
    'tokenizer_config.json',
    '{"eos_token',
    /- tokenizer_config\.json is not JSON\n/,
  ],
  [
    'an end token that there is not',
    'tokenizer_config.json',
    '{"eos_token": {"content": "</s>"}}',
    /- tokenizer_config\.json has the eos_token \{"content":"<\/s>"\}, and tokenizer\.json no such token\n/,
  ],
  [
    'an end token past the vocabulary',
    'generation_config.json',
    '{"eos_token_id": [257]}',
    /- generation_config\.json has the eos_token_id \[257\], and tokenizer\.json no such id\n/,
  ],
  [
    'a header that is null',
    'model.safetensors',
    safetensors('null'),
    /model\.safetensors is no usable safetensors file: its header is not an object/,
  ],
  [
    'a tensor that is null',
    'model.safetensors',
    safetensors('{"a": null}'),
    /model\.safetensors is no usable safetensors file: a is not described by an object/,
  ],
  [
    'a shape that is none',
    'model.safetensors',
    safetensors('{"a": {"dtype": "F32", "shape": 4, "data_offsets": [0, 0]}}'),
    /is no usable safetensors file: the shape of a is not a list of counts/,
  ],
];
for (const [what, file, content, said] of malformed) {
  test(`${what} is told with its file`, async (t) => {
    const folder = await prepare(t);
    await writeFile(join(folder, 'model', file), content);
    const { exitCode, stderr } = await adopt(folder);
    equal(exitCode, 3, stderr);
    match(stderr, said);
  });
}

test('weights in several files are taken as they are, and what their index says wrongly is told', async (t) => {
  const folder = await prepare(t);
  const model = join(folder, 'model');
  const names = Object.keys(parameterShapes(nano)).sort();
  const of = (chosen: readonly string[]) =>
    Object.fromEntries(chosen.map((name) => [name, zeros(nano)[name] as Tensors[string]]));
  const shards = {
    'model-00001-of-00002.safetensors': names.slice(0, 5),
    'model-00002-of-00002.safetensors': names.slice(5),
  };
  const [first, second] = Object.keys(shards) as [string, string];
  await rm(join(model, 'model.safetensors'));
  match((await adopt(folder)).stderr, /: 1 problem\n {2}- model\.safetensors is missing\n$/);
  const map = Object.fromEntries(Object.entries(shards).flatMap(([file, own]) => own.map((name) => [name, file])));
  const writeIndex = (weight_map: object) =>
    writeFile(
      join(model, 'model.safetensors.index.json'),
      JSON.stringify({ metadata: { total_size: 43_328 }, weight_map }),
    );
  for (const [file, own] of Object.entries(shards)) await writeSafetensors(join(model, file), of(own));

  const name = names[0] as string;
  const cases: [object, RegExp][] = [
    [{ ...map, [name]: '../other.safetensors' }, /which is no name of a safetensors file beside it/],
    [{ ...map, [name]: second }, new RegExp(`${first} has ${name}, and it says that ${second} has it`)],
    [{ ...map, odd: second }, new RegExp(`it has odd in ${second}, which lacks it`)],
    [{ ...map, odd: 'model-00003.safetensors' }, /- model-00003\.safetensors is missing\n/],
    [{}, /its `weight_map` names no tensor/],
  ];
  for (const [weightMap, said] of cases) {
    await writeIndex(weightMap);
    const { exitCode, stderr } = await adopt(folder);
    equal(exitCode, 3);
    match(stderr, said);
  }
  await writeIndex(map);
  const { exitCode, stderr } = await adopt(folder);
  deepEqual([exitCode, stderr], [0, '']);
  const { attempts } = JSON.parse((await descent(['show', 'base@lr=1e-3', '--json'], folder)).stdout) as {
    attempts: { files: Manifest['files'] }[];
  };
  deepEqual(
    attempts[0]?.files.map(({ path }) => path).filter((path) => path.includes('safetensors')),
    [`model/${first}`, `model/${second}`, 'model/model.safetensors.index.json'],
  );
});

test('a model whose output matrix is its embeddings has no output matrix in its file', async (t) => {
  const folder = await prepare(t);
  const model = join(folder, 'model');
  await writeFile(
    join(model, 'config.json'),
    JSON.stringify({ ...toConfig(nano, { eos: 0 }), tie_word_embeddings: true }),
  );
  match((await adopt(folder)).stderr, /- its weights have lm_head\.weight, which models of this kind do not\n/);
  const { 'lm_head.weight': _, ...tied } = zeros(nano);
  await writeSafetensors(join(model, 'model.safetensors'), tied);
  equal((await adopt(folder)).exitCode, 0);
});

/** A safetensors file of a header alone. */
function safetensors(header: string): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, Buffer.from(header)]);
}

test('a node that somebody trains is not adopted, and of two who adopt one does', async (t) => {
  const folder = await prepare(t);
  const home = join(folder, '.descent');
  const node = nodeAt(await planOf(join(folder, 'lineage.yaml')), 'base@lr=1e-3');
  const claim = await claimNode(home, node.key, {
    staleSeconds: 30,
    stopSeconds: 1,
    signal: new AbortController().signal,
    onWait: () => undefined,
  });
  const { exitCode, stderr } = await adopt(folder);
  equal(exitCode, 1);
  match(stderr, /^error: base@lr=1e-3 is being trained or adopted by another process\n/);
  await claim.release();
  const both = await Promise.all([adopt(folder), adopt(folder)]);
  deepEqual(both.map((one) => one.exitCode).sort(), [0, 1]);
  match(both.map((one) => one.stderr).join(''), /is in the store already: attempt 1|by another process/);
  const entries = await readdir(join(home, 'store', node.key), { recursive: true });
  deepEqual(
    entries.filter((name) => /running\.json|\.tmp$|attempt-2$/.test(name)),
    [],
  );
});
