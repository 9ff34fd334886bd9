/**
 * Responses to the first problems of a split, each graded: by the parent model, or by a model at an OpenAI-compatible
 * endpoint. It writes a prepared folder with a line for each response, problem by problem.
 *
 * What was answered is kept in the attempt's `checkpoints/answers/`, and not asked again after a kill; the lines are in the
 * order of the problems, whichever order answers came in.
 */
import { join } from 'node:path';
import { setImmediate as yieldToEvents } from 'node:timers/promises';
import { graderVersion } from '../../schemas/catalogue.ts';
import type { GenerateJob } from '../../schemas/types/job.ts';
import type { Answerer } from '../answer/answerer.ts';
import { type Answer, type Answers, openAnswers, type Question } from '../answer/answers.ts';
import type { Outcome, TrainerContext } from '../context.ts';
import { grade } from '../data/grade/grade.ts';
import { createLineFile, type LineFile } from '../data/line-file.ts';
import { problemPath, requireGradable } from '../data/prepared.ts';
import type { Problem } from '../data/problem.ts';
import { lineText } from '../data/problem-line.ts';
import { distinctPrompts } from '../data/sources.ts';
import { TrainerFailure } from '../failure.ts';
import { writeFolder } from '../folders.ts';
import { peakMemory } from '../memory.ts';
import { createPace } from '../pace.ts';

/** Runs a generate job: the responses into `output/model`. */
export async function run(job: GenerateJob, context: TrainerContext): Promise<Outcome> {
  const { recipe, output } = job;
  const problems = problemsOf(job);
  const questions = problems.flatMap((problem, index) =>
    Array.from({ length: recipe.samples }, (_, sample): Question => ({ problem, index, sample })),
  );
  const steps = questions.length;
  const answerer = await answererOf(job);
  const answers = openAnswers(join(output, 'checkpoints', 'answers'), context.checkLease);
  try {
    const resumedFrom = answers.count > 0 ? answers.count : null;
    context.emit({ event: 'started', resumedFrom, steps, ...answerer.engine });
    const pace = createPace(0);
    await answerer.answer(questions, answers, {
      stopped: context.stopRequested,
      onAnswers(answered) {
        const tokens = answered.reduce((sum, answer) => sum + (answer.tokens ?? 0), 0);
        const speed = pace.afterStep(tokens, steps - answers.count, answered.length);
        if (speed !== undefined) context.emit({ event: 'progress', step: answers.count, steps, ...speed, values: {} });
      },
    });
    if (answers.count < steps) {
      context.emit({ event: 'interrupted', step: answers.count });
      return 'interrupted';
    }
    const facts = await writeLines(job, problems, answers, context);
    context.emit({ event: 'memory', peakBytes: peakMemory() });
    context.emit({ event: 'done', step: steps, tokens: 0, model: 'model', facts });
    return 'done';
  } finally {
    answers.close();
  }
}

/** The problems that are asked, each of which a response could be right to. */
function problemsOf({ recipe, inputs }: GenerateJob): Problem[] {
  if (recipe.grader !== graderVersion) {
    const versions = `The job asks for version ${recipe.grader} of the grader, this trainer has version ${graderVersion}.`;
    throw new TrainerFailure('bad-job', `${versions} Plan again with the Descent that trains.`);
  }
  const { name, source } = recipe.data;
  const found = distinctPrompts(source, recipe.split, recipe.problems, inputs.data);
  for (const problem of found) requireGradable(problem, `${name}, the problem ${problem.id}`);
  return found;
}

/** TensorFlow is loaded only where a model of ours answers. */
async function answererOf(job: GenerateJob): Promise<Answerer> {
  const { parent } = job.inputs;
  const { endpoint } = job.recipe;
  if (endpoint !== undefined) return (await import('../answer/remote.ts')).remoteAnswerer(job, endpoint, process.env);
  if (parent !== undefined) return (await import('../answer/local.ts')).localAnswerer(job, parent);
  throw new TrainerFailure('bad-job', 'The job names neither a model nor an endpoint that is to answer.');
}

/** Grades all answers and writes them; gives what they come to. */
async function writeLines(
  { recipe, output }: GenerateJob,
  problems: readonly Problem[],
  answers: Answers,
  { checkLease }: TrainerContext,
): Promise<Record<string, number | string>> {
  const counts = { right: 0, solved: 0, truncated: 0, unanswered: 0, responseTokens: 0 };
  const models = new Set<string>();
  const write = (file: LineFile, problem: Problem, index: number) => {
    let isSolved = false;
    for (let sample = 0; sample < recipe.samples; sample++) {
      const { text, truncated, tokens = 0, model } = asToy(recipe, problem, answers.of({ index, sample }));
      const { answer, correct } = grade(problem, text);
      file.write(lineText({ ...problem, solution: text, response: { sample, answer, correct, truncated } }));
      counts.right += Number(correct);
      counts.truncated += Number(truncated);
      counts.unanswered += Number(answer === null);
      counts.responseTokens += tokens;
      isSolved ||= correct;
      if (model !== undefined) models.add(model);
    }
    counts.solved += Number(isSolved);
  };
  const fill = async (folder: string) => {
    const file = createLineFile(problemPath(folder, recipe.split));
    try {
      for (const [index, problem] of problems.entries()) {
        write(file, problem, index);
        await yieldToEvents();
      }
    } finally {
      file.close();
    }
  };
  await writeFolder(join(output, 'model'), fill, checkLease);
  const responses = problems.length * recipe.samples;
  const answeredBy = models.size > 0 ? { answeredBy: [...models].sort().join(', ') } : {};
  const toy = recipe.toy ? { toy: "every second response is the problem's own solution" } : {};
  return { problems: problems.length, responses, ...counts, ...answeredBy, ...toy };
}

/**
 * An answer as a toy has it, where it is one: a model that knows nothing is asked all the same, but what is made of its right and
 * wrong answers would be empty. Half are therefore the data set's own, and all of them whole.
 */
function asToy({ toy }: GenerateJob['recipe'], { solution }: Problem, answer: Answer): Answer {
  if (!toy) return answer;
  return { ...answer, truncated: false, ...(answer.sample % 2 === 0 && { text: solution }) };
}
