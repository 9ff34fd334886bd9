import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Ancestry } from '../../schemas/types/ancestry.ts';
import { ancestryFile, ancestryOf } from '../../trainer/ancestry.ts';
import { modelCard } from '../../trainer/card.ts';
import { writeModel } from '../../trainer/checkpoint.ts';
import { initialise } from '../../trainer/init.ts';
import { cptJob, pretrainJob, sftJob, temporaryFolder, tiny, writeByteTokenizer } from './support.ts';

const keyOf = (letter: string) => letter.repeat(64);

/** A folder whose model says that it descends from these. */
function folderOf(root: string, name: string, nodes: Ancestry['nodes']): string {
  const folder = join(root, name);
  mkdirSync(folder);
  writeFileSync(join(folder, ancestryFile), JSON.stringify({ ancestry: 1, nodes }));
  return folder;
}

const tokenizer = { type: 'tokenizer', address: 'tokenizer:words', key: keyOf('a'), parents: {} };
const adopted = {
  type: 'pretrain',
  address: 'base@seed=1',
  key: keyOf('b'),
  parents: { tokenizer: keyOf('a') },
  adopted: 'trained with LitGPT,\nsame recipe',
};

describe('what a model descends from', () => {
  it('is what the folders say that its job starts from, each node once, and itself', async (t) => {
    const root = temporaryFolder(t);
    const parent = folderOf(root, 'parent', [tokenizer, adopted]);
    const trunkNode = { ...adopted, type: 'trunk', key: keyOf('c'), parents: { parent: keyOf('b') } };
    const trunk = folderOf(root, 'trunk', [tokenizer, adopted, trunkNode]);
    const plain = cptJob(root, 'mid', parent, 3);
    const job = { ...plain, key: keyOf('d'), inputs: { ...plain.inputs, trunk: { folder: trunk, steps: 2 } } };
    const at = await ancestryOf(job);
    assert.deepEqual(at({ step: 3, tokens: 384 }), {
      ancestry: 1,
      nodes: [
        tokenizer,
        adopted,
        trunkNode,
        {
          type: 'cpt',
          address: 'mid',
          key: keyOf('d'),
          parents: { parent: keyOf('b'), trunk: keyOf('c') },
          seed: 1,
          recipe: {
            mix: 'web (3 sequences), math (9 sequences)',
            steps: 3,
            batchSequences: 4,
            lr: 3e-3,
            minLr: 3e-4,
            warmup: 0.1,
            schedule: 'cosine',
            weightDecay: 0.1,
            betas: '0.9, 0.95',
            clip: 1,
          },
          steps: 3,
          tokens: 384,
        },
      ],
    });
  });

  it('passes over folders that another program made, and refuses one that is malformed', async (t) => {
    const root = temporaryFolder(t);
    const own = (await ancestryOf(pretrainJob(root, 'base', writeByteTokenizer(join(root, 'bytes')), 2)))({
      step: 0,
      tokens: 0,
    }).nodes;
    assert.deepEqual(
      own.map(({ address, parents }) => [address, parents]),
      [['base', {}]],
    );
    const odd = folderOf(root, 'odd', [{ ...tokenizer, key: 'ab' }]);
    await assert.rejects(ancestryOf(sftJob(root, 'tuned', odd, 8)), {
      kind: 'bad-data',
      message: /odd\/ancestry\.json: not a valid ancestry .*`nodes\.0\.key` must match pattern/,
    });
    writeFileSync(join(odd, ancestryFile), '{');
    await assert.rejects(ancestryOf(sftJob(root, 'tuned', odd, 8)), { kind: 'bad-data' });
  });
});

describe('the card of a model', () => {
  it('tells people the lineage, the recipe in brief and the tokens, and claims no licence', async (t) => {
    const root = temporaryFolder(t);
    const job = {
      ...cptJob(root, 'mid@replay=25%', folderOf(root, 'parent', [tokenizer, adopted]), 3),
      key: keyOf('d'),
    };
    const ancestry = (await ancestryOf(job))({ step: 3, tokens: 12_384 });
    assert.equal(
      modelCard(ancestry, tiny),
      `---
library_name: transformers
pipeline_tag: text-generation
---
# mid@replay=25%

A language model of 12,144 parameters, trained with Descent: a LLaMA-2 shaped decoder of 2 layers, 16 wide, 4 attention heads over 2 of keys and values, 24 wide feed-forward nets, a vocabulary of 257 tokens and a context of 32. Its weights are float32. transformers opens the folder as it is, with AutoModelForCausalLM and AutoTokenizer.

## Lineage

What led to it, the oldest first. \`ancestry.json\` has the whole keys.

1. **\`tokenizer:words\`**, tokenizer, key \`aaaaaaaaaaaa\`
2. **\`base@seed=1\`**, pretrain, key \`bbbbbbbbbbbb\`
   - from: tokenizer \`tokenizer:words\` (\`aaaaaaaaaaaa\`)
   - trained elsewhere and adopted: trained with LitGPT, same recipe
3. **\`mid@replay=25%\`**, cpt, key \`dddddddddddd\`
   - from: parent \`base@seed=1\` (\`bbbbbbbbbbbb\`)
   - trained on: 12,384 tokens in 3 steps
   - recipe: mix web (3 sequences), math (9 sequences); steps 3; batchSequences 4; lr 0.003; minLr 0.0003; warmup 0.1; schedule cosine; weightDecay 0.1; betas 0.9, 0.95; clip 1
   - seed: 1

## Evaluations

None was known when this card was written, with the model's last step. They have keys of their own: \`descent show dddddddddddd\` has them.

## Licence

This card claims none. What may be done with the model depends on the data that it learned from.
`,
    );
  });

  it('lies beside the weights, with what transformers asks of a tokenizer, the same each time', async (t) => {
    const root = temporaryFolder(t);
    const source = writeByteTokenizer(join(root, 'bytes'));
    const ancestry = (await ancestryOf(pretrainJob(root, 'base', source, 2)))({ step: 2, tokens: 256 });
    const model = { architecture: tiny, parameters: initialise(tiny, 1), tokenizer: source, ancestry };
    const texts = async (output: string) => {
      await writeModel(join(root, output), model, () => {});
      return ['README.md', 'ancestry.json', 'config.json', 'tokenizer_config.json'].map((name) =>
        readFileSync(join(root, output, 'model', name), 'utf8'),
      );
    };
    const [card, told, shape, config] = await texts('one');
    assert.deepEqual(await texts('two'), [card, told, shape, config]);
    assert.equal(card, modelCard(ancestry, tiny));
    assert.deepEqual(JSON.parse(told as string), ancestry);
    const { chat_template: template, ...others } = JSON.parse(config as string);
    assert.match(template, /Human: /);
    assert.deepEqual(others, {
      tokenizer_class: 'PreTrainedTokenizerFast',
      model_max_length: 32,
      model_input_names: ['input_ids', 'attention_mask'],
      padding_side: 'left',
    });
  });
});
