import { existsSync } from 'node:fs';
import { open, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TrainedOn } from '../schemas/types/event.ts';
import type { CptRecipe, PretrainRecipe } from '../schemas/types/job.ts';
import { mixText, type Tally } from '../trainer/data/mixture.ts';
import type { DataFolders } from '../trainer/data/sources.ts';
import { trainedOnText } from '../trainer/data/trained-on.ts';
import type { Tokenizer } from '../trainer/tokenizer/load.ts';

/** Text as rows of tokens in a file, in the order of training. */
export interface Rows {
  path: string;
  /** Two where the vocabulary allows, else four; little end first. */
  bytesAToken: 2 | 4;
  tally: Tally;
  /** What each step learned from, from the one after `step` on. */
  trainedOn(step: number): AsyncGenerator<TrainedOn, void>;
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
        await lines.writeFile(`${JSON.stringify(trainedOnText(sequences))}\n`);
      }
      await rows.sync();
      await lines.sync();
    } finally {
      await rows.close();
      await lines.close();
    }
    await writeFile(`${tallied}.tmp`, JSON.stringify(text.tally()));
    await rename(`${tallied}.tmp`, tallied);
  }
  const tally = JSON.parse(await readFile(tallied, 'utf8')) as Tally;
  return { path, bytesAToken, tally, trainedOn: (step) => linesFrom(learned, step) };
}

async function* linesFrom(path: string, first: number): AsyncGenerator<TrainedOn, void> {
  const file = await open(path);
  try {
    let number = 0;
    for await (const line of file.readLines({ autoClose: false })) if (number++ >= first) yield JSON.parse(line);
  } finally {
    await file.close();
  }
}
