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
    assert.deepEqual(await readConfig(folder), { architecture: tiny, tied: false });
  });

  it('of an early LLaMA, without the fields that came later, is read with their defaults', async (t) => {
    const folder = temporaryFolder(t);
    const { rope_theta, num_key_value_heads, head_dim, attention_bias, mlp_bias, ...early } = toConfig(
      { ...tiny, kvHeads: 4 },
      { eos: 0 },
    );
    writeFileSync(join(folder, 'config.json'), JSON.stringify(early));
    assert.deepEqual(await readConfig(folder), { architecture: { ...tiny, kvHeads: 4 }, tied: false });
    assert.deepEqual(
      [rope_theta, num_key_value_heads, head_dim, attention_bias, mlp_bias],
      [10_000, 4, 4, false, false],
    );
  });

  const refused: [string, object, RegExp][] = [
    ['another family', { model_type: 'gpt2' }, /model_type is "gpt2", expected "llama"/],
    [
      'tied embeddings that are no truth',
      { tie_word_embeddings: 'yes' },
      /tie_word_embeddings is "yes", expected true or false/,
    ],
    [
      'scaled rotary embeddings',
      { rope_scaling: { type: 'linear' } },
      /rope_scaling is {"type":"linear"}, expected null/,
    ],
    ['no layers', { num_hidden_layers: 0 }, /num_hidden_layers is 0, expected a number above 0/],
    ['a missing size', { hidden_size: undefined }, /hidden_size is undefined, expected a number above 0/],
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
