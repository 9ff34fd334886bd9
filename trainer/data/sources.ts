import { type ChoiceItem, questionOf } from '../../schemas/choices.ts';
import { normalisedPrompt, problemIdLength, promptDigest } from '../../schemas/problem.ts';
import type { Part, Selection, Source } from '../../schemas/types/job.ts';
import { TrainerFailure } from '../failure.ts';
import { generatedDocuments, generatedItems, generatedProblems, type Numbered } from './generators.ts';
import type { Preference } from './preferences.ts';
import {
  preparedDocuments,
  preparedItems,
  preparedPreferences,
  preparedProblems,
  preparedPrompts,
} from './prepared.ts';
import type { Problem, ProblemContent, ProblemSplit } from './problem.ts';
import { promptKey } from './problem-line.ts';
import { promptText, responseText } from './template.ts';

/** Folders of prepared data, by role: `job.inputs.data`. */
export type DataFolders = Readonly<Record<string, string>>;

/** So many problems in a row that are known already: the generator has no more. */
const mostRepeats = 10_000;

/**
 * The documents of a source in their order: without end for a generator, to the end of the file for prepared data.
 * Held-out documents never occur among those of training.
 *
 * @throws TrainerFailure `bad-job` for a source that does not exist, `bad-data` for files that are missing or broken.
 */
export function textDocuments(source: Source, split: 'train' | 'heldout', folders: DataFolders): Iterable<string> {
  return 'prepared' in source
    ? preparedDocuments(folderOf(source.prepared, folders), split)
    : counted(generatedDocuments(source, split));
}

/**
 * The first `count` problems of a split. They differ from each other, from those of the other splits, and from the word
 * problems that are solved in text; by prompt, however it is spaced or capitalised.
 *
 * @throws TrainerFailure `bad-data` when there are fewer, saying how many there are; otherwise as `textDocuments`.
 */
export function problems(source: Source, split: ProblemSplit, count: number, folders: DataFolders): Problem[] {
  return exactly(allProblems(source, split, folders), source, split, count);
}

/** As `problems`, but each prompt once, also of a set that has several responses to it. */
export function distinctPrompts(source: Source, split: ProblemSplit, count: number, folders: DataFolders): Problem[] {
  return exactly(eachPromptOnce(allProblems(source, split, folders)), source, split, count);
}

/**
 * The first `count` pairs of responses to learn from, in the order of the file.
 *
 * @throws TrainerFailure `bad-data` when there are fewer, saying how many there are; `bad-job` for a generator, which has none.
 */
export function preferences(source: Source, count: number, folders: DataFolders): Preference[] {
  const found = firstOf(pairsOf(source, 'train', folders), count);
  if (found.length === count) return found;
  throw new TrainerFailure(
    'bad-data',
    `There are ${found.length} pairs to learn from in ${describe(source)}, ${count} are asked for. ${remedyOf(found.length)}`,
  );
}

/**
 * The held-out pairs, of problems that no pair to learn from is of: the first `count`, or all where there are fewer. There may be
 * none.
 *
 * @throws TrainerFailure as `preferences` does, but for their number.
 */
export function heldoutPreferences(source: Source, count: number, folders: DataFolders): Preference[] {
  return firstOf(pairsOf(source, 'heldout', folders), count);
}

/**
 * The first `count` test problems, or all where there are fewer, as benchmarks have them: figures say of how many they are.
 *
 * @throws TrainerFailure `bad-data` when there is none; otherwise as `textDocuments`.
 */
export function testProblems(source: Source, count: number, folders: DataFolders): Problem[] {
  const found = firstOf(allProblems(source, 'test', folders), count);
  if (found.length > 0) return found;
  throw new TrainerFailure('bad-data', `The test split of ${describe(source)} has no problems. Give it more data.`);
}

/**
 * The first `count` items with choices, or all of a prepared data set that has fewer. Those of a generator are named by their
 * number.
 *
 * @throws TrainerFailure as `textDocuments` does.
 */
export function choiceItems(source: Source, count: number, folders: DataFolders): ChoiceItem[] {
  if ('prepared' in source) return preparedItems(folderOf(source.prepared, folders)).slice(0, count);
  const item = generatedItems(source);
  return Array.from({ length: count }, (_, index) => ({ id: String(index), ...item(index) }));
}

/**
 * The prompts of the first `count` problems of a split, or of all where there are fewer, each once. Prepared files are
 * read as they go.
 *
 * @throws TrainerFailure as `textDocuments` does.
 */
export function* promptsOf(
  source: Source,
  split: ProblemSplit,
  count: number,
  folders: DataFolders,
): Generator<string> {
  if ('prepared' in source) yield* preparedPrompts(folderOf(source.prepared, folders), split, count);
  else for (const { prompt } of taking(distinctProblems(generatedProblems(source, split)), count)) yield prompt;
}

/**
 * The prompts of a selection: of problems and of pairs theirs, of the items of a cloze task its questions. The first so many,
 * or all where there are fewer.
 *
 * @throws TrainerFailure as `textDocuments` does.
 */
export function* selectedPrompts(selection: Selection, folders: DataFolders): Generator<string> {
  const { source, split, problems: count } = selection;
  switch (split) {
    case 'choices':
      for (const item of choiceItems(source, count, folders)) yield questionOf(item);
      break;
    case 'preferences':
      for (const { prompt } of preferences(source, count, folders)) yield prompt;
      break;
    default:
      yield* promptsOf(source, split, count, folders);
  }
}

/**
 * Texts for a tokenizer to learn from: about `characters` of them, in equal parts from each data set. Problems of the
 * SFT split appear as they do in training, template included, so that its words become tokens too.
 *
 * @throws TrainerFailure as `textDocuments` does.
 */
export function* tokenizerTexts(parts: readonly Part[], characters: number, folders: DataFolders): Generator<string> {
  for (const part of parts) {
    let left = characters / parts.length;
    for (const text of textsOf(part, folders)) {
      yield text;
      left -= text.length;
      if (left <= 0) break;
    }
  }
}

/** Numbered problems in order, each prompt once. Ends after 10,000 in a row that bring nothing new. */
export function* distinctProblems(item: Numbered<ProblemContent>): Generator<Problem> {
  const known = new Set<string>();
  for (let index = 0, repeats = 0; repeats < mostRepeats; index++) {
    const problem = item(index);
    const prompt = normalisedPrompt(problem.prompt);
    if (known.has(prompt)) {
      repeats++;
      continue;
    }
    repeats = 0;
    known.add(prompt);
    yield { id: promptDigest(problem.prompt).slice(0, problemIdLength), ...problem };
  }
}

function* textsOf(part: Part, folders: DataFolders): Generator<string> {
  if (part.part === 'text') yield* textDocuments(part.source, 'train', folders);
  else
    for (const problem of allProblems(part.source, 'sft', folders)) yield promptText(problem) + responseText(problem);
}

function allProblems(source: Source, split: ProblemSplit, folders: DataFolders): Iterable<Problem> {
  return 'prepared' in source
    ? preparedProblems(folderOf(source.prepared, folders), split, source.grading)
    : distinctProblems(generatedProblems(source, split));
}

function exactly(all: Iterable<Problem>, source: Source, split: ProblemSplit, count: number): Problem[] {
  const found = firstOf(all, count);
  if (found.length === count) return found;
  throw new TrainerFailure(
    'bad-data',
    `The ${split} split of ${describe(source)} has ${found.length} problems, ${count} are asked for. ${remedyOf(found.length)}`,
  );
}

function remedyOf(found: number): string {
  return found === 0 ? 'Give it more data.' : `Ask for at most ${found}, or give it more data.`;
}

function* eachPromptOnce(all: Iterable<Problem>): Generator<Problem> {
  const known = new Set<string>();
  for (const problem of all) {
    const key = promptKey(problem.prompt);
    if (known.has(key)) continue;
    known.add(key);
    yield problem;
  }
}

function pairsOf(source: Source, split: 'train' | 'heldout', folders: DataFolders): Iterable<Preference> {
  if ('prepared' in source) return preparedPreferences(folderOf(source.prepared, folders), split);
  throw new TrainerFailure('bad-job', `There are no pairs of a chosen and a rejected response in ${describe(source)}.`);
}

function firstOf<T>(items: Iterable<T>, count: number): T[] {
  return [...taking(items, count)];
}

function* taking<T>(items: Iterable<T>, count: number): Generator<T> {
  let left = count;
  if (left === 0) return;
  for (const item of items) {
    yield item;
    left -= 1;
    if (left === 0) return;
  }
}

function* counted<T>(item: Numbered<T>): Generator<T> {
  for (let index = 0; ; index++) yield item(index);
}

/** The folder that a job has for a role. Throws a `bad-job` TrainerFailure where it has none. */
export function folderOf(role: string, folders: DataFolders): string {
  const folder = folders[role];
  if (folder === undefined) throw new TrainerFailure('bad-job', `The job has no data folder for the role \`${role}\`.`);
  return folder;
}

/** As the lineage file calls it: a folder's role is `data:` and the name of the data set, or of the stage that made it. */
function describe(source: Source): string {
  if ('generator' in source) return `the generator \`${source.generator}\``;
  return `the data set \`${source.prepared.replace(/^data:/, '')}\``;
}
