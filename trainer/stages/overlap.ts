/**
 * An overlap certificate: what a stage learns from, compared with what must not be among it. It leaves `overlap.json`,
 * and an `overlap` event for each set compared with. Where more is found than may be, it fails as bad data, and leaves
 * both all the same.
 */
import { join } from 'node:path';
import { type Certificate, type Match, nameOfSelection, type Overlap } from '../../schemas/certificate.ts';
import type { Comparison, OverlapJob, Selection } from '../../schemas/types/job.ts';
import type { Outcome, TrainerContext } from '../context.ts';
import { gramWords } from '../data/grams.ts';
import { measureOverlap, mostSharing, type PromptSet } from '../data/overlap.ts';
import { type DataFolders, selectedPrompts } from '../data/sources.ts';
import { TrainerFailure } from '../failure.ts';
import { writeFolder, writeJson } from '../folders.ts';
import { version } from '../version.ts';

/** Matches of each kind that are written down for each set compared with. */
const matchesShown = 20;
/** Characters of a prompt in a message. */
const promptShown = 80;

/** Runs an overlap job: reads all problems, and writes overlap.json into `output/model`. */
export async function run(job: OverlapJob, context: TrainerContext): Promise<Outcome> {
  const { recipe, inputs, output } = job;
  context.emit({ event: 'started', resumedFrom: null, steps: 1, device: 'cpu', engine: `descent ${version()}` });
  const { trained, overlaps } = measureOverlap(
    promptSet(recipe.trained, inputs.data),
    recipe.against.map(({ selection }) => promptSet(selection, inputs.data)),
    matchesShown,
  );
  const compared = recipe.against.map((comparison, at) => ({ comparison, overlap: overlaps[at] as Overlap }));
  for (const { comparison, overlap } of compared) {
    const { problems, exact, grams, common } = overlap;
    const { mostExact, mostGrams } = comparison;
    context.emit({
      event: 'overlap',
      trained: nameOfSelection(recipe.trained),
      trainedProblems: trained,
      against: nameOfSelection(comparison.selection),
      problems,
      exact,
      grams,
      common,
      mostExact,
      mostGrams,
    });
  }
  const certificate: Certificate = {
    gramWords,
    mostSharing,
    trained: { set: nameOfSelection(recipe.trained), problems: trained },
    against: compared.map(({ comparison: { selection, mostExact, mostGrams }, overlap: { matches, ...counts } }) => ({
      set: nameOfSelection(selection),
      ...counts,
      mostExact,
      mostGrams,
      matches,
    })),
  };
  const fill = (folder: string) => writeJson(join(folder, 'overlap.json'), certificate);
  await writeFolder(join(output, 'model'), fill, context.checkLease);
  const refused = compared.filter(({ comparison, overlap }) => isTooMuch(comparison, overlap));
  if (refused.length > 0) {
    const found = refused.map(({ comparison, overlap }) => finding(recipe.trained, trained, comparison, overlap));
    throw new TrainerFailure(
      'bad-data',
      `${found.join(' ')} Take them out of one of the two, or say on the stage why it may learn from them: ` +
        `\`allowOverlap: "<reason>"\`. What was found is in ${join(output, 'model', 'overlap.json')}.`,
    );
  }
  const total = (count: (overlap: Overlap) => number) => overlaps.reduce((sum, overlap) => sum + count(overlap), 0);
  context.emit({
    event: 'done',
    step: 1,
    tokens: 0,
    model: 'model',
    facts: { exact: total(({ exact }) => exact), grams: total(({ grams }) => grams) },
  });
  return 'done';
}

function promptSet(selection: Selection, folders: DataFolders): PromptSet {
  return { problems: selection.problems, prompts: () => selectedPrompts(selection, folders) };
}

function isTooMuch({ mostExact, mostGrams }: Comparison, { problems, exact, grams }: Overlap): boolean {
  return exact > mostExact * problems || grams > mostGrams * problems;
}

/** What overlaps, how much of it, how much may, and the first example, in sentences. */
function finding(trained: Selection, trainedProblems: number, comparison: Comparison, overlap: Overlap): string {
  const { exact, grams, problems, matches } = overlap;
  const { selection, mostExact, mostGrams } = comparison;
  const [sets, first] = [
    [nameOfSelection(trained), nameOfSelection(selection)] as const,
    matches.exact[0] ?? matches.grams[0],
  ];
  return (
    `${sets[0]} (${whole(trainedProblems)} problems trained on) and ${sets[1]} (${whole(problems)} problems) overlap: ` +
    `${whole(exact)} of ${sets[1]} ${exact === 1 ? 'is' : 'are'} in ${sets[0]} word for word (at most ${share(mostExact)} may be)` +
    `, and ${whole(grams)} more ${grams === 1 ? 'has' : 'have'} ${gramWords} words in a row, or all words, in common (at most ${share(mostGrams)} may have).` +
    `${first === undefined ? '' : ` ${example(sets, first)}`}`
  );
}

function example([trainedSet, againstSet]: readonly [string, string], { against, trained, words }: Match): string {
  const one = `${againstSet} row ${against.row}, "${shortened(against.prompt)}", and ${trainedSet} row ${trained.row}`;
  return `The first: ${one}, "${shortened(trained.prompt)}", have "${shortened(words)}" in common.`;
}

function shortened(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length <= promptShown ? line : `${line.slice(0, promptShown - 1)}…`;
}

function whole(count: number): string {
  return count.toLocaleString('en');
}

function share(fraction: number): string {
  return `${Number((fraction * 100).toPrecision(3))} %`;
}
