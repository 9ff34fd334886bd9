/** Tasks as lm-evaluation-harness reads them: a file of YAML each, and one with what is asked. */
import { join } from 'node:path';
import { stringify } from 'yaml';
import { type ChoiceItem, choiceDelimiter } from '../../schemas/choices.ts';
import { TrainerFailure } from '../../trainer/failure.ts';
import { writeLines, writeWhole } from '../../trainer/folders.ts';

/** How responses to problems are asked for. */
export interface Asking {
  maxResponse: number;
  stop: readonly string[];
  repetitionPenalty: number;
  /** Responses to each, drawn at this temperature; 0 is one greedy response. */
  samples: number;
  temperature: number;
}

/**
 * Writes a cloze task. Where contexts differ and continuations are the same (Winogrande's partial scoring) the harness chooses
 * among contexts.
 *
 * @throws TrainerFailure `bad-data` for a set whose items are of both kinds or of none: the harness asks one way a task.
 */
export async function writeClozeTask(folder: string, task: string, items: readonly ChoiceItem[]): Promise<void> {
  const kinds = new Set(items.map(kindOf));
  const [kind] = kinds;
  if (kinds.size !== 1 || kind === undefined)
    throw new TrainerFailure(
      'bad-data',
      `lm-evaluation-harness cannot ask ${task}: of an item either all contexts have to be the same or all continuations, and ` +
        'of all items of a task alike. Evaluate it with `engine: descent`.',
    );
  const lines = items.map(({ choices, gold }) => ({
    context: choices[0]?.context,
    continuation: choices[0]?.continuation,
    choices: choices.map((choice) => choice[kind === 'continuations' ? 'continuation' : 'context']),
    gold,
  }));
  await writeTask(folder, task, lines, {
    output_type: 'multiple_choice',
    ...(kind === 'continuations'
      ? { doc_to_text: 'context', doc_to_target: 'gold' }
      : { doc_to_text: 'gold', doc_to_target: 'continuation' }),
    doc_to_choice: 'choices',
    target_delimiter: choiceDelimiter,
    metric_list: [{ metric: 'acc', aggregation: 'mean', higher_is_better: true }],
  });
}

/** Which part of an item's choices differs, where only one does. */
function kindOf({ choices }: ChoiceItem): 'continuations' | 'contexts' | undefined {
  const [first] = choices;
  if (choices.every(({ context }) => context === first?.context)) return 'continuations';
  return choices.every(({ continuation }) => continuation === first?.continuation) ? 'contexts' : undefined;
}

/** Writes a task of problems, of whose responses the harness makes no figure: Descent grades them. */
export async function writeProblemTask(
  folder: string,
  task: string,
  prompts: readonly string[],
  { maxResponse, stop, repetitionPenalty, samples, temperature }: Asking,
): Promise<void> {
  const lines = prompts.map((prompt) => ({ prompt, target: '' }));
  const isGreedy = temperature === 0;
  await writeTask(folder, task, lines, {
    output_type: 'generate_until',
    doc_to_text: 'prompt',
    doc_to_target: 'target',
    generation_kwargs: {
      until: stop,
      max_gen_toks: maxResponse,
      do_sample: !isGreedy,
      // Of what a model's folder and transformers would say otherwise, nothing.
      ...(!isGreedy && { temperature, top_k: 0, top_p: 1 }),
      repetition_penalty: repetitionPenalty,
    },
    repeats: isGreedy ? 1 : samples,
    metric_list: [{ metric: 'bypass' }],
  });
}

async function writeTask(
  folder: string,
  task: string,
  lines: readonly object[],
  config: Record<string, unknown>,
): Promise<void> {
  const path = join(folder, `${task}.jsonl`);
  await writeLines(path, lines);
  const whole = {
    task,
    dataset_path: 'json',
    dataset_kwargs: { data_files: { test: path } },
    test_split: 'test',
    ...config,
  };
  await writeWhole(join(folder, `${task}.yaml`), stringify(whole));
}
