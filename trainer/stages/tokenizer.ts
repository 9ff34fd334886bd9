/** The tokenizer of a lineage: learned from its data, or one token a byte. */
import { join } from 'node:path';
import type { TokenizerJob } from '../../schemas/types/job.ts';
import { ancestryFile, ancestryOf } from '../ancestry.ts';
import type { Outcome, TrainerContext } from '../context.ts';
import { tokenizerTexts } from '../data/sources.ts';
import { paperJinja } from '../data/template.ts';
import { writeFolder, writeJson } from '../folders.ts';
import { byteTokenizer } from '../tokenizer/bytes.ts';
import { endOfText, type TokenizerJson } from '../tokenizer/format.ts';
import { trainBpe } from '../tokenizer/train.ts';
import { version } from '../version.ts';

/** Runs a tokenizer job: tokenizer.json and tokenizer_config.json in `output/model`. */
export async function run(job: TokenizerJob, context: TrainerContext): Promise<Outcome> {
  const { recipe, inputs, output } = job;
  context.emit({ event: 'started', resumedFrom: null, steps: 1, device: 'cpu', engine: `descent ${version()}` });
  const tokenizer: TokenizerJson =
    recipe.kind === 'bytes'
      ? byteTokenizer()
      : trainBpe(tokenizerTexts(recipe.data, recipe.characters, inputs.data), recipe.vocab);
  const ancestry = await ancestryOf(job);
  const fill = async (folder: string) => {
    await writeJson(join(folder, 'tokenizer.json'), tokenizer);
    await writeJson(join(folder, 'tokenizer_config.json'), tokenizerConfig);
    await writeJson(join(folder, ancestryFile), ancestry({ step: 1, tokens: 0 }));
  };
  await writeFolder(join(output, 'model'), fill, context.checkLease);
  const facts = { vocab: Object.keys(tokenizer.model.vocab).length, merges: tokenizer.model.merges.length };
  context.emit({ event: 'done', step: 1, tokens: 0, model: 'model', facts });
  return 'done';
}

/** How transformers reads tokenizer.json: one special token, which ends a text and also fills padding. */
const tokenizerConfig = {
  tokenizer_class: 'PreTrainedTokenizerFast',
  bos_token: null,
  eos_token: endOfText,
  pad_token: endOfText,
  unk_token: null,
  add_bos_token: false,
  add_eos_token: false,
  clean_up_tokenization_spaces: false,
  chat_template: paperJinja({ start: [], decode: () => '' }),
};
