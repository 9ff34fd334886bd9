import { chatTemplate } from '../data/template.ts';
import { endOfText } from './format.ts';

/**
 * The content of tokenizer_config.json beside a tokenizer.json: with it transformers loads the tokenizer of a
 * LlamaForCausalLM as it is (no BOS, no EOS added, nothing cleaned up) and applies the template that SFT taught.
 */
export function tokenizerConfig(context: number): Record<string, unknown> {
  return {
    tokenizer_class: 'PreTrainedTokenizerFast',
    model_max_length: context,
    bos_token: null,
    eos_token: endOfText,
    pad_token: endOfText,
    unk_token: null,
    add_bos_token: false,
    add_eos_token: false,
    clean_up_tokenization_spaces: false,
    chat_template: chatTemplate,
  };
}
