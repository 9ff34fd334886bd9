/**
 * lm-evaluation-harness as what evaluates: it asks the model, and what it hears becomes the same figures and samples as the
 * built-in evaluation's. Verdicts are those of Descent's grader. Stopped, it begins anew.
 */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '#setup/places.mjs';
import { graderVersion } from '../../schemas/catalogue.ts';
import { type EngineRecipes, engines } from '../../schemas/engines.ts';
import { parametersIn } from '../../schemas/llama.ts';
import type { SampleEvent } from '../../schemas/types/event.ts';
import type { EvaluateJob, Job } from '../../schemas/types/job.ts';
import { choiceEvent, clozeFigures } from '../../trainer/choices.ts';
import { readConfig } from '../../trainer/config.ts';
import type { Outcome, TrainerContext } from '../../trainer/context.ts';
import { loadTemplate } from '../../trainer/data/chat-template.ts';
import { grade } from '../../trainer/data/grade/grade.ts';
import type { Problem } from '../../trainer/data/problem.ts';
import { choiceItems, testProblems } from '../../trainer/data/sources.ts';
import { TrainerFailure } from '../../trainer/failure.ts';
import { type Attempted, type Figures, figureEvents, suiteFigures, taskFigures } from '../../trainer/figures.ts';
import { writeJson } from '../../trainer/folders.ts';
import { graderFailure, type Response, sampleEvent } from '../../trainer/response.ts';
import { loadTokenizer, requireVocabulary, type Tokenizer } from '../../trainer/tokenizer/load.ts';
import { drive } from '../driver.ts';
import { environmentOf } from '../environment.ts';
import { writeClozeTask, writeProblemTask } from './tasks.ts';

const engine = 'lm-eval';

/** A task of Descent's: what the harness is asked for it, and what comes of the answers. */
interface Task {
  name: string;
  /** The harness's tasks, by the names of their files. */
  asked: string[];
  /** Prompts that leave the longest response no room in the context: the harness cuts their beginning. */
  cut: number;
  told(answers: Answers): { samples: SampleEvent[]; figures: Figures };
}

/** By the harness's tasks, of each item in order: log-likelihoods of its choices, or responses. */
type Answers = Readonly<Record<string, readonly (readonly unknown[])[]>>;

interface Said {
  text: string;
  ended: boolean;
}

/** So many are asked at once: EvoLM's. */
const batch = 16;

/** Runs an evaluation with the harness. Throws as the data's readers, `environmentOf` and `drive`. */
export async function run(job: Job, context: TrainerContext): Promise<Outcome> {
  if (job.type !== 'evaluate' || job.recipe.kind === 'heldout')
    throw new TrainerFailure(
      'bad-job',
      `${job.address}: ${engines[engine].title} evaluates by choices and problems alone.`,
    );
  const recipe: EngineRecipes['evaluate'] = job.recipe;
  if (recipe.kind === 'problems' && recipe.grader !== graderVersion) throw graderFailure(recipe.grader);
  const { inputs, output, seed, placement } = job;
  if (inputs.rewardModel !== undefined)
    throw new TrainerFailure('bad-job', `${job.address}: a reward model scores what \`engine: descent\` evaluates.`);
  const { architecture } = await readConfig(inputs.parent);
  const tokenizer = await loadTokenizer(inputs.parent);
  requireVocabulary(tokenizer, architecture, 'bad-data');

  context.checkLease();
  const folder = join(output, 'checkpoints', engine);
  await mkdir(folder, { recursive: true });
  const tasks = await tasksOf(job, recipe, { tokenizer, context: architecture.context, folder });
  const [run, answers] = [join(folder, 'run.json'), join(folder, 'answers.json')];
  await writeJson(run, {
    ...{ kind: recipe.kind, parent: inputs.parent, folder, out: join(folder, 'out'), answers, seed },
    ...{ tasks: tasks.flatMap(({ asked }) => asked), context: architecture.context, threads: placement.threads },
    ...{ eos: tokenizer.eos, ends: tokenizer.ends, prefix: tokenizer.start[0] ?? tokenizer.eos },
    stop: recipe.kind === 'problems' ? (recipe.stop ?? []) : [],
    // Padding would count as a token that was read.
    batch: recipe.kind === 'problems' && recipe.repetitionPenalty !== undefined ? 1 : batch,
  });
  const { title } = engines[engine];
  const driver = join(packageRoot, 'engines', engine, 'driver.py');
  const environment = await environmentOf(engine);
  const driven = await drive({ title, environment, driver, run }, context);
  if (driven.outcome === 'interrupted') return 'interrupted';

  const heard = JSON.parse(await readFile(answers, 'utf8')) as Answers;
  const told = tasks.map((task) => ({ name: task.name, ...task.told(heard) }));
  for (const { name, samples, figures } of told)
    for (const event of [...samples, ...figureEvents(recipe.suite, name, figures)]) context.emit(event);
  if (told.length > 1)
    for (const event of figureEvents(recipe.suite, 'all', suiteFigures(told.map(({ figures }) => figures))))
      context.emit(event);
  const cut = tasks.reduce((sum, task) => sum + task.cut, 0);
  const facts = { parameters: parametersIn(architecture), cutPrompts: cut, ...driven.facts };
  context.emit({ event: 'done', step: tasks.length, tokens: 0, model: null, facts });
  return 'done';
}

async function tasksOf(
  { inputs }: EvaluateJob,
  recipe: EngineRecipes['evaluate'],
  { tokenizer, context, folder }: { tokenizer: Tokenizer; context: number; folder: string },
): Promise<Task[]> {
  if (recipe.kind === 'cloze')
    return Promise.all(
      recipe.tasks.map(async ({ name, source }): Promise<Task> => {
        const items = choiceItems(source, recipe.problems, inputs.data);
        if (items.length === 0) throw new TrainerFailure('bad-data', `${name} has no items.`);
        await writeClozeTask(folder, name, items);
        return {
          name,
          asked: [name],
          cut: 0,
          told(answers) {
            const scored = items.map((item, at) => ({ item, logLikelihoods: answers[name]?.[at] as number[] }));
            return { samples: scored.map((each) => choiceEvent(name, each)), figures: clozeFigures(scored) };
          },
        };
      }),
    );
  const { samples, temperature, maxResponse, stop = [], repetitionPenalty = 1 } = recipe;
  const template = await loadTemplate(recipe.template, inputs.parent, tokenizer);
  const how = { maxResponse, stop, repetitionPenalty, samples };
  return Promise.all(
    recipe.tasks.map(async ({ name, source }): Promise<Task> => {
      const problems = testProblems(source, recipe.problems, inputs.data);
      const prompts = problems.map(template.promptText);
      const [greedy, sampled] = [`${name}.greedy`, `${name}.sampled`];
      await writeProblemTask(folder, greedy, prompts, { ...how, temperature: 0 });
      if (samples > 0) await writeProblemTask(folder, sampled, prompts, { ...how, temperature });
      return {
        name,
        asked: samples > 0 ? [greedy, sampled] : [greedy],
        cut: problems.filter((problem) => template.promptTokens(problem).length + maxResponse > context).length,
        told(answers) {
          const attempted = problems.map((problem, at): Attempted => {
            const responsesOf = (task: string) =>
              ((answers[task]?.[at] ?? []) as Said[]).map((said) => graded(problem, prompts[at] as string, said));
            return { greedy: responsesOf(greedy)[0] as Response, sampled: responsesOf(sampled) };
          });
          const events = attempted.flatMap(({ greedy, sampled }) =>
            [greedy, ...sampled].map((response, index) => sampleEvent(name, 0, index, response)),
          );
          return { samples: events, figures: taskFigures(attempted) };
        },
      };
    }),
  );
}

/** A response with its verdict. The harness keeps neither its tokens nor their likelihood. */
function graded(problem: Problem, asked: string, { text, ended }: Said): Response {
  return { problem, asked, prompt: [], tokens: [], logProbs: [], ended, text, ...grade(problem, text) };
}
