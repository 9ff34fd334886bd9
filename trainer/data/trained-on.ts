/** The record of what each step learned from, which its `metrics` event carries. */
import { createHash } from 'node:crypto';
import type { TrainedOn } from '../../schemas/types/event.ts';
import type { MixedSequence } from './mixture.ts';
import type { Pair } from './preferences.ts';

/** What a step on packed text learned from. */
export function trainedOnText(sequences: readonly MixedSequence[]): TrainedOn {
  const documents: NonNullable<TrainedOn['documents']> = {};
  for (const { name, documents: pair } of sequences) {
    documents[name] ??= [];
    documents[name].push(pair);
  }
  return { digest: digestOf(sequences.map(({ tokens }) => tokens)), documents };
}

/** What a step on problems learned from: their ids, and what was made of each in tokens. */
export function trainedOnProblems(
  name: string,
  problems: readonly { id: string; tokens: readonly number[] }[],
): TrainedOn {
  return { digest: digestOf(problems.map(({ tokens }) => tokens)), problems: { [name]: problems.map(({ id }) => id) } };
}

/** What a step on pairs of responses learned from: the id of each pair's problem, and its two texts in tokens. */
export function trainedOnPairs(name: string, pairs: readonly Pair[]): TrainedOn {
  const texts = pairs.flatMap(({ chosen, rejected }) => [chosen, rejected]);
  return {
    digest: digestOf(texts.map(({ prompt, response }) => [...prompt, ...response])),
    problems: { [name]: pairs.map(({ id }) => id) },
  };
}

/** As the schema of events says it. */
function digestOf(sequences: readonly ArrayLike<number>[]): string {
  const hash = createHash('sha256');
  for (const tokens of sequences) {
    const bytes = Buffer.alloc(4 * (tokens.length + 1));
    bytes.writeInt32LE(tokens.length);
    for (let i = 0; i < tokens.length; i++) bytes.writeInt32LE(tokens[i] as number, 4 * (i + 1));
    hash.update(bytes);
  }
  return hash.digest('hex').slice(0, 16);
}
