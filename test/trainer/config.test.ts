import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { readConfig, toConfig } from '../../trainer/config.ts';
import { temporaryFolder, tiny } from './support.ts';

describe('config.json', () => {
  it('has what LlamaForCausalLM needs to compute the same as this trainer', () => {
    assert.deepEqual(toConfig(tiny, { eos: 0 }), {
      architectures: ['LlamaForCausalLM'],
      model_type: 'llama',
      vocab_size: 257,
      hidden_size: 16,
      intermediate_size: 24,
      num_hidden_layers: 2,
      num_attention_heads: 4,
      num_key_value_heads: 2,
      head_dim: 4,
      max_position_embeddings: 32,
      rope_theta: 10_000,
      rope_scaling: null,
      rms_norm_eps: 1e-5,
      hidden_act: 'silu',
      attention_bias: false,
      attention_dropout: 0,
      mlp_bias: false,
      tie_word_embeddings: false,
      initializer_range: Math.sqrt(2 / 80),
      bos_token_id: null,
      eos_token_id: 0,
      pad_token_id: 0,
      torch_dtype: 'float32',
      use_cache: true,
    });
  });

  it('gives the architecture back', async (t) => {
    const folder = temporaryFolder(t);
    writeFileSync(join(folder, 'config.json'), JSON.stringify(toConfig(tiny, { eos: 0 })));
    assert.deepEqual(await readConfig(folder), { architecture: tiny, head: 'language', tied: false, padding: 0 });
  });

  it('of an early LLaMA, without the fields that came later, is read with their defaults', async (t) => {
    const folder = temporaryFolder(t);
    const { rope_theta, num_key_value_heads, head_dim, attention_bias, mlp_bias, ...early } = toConfig(
      { ...tiny, kvHeads: 4 },
      { eos: 0 },
    );
    writeFileSync(join(folder, 'config.json'), JSON.stringify(early));
    assert.deepEqual(await readConfig(folder), {
      architecture: { ...tiny, kvHeads: 4 },
      head: 'language',
      tied: false,
      padding: 0,
    });
    assert.deepEqual(
      [rope_theta, num_key_value_heads, head_dim, attention_bias, mlp_bias],
      [10_000, 4, 4, false, false],
    );
  });

  it('is read with rotary embeddings as later versions of transformers write them', async (t) => {
    const folder = temporaryFolder(t);
    const { rope_theta: _, ...config } = toConfig(tiny, { eos: 0 });
    const later = {
      ...config,
      rope_scaling: { rope_type: 'default' },
      rope_parameters: { rope_type: 'default', rope_theta: 5e5 },
    };
    writeFileSync(join(folder, 'config.json'), JSON.stringify(later));
    assert.equal((await readConfig(folder)).architecture.ropeTheta, 5e5);
  });

  const refused: [string, object, RegExp][] = [
    [
      'another family, of which nothing else is said',
      { model_type: 'gpt2', hidden_size: undefined, num_hidden_layers: undefined },
      /: model_type is "gpt2", expected "llama"\.$/,
    ],
    [
      'tied embeddings that are no truth',
      { tie_word_embeddings: 'yes' },
      /tie_word_embeddings is "yes", expected true or false/,
    ],
    [
      'scaled rotary embeddings',
      { rope_scaling: { type: 'linear' } },
      /rope_scaling.type is "linear", expected "default"/,
    ],
    ['scaling that is no object', { rope_parameters: 'yarn' }, /rope_parameters is "yarn", expected an object/],
    ['a scale', { rope_scaling: { rope_type: 'default', factor: 2 } }, /rope_scaling.factor is 2, expected nothing/],
    ['heads that turn in part', { partial_rotary_factor: 0.5 }, /partial_rotary_factor is 0.5, expected 1/],
    [
      'two bases',
      { rope_theta: 1e4, rope_parameters: { rope_theta: 5e5 } },
      /rope_theta is 10000, and rope_parameters.rope_theta 500000/,
    ],
    ['no layers', { num_hidden_layers: 0 }, /num_hidden_layers is 0, expected a whole number from 1 to 10000/],
    ['more layers than there can be', { num_hidden_layers: 1e12 }, /num_hidden_layers is 1000000000000, expected/],
    ['half a head', { num_attention_heads: 0.5 }, /num_attention_heads is 0.5, expected a whole number/],
    ['a missing size', { hidden_size: undefined }, /hidden_size is undefined, expected a whole number/],
    ['a base that is none', { rope_theta: 0 }, /rope_theta is 0, expected a number above 0/],
    [
      'heads of odd size',
      { num_attention_heads: 16, num_key_value_heads: 16 },
      /16 heads do not divide a hidden size of 16 into even parts/,
    ],
    ['heads that cannot be grouped', { num_key_value_heads: 3 }, /4 heads cannot share 3 key and value heads evenly/],
    ['heads of another size', { head_dim: 8 }, /head_dim is 8, expected 4/],
  ];
  for (const [what, fields, message] of refused) {
    it(`is refused for ${what}`, async (t) => {
      const folder = temporaryFolder(t);
      writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...toConfig(tiny, { eos: 0 }), ...fields }));
      await assert.rejects(readConfig(folder), { kind: 'bad-data', message });
    });
  }

  it('is refused when it is not there', async (t) => {
    await assert.rejects(readConfig(temporaryFolder(t)), {
      kind: 'bad-data',
      message: /config\.json is no model that can be trained: ENOENT/,
    });
  });
});
