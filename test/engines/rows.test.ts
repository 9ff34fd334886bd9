import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { learnedFrom } from '../../engines/learned.ts';
import { writeRows } from '../../engines/rows.ts';
import { mixText } from '../../trainer/data/mixture.ts';
import { trainedOnText } from '../../trainer/data/trained-on.ts';
import { loadTokenizer } from '../../trainer/tokenizer/load.ts';
import { cptJob, temporaryFolder, tiny, writeByteTokenizer } from '../trainer/support.ts';

test('an engine learns from the rows that the built-in trainer reads, in its order and with exact shares', async (t) => {
  const folder = temporaryFolder(t);
  const tokenizer = await loadTokenizer(writeByteTokenizer(join(folder, 'tokenizer')));
  const { recipe, seed } = cptJob(folder, 'mid', '', 6);
  const text = { recipe, tokenizer, context: tiny.context, seed, data: {} };
  const rows = await writeRows(folder, text);

  const mixed = mixText(recipe.mix, tokenizer, tiny.context, seed, {});
  const steps = Array.from({ length: 6 }, () => mixed.take(recipe.batchSequences));
  assert.equal(rows.bytesAToken, 2);
  const bytes = readFileSync(rows.path);
  const ids = Array.from({ length: bytes.length / 2 }, (_, at) => bytes.readUInt16LE(2 * at));
  assert.deepEqual(
    ids,
    steps.flat().flatMap(({ tokens }) => [...tokens]),
  );
  assert.deepEqual(rows.tally, mixed.tally());

  const learned = [];
  for await (const step of learnedFrom(rows.learned, 2)) learned.push(step);
  const added = recipe.batchSequences * tiny.context;
  assert.deepEqual(
    learned,
    steps.slice(2).map((sequences, at) => ({ tokens: (at + 3) * added, added, data: trainedOnText(sequences) })),
  );

  const { mtimeMs } = statSync(rows.path);
  const again = await writeRows(folder, text);
  assert.equal(statSync(rows.path).mtimeMs, mtimeMs, 'what is there is not written again');
  assert.deepEqual(again.tally, rows.tally);
});
