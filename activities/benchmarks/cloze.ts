import type { ChoiceItem } from '../../schemas/choices.ts';
import { numberIn, type Row, RowError, textIn, textsIn } from './row.ts';

/** An item before it has a name. */
type Item = Omit<ChoiceItem, 'id'>;

/** One context, and choices that may follow it. */
interface ClozeForm {
  context(row: Row): string;
  choices(row: Row): string[];
  gold(row: Row): number;
}

/**
 * The cloze benchmarks as lm-evaluation-harness 0.4.13 asks them (its tasks of the same names), zero-shot: rows as the Hugging
 * Face Hub has them, of the split that has answers, to items. Each throws a RowError for a row of another form.
 */
export const clozeReaders: Readonly<Record<string, (row: Row) => Item>> = {
  hellaswag: asked({
    context: (row) => {
      const context = `${textIn(row, 'ctx_a')} ${capitalised(textIn(row, 'ctx_b'))}`;
      return withoutArtifacts(`${textIn(row, 'activity_label')}: ${context}`);
    },
    choices: (row) => textsIn(row, 'endings').map(withoutArtifacts),
    gold: (row) => numberIn(row, 'label'),
  }),
  winogrande,
  piqa: asked({
    context: (row) => `Question: ${textIn(row, 'goal')}\nAnswer:`,
    choices: (row) => [textIn(row, 'sol1'), textIn(row, 'sol2')],
    gold: (row) => numberIn(row, 'label'),
  }),
  openbookqa: asked({
    context: (row) => textIn(row, 'question_stem'),
    choices: (row) => textsIn(row, 'choices.text'),
    gold: (row) => textsIn(row, 'choices.label').indexOf(textIn(row, 'answerKey').trimStart()),
  }),
  arc_easy: asked(arc()),
  arc_challenge: asked(arc()),
  social_iqa: asked({
    context: (row) => `Q: ${textIn(row, 'context')} ${textIn(row, 'question')}\nA:`,
    choices: (row) => [textIn(row, 'answerA'), textIn(row, 'answerB'), textIn(row, 'answerC')],
    gold: (row) => numberIn(row, 'label') - 1,
  }),
};

function asked({ context, choices, gold }: ClozeForm): (row: Row) => Item {
  return (row) => {
    const before = context(row);
    return item(
      choices(row).map((continuation) => ({ context: before, continuation })),
      gold(row),
    );
  };
}

/** Partial scoring (Trinh and Le 2018, arXiv 1806.02847): how likely the rest of the sentence is after each option. */
function winogrande(row: Row): Item {
  const sentence = textIn(row, 'sentence');
  const blank = sentence.indexOf('_');
  if (blank < 0) throw new RowError('has no `_` in its `sentence`');
  const continuation = sentence.slice(blank + 1).trim();
  const options = [textIn(row, 'option1'), textIn(row, 'option2')];
  return item(
    options.map((option) => ({ context: sentence.slice(0, blank) + option, continuation })),
    numberIn(row, 'answer') - 1,
  );
}

function arc(): ClozeForm {
  return {
    context: (row) => `Question: ${textIn(row, 'question')}\nAnswer:`,
    choices: (row) => textsIn(row, 'choices.text'),
    gold: (row) => textsIn(row, 'choices.label').indexOf(textIn(row, 'answerKey')),
  };
}

function item(choices: ChoiceItem['choices'], gold: number): Item {
  if (gold < 0 || gold >= choices.length)
    throw new RowError('names no right choice: its split may be one whose answers are withheld');
  if (choices.some(({ continuation }) => continuation === '')) throw new RowError('has a choice without text');
  return { choices, gold };
}

/** Python's `str.capitalize`: the other letters become small ones. */
function capitalised(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1).toLowerCase();
}

/** HellaSwag's texts without what WikiHow's pages left in them. */
function withoutArtifacts(text: string): string {
  return text
    .trim()
    .replaceAll(' [title]', '. ')
    .replace(/\[.*?\]/g, '')
    .replaceAll('  ', ' ');
}
