import { generators as catalogue } from '../../schemas/catalogue.ts';
import type { ChoiceItem } from '../../schemas/choices.ts';
import type { GeneratedSource } from '../../schemas/types/job.ts';
import { TrainerFailure } from '../failure.ts';
import { type Random, random } from '../random.ts';
import { arithmeticDocument, arithmeticProblem } from './arithmetic.ts';
import { boardgameProblem } from './boardgame.ts';
import { endingItem, labelItem } from './choices.ts';
import { documentSplit, type ProblemContent, type ProblemSplit, problemSplit } from './problem.ts';
import { programProblem } from './programs.ts';
import { story } from './stories.ts';
import { strategyProblem } from './strategy.ts';
import { tableProblem } from './tables.ts';

type Options = GeneratedSource['options'];

/** A generator that ships: pure functions of a stream of random draws and the options. */
export interface Generator {
  /** The same as in schemas/catalogue.ts; bumped there and here when the output changes. */
  version: number;
  document?: (random: Random, options: Options) => string;
  problem?: (random: Random, options: Options) => ProblemContent;
  /** Of what no training reads. */
  item?: (random: Random, options: Options) => Omit<ChoiceItem, 'id'>;
}

/** The generators by name. schemas/catalogue.ts describes them. */
export const generators: Readonly<Record<string, Generator>> = {
  stories: { version: 1, document: story, item: endingItem },
  arithmetic: {
    version: 1,
    document: (random, options) => arithmeticDocument(random, arithmeticOptions(options)),
    problem: (random, options) => arithmeticProblem(random, arithmeticOptions(options)),
  },
  programs: { version: 1, problem: programProblem },
  boardgame: { version: 1, problem: boardgameProblem },
  tables: { version: 1, problem: tableProblem },
  strategy: { version: 1, problem: strategyProblem, item: labelItem(strategyProblem) },
};

/** A document or a problem by its number: the same one whenever and wherever it is asked for. */
export type Numbered<T> = (index: number) => T;

/**
 * The documents of a generator, numbered from 0. No held-out document ever comes up in training, whatever the seeds.
 *
 * @throws TrainerFailure `bad-job` when there is no such generator, version, part or option.
 */
export function generatedDocuments(source: GeneratedSource, split: 'train' | 'heldout'): Numbered<string> {
  const { document, options } = resolve(source);
  if (document === undefined) throw missingPart(source, 'text');
  return numbered(
    source,
    split,
    (random) => document(random, options),
    (text) => documentSplit(text) === split,
  );
}

/**
 * The problems of a generator, numbered from 0; two numbers may give the same problem. Every prompt belongs to one split
 * for good, whatever the seeds and options.
 *
 * @throws TrainerFailure `bad-job` when there is no such generator, version, part or option.
 */
export function generatedProblems(source: GeneratedSource, split: ProblemSplit): Numbered<ProblemContent> {
  const { problem, options } = resolve(source);
  if (problem === undefined) throw missingPart(source, 'problems');
  return numbered(
    source,
    split,
    (random) => problem(random, options),
    ({ prompt }) => problemSplit(prompt) === split,
  );
}

/**
 * The items with choices of a generator, numbered from 0; two numbers may give the same item. They are made of what is kept
 * aside for tests, whatever the seeds and options.
 *
 * @throws TrainerFailure `bad-job` when there is no such generator, version, part or option.
 */
export function generatedItems(source: GeneratedSource): Numbered<Omit<ChoiceItem, 'id'>> {
  const { item, options } = resolve(source);
  if (item === undefined) throw missingPart(source, 'choices');
  return numbered(
    source,
    'choices',
    (random) => item(random, options),
    () => true,
  );
}

/** Item i is the first of a stream of its own that belongs to the split: it depends on no other item. */
function numbered<T>(
  source: GeneratedSource,
  split: string,
  draw: (random: Random) => T,
  belongs: (item: T) => boolean,
): Numbered<T> {
  return (index) => {
    const stream = random(source.seed, source.generator, split, index);
    for (;;) {
      const item = draw(stream);
      if (belongs(item)) return item;
    }
  };
}

function resolve(source: GeneratedSource): Generator & { options: Options } {
  const generator = Object.hasOwn(generators, source.generator) ? generators[source.generator] : undefined;
  const entry = catalogue[source.generator];
  if (generator === undefined || entry === undefined) {
    throw new TrainerFailure(
      'bad-job',
      `There is no generator \`${source.generator}\`; there are ${Object.keys(generators).join(', ')}.`,
    );
  }
  if (source.version !== generator.version) {
    throw new TrainerFailure(
      'bad-job',
      `The job asks for version ${source.version} of the generator \`${source.generator}\`, this trainer has version ${generator.version}. Plan again with the Descent that trains.`,
    );
  }
  const unknown = Object.keys(source.options).find((name) => !Object.hasOwn(entry.options, name));
  if (unknown !== undefined)
    throw new TrainerFailure('bad-job', `The generator \`${source.generator}\` has no option \`${unknown}\`.`);
  const defaults = Object.fromEntries(Object.entries(entry.options).map(([name, option]) => [name, option.default]));
  return { ...generator, options: { ...defaults, ...source.options } };
}

function missingPart(source: GeneratedSource, part: 'text' | 'problems' | 'choices'): TrainerFailure {
  return new TrainerFailure('bad-job', `The generator \`${source.generator}\` has no part \`${part}\`.`);
}

function arithmeticOptions(options: Options): { maximum: number; steps: number } {
  return { maximum: Number(options.maximum), steps: Number(options.steps) };
}
