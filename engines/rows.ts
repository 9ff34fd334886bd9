import { existsSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CptRecipe, PretrainRecipe } from '../schemas/types/job.ts';
import { mixText, type Tally } from '../trainer/data/mixture.ts';
import type { DataFolders } from '../trainer/data/sources.ts';
import { trainedOnText } from '../trainer/data/trained-on.ts';
import { writeWhole } from '../trainer/folders.ts';
import type { Tokenizer } from '../trainer/tokenizer/load.ts';
import { lineOf } from './learned.ts';

/** Text as rows of tokens in a file, in the order of training. */
export interface Rows {
  path: string;
  /** Two where the vocabulary allows, else four; little end first. */
  bytesAToken: 2 | 4;
  tally: Tally;
  /** The file that says of each step what it learns from (`learned.ts`). */
  learned: string;
}

export interface Text {
  recipe: Pick<PretrainRecipe | CptRecipe, 'mix' | 'steps' | 'batchSequences'>;
  tokenizer: Tokenizer;
  context: number;
  seed: number;
  data: DataFolders;
}

/**
 * Writes the mixture of a recipe into a folder, a row of `context + 1` tokens a sequence: exactly what the built-in trainer reads,
 * in its order (`mixText`), so the shares of a mix are exact with every engine. What is there already is kept.
 *
 * @throws TrainerFailure as `mixText`.
 */
export async function writeRows(folder: string, { recipe, tokenizer, context, seed, data }: Text): Promise<Rows> {
  const { mix, steps, batchSequences } = recipe;
  const bytesAToken = tokenizer.vocab <= 0x10000 ? 2 : 4;
  const [path, learned, tallied] = ['rows.bin', 'learned.jsonl', 'tally.json'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  if (!existsSync(tallied)) {
    const text = mixText(mix, tokenizer, context, seed, data);
    const [rows, lines] = [await open(path, 'w'), await open(learned, 'w')];
    try {
      for (let step = 0; step < steps; step++) {
        const sequences = text.take(batchSequences);
        const bytes = Buffer.alloc(sequences.length * (context + 1) * bytesAToken);
        let at = 0;
        for (const { tokens } of sequences)
          for (const id of tokens) at = bytesAToken === 2 ? bytes.writeUInt16LE(id, at) : bytes.writeUInt32LE(id, at);
        await rows.writeFile(bytes);
        const tokens = (step + 1) * batchSequences * context;
        await lines.writeFile(lineOf({ tokens, data: trainedOnText(sequences) }));
      }
      await rows.sync();
      await lines.sync();
    } finally {
      await rows.close();
      await lines.close();
    }
    // The last: what is there then is all there.
    await writeWhole(tallied, JSON.stringify(text.tally()));
  }
  const tally = JSON.parse(await readFile(tallied, 'utf8')) as Tally;
  return { path, bytesAToken, tally, learned };
}
