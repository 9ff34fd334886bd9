import { type Row, RowError, textIn, textsIn, valueIn } from './row.ts';

/** A problem of a benchmark, as a line of `problems-test.jsonl` has it but for its id. */
export interface BenchmarkProblem {
  prompt: string;
  solution: string;
  answer: string;
  /** How the answer is read and compared; the trainer's words. */
  kind: 'number' | 'math' | 'label' | 'literal';
  labels?: string[];
}

/** What a row asks, in both wordings, and its answer. */
interface Asked extends Omit<BenchmarkProblem, 'prompt'> {
  /** In the words of EvoLM's evaluation (its published prompt templates). */
  paper: string;
  /** With all that the answer needs and the words that it is to be chosen from, and nothing else. */
  clean: string;
}

/** A row of a benchmark as a problem. Throws a RowError for a row of another form. */
export function readProblem(benchmark: string, prompts: 'clean' | 'paper', row: Row): BenchmarkProblem {
  const read = generativeReaders[benchmark];
  if (read === undefined) throw new Error(`no reader for the benchmark ${benchmark}`);
  const { paper, clean, ...rest } = read(row);
  return { prompt: prompts === 'paper' ? paper : clean, ...rest };
}

/** The generative benchmarks: rows as the Hugging Face Hub or the benchmark's own repository has them, to problems. */
const generativeReaders: Readonly<Record<string, (row: Row) => Asked>> = {
  gsm8k,
  gsm8k_platinum: gsm8k,
  math,
  cruxeval,
  boardgameqa,
  tabmwp,
  strategyqa,
};

function gsm8k(row: Row): Asked {
  const question = textIn(row, 'question');
  const [solution = '', answer] = textIn(row, 'answer').split('####');
  if (answer === undefined) throw new RowError('has no `####` in its `answer`');
  return { paper: question, clean: question, solution: solution.trim(), answer: answer.trim(), kind: 'number' };
}

function math(row: Row): Asked {
  const problem = textIn(row, 'problem');
  const solution = textIn(row, 'solution');
  const answer = lastBoxed(solution);
  return { paper: problem, clean: problem, solution, answer, kind: 'math' };
}

/** What stands in the last `\boxed{…}` of a solution. */
function lastBoxed(solution: string): string {
  const at = solution.lastIndexOf('\\boxed{');
  const inside = solution.slice(at + '\\boxed{'.length);
  let depth = 1;
  for (const [i, character] of [...inside].entries()) {
    if (character === '{') depth++;
    if (character === '}') depth--;
    if (at >= 0 && depth === 0) return [...inside].slice(0, i).join('');
  }
  throw new RowError('has no `\\boxed{…}` in its `solution`');
}

function cruxeval(row: Row): Asked {
  const [code, input, output] = [textIn(row, 'code'), textIn(row, 'input'), textIn(row, 'output')];
  return {
    paper:
      `You are given the following function:\n\n${code}\n\nYou are also given the following input (the order of the ` +
      `input is the same as the order of the input variables in the function):\n\n${input}\n\nWith the given function ` +
      'and input, what would be the output?',
    clean: `${code}\nWhat is f(${input})?`,
    ...stated(output),
    kind: 'literal',
  };
}

const verdicts: Readonly<Record<string, string>> = { proved: 'True', disproved: 'False', unknown: 'Uncertain' };

function boardgameqa(row: Row): Asked {
  const example = textIn(row, 'example');
  const label = textIn(row, 'label');
  const answer = Object.hasOwn(verdicts, label) ? verdicts[label] : undefined;
  if (answer === undefined) throw new RowError(`has another \`label\` than ${Object.keys(verdicts).join(', ')}`);
  return {
    paper: `Solve the following problem. Your final answer should be "True", "False", or "Uncertain".\n\n${example}`,
    clean: `${example}\nTrue, False or Uncertain?`,
    ...stated(answer),
    kind: 'label',
    labels: Object.values(verdicts),
  };
}

function tabmwp(row: Row): Asked {
  const [table, question, answer] = [textIn(row, 'table'), textIn(row, 'question'), textIn(row, 'answer')];
  const { table_title: title, unit } = row;
  const choices = valueIn(row, 'choices') === undefined ? undefined : textsIn(row, 'choices');
  const clean = [
    ...(typeof title === 'string' && title !== '' ? [title] : []),
    table,
    question,
    ...(typeof unit === 'string' && unit !== '' ? [`Answer in this unit: ${unit}`] : []),
    ...(choices ? [`Answer with one of these: ${choices.join(', ')}`] : []),
  ];
  return {
    paper: `You are given a table with the following data:\n\n${table}\n\nBased on the table, answer the following question:\n\n${question}`,
    clean: clean.join('\n'),
    ...stated(answer),
    ...(choices ? { kind: 'label', labels: choices } : { kind: 'number' }),
  };
}

function strategyqa(row: Row): Asked {
  const [question, facts, truth] = [textIn(row, 'question'), textsIn(row, 'facts'), valueIn(row, 'answer')];
  if (typeof truth !== 'boolean') throw new RowError('has neither true nor false in `answer`');
  const numbered = facts.map((fact, i) => `${i + 1}. ${fact}`).join('\n');
  return {
    paper:
      `You are given the following facts:\n${numbered}\n\nBased on the facts above, answer the following question. ` +
      `Your final answer should be either "True" or "False".\n${question}`,
    clean: `Facts: ${facts.join(' ')} ${question} True or False?`,
    ...stated(truth ? 'True' : 'False'),
    kind: 'label',
    labels: ['True', 'False'],
  };
}

/** An answer without a worked solution. */
function stated(answer: string): Pick<Asked, 'answer' | 'solution'> {
  return { answer, solution: `The answer is ${answer}.` };
}
