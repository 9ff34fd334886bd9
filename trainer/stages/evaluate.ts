/**
 * Evaluation of a model: held-out loss a domain, or choices or problems a task. It writes events and no model.
 *
 * The work comes in portions of a second or so, so that it can stop between them; stopped, it begins anew, because a
 * whole evaluation takes less than keeping half of one safe would.
 */
import { setImmediate as yieldToEvents } from 'node:timers/promises';
import { graderVersion } from '../../schemas/catalogue.ts';
import { problemsAtOnce, scoredTokensAtOnce } from '../../schemas/passes.ts';
import type { DoneEvent } from '../../schemas/types/event.ts';
import type { EvaluateJob, EvaluateRecipe } from '../../schemas/types/job.ts';
import { choiceEvent, clozeFigures, type ScoredItem } from '../choices.ts';
import { choiceBatches, choiceScorer, encodeChoice } from '../cloze.ts';
import type { Outcome, TrainerContext } from '../context.ts';
import { loadTemplate } from '../data/chat-template.ts';
import type { Problem } from '../data/problem.ts';
import { choiceItems, testProblems, textDocuments } from '../data/sources.ts';
import type { ChatTemplate } from '../data/template.ts';
import { heldoutRows, rowScorer } from '../evaluate.ts';
import { TrainerFailure } from '../failure.ts';
import { type Attempted, type Figures, figureEvents, lossFigures, suiteFigures, taskFigures } from '../figures.ts';
import { createGenerator } from '../generate.ts';
import { type Judge, loadJudge } from '../judge.ts';
import { gradeAgain, readResponses } from '../kept.ts';
import { engine } from '../loop.ts';
import { peakMemory } from '../memory.ts';
import { createPace } from '../pace.ts';
import { countParameters } from '../parameters.ts';
import { loadParent, type Parent } from '../parent.ts';
import { inGroups } from '../portions.ts';
import { respond } from '../respond.ts';
import { graderFailure, type Response, sampleEvent } from '../response.ts';
import type { Cluster } from '../statistics.ts';

type HeldoutRecipe = Extract<EvaluateRecipe, { kind: 'heldout' }>;
type ClozeRecipe = Extract<EvaluateRecipe, { kind: 'cloze' }>;
type ProblemsRecipe = Extract<EvaluateRecipe, { kind: 'problems' }>;

/** One task or domain: its work in portions, each giving the tokens it scored or wrote, and what comes of them all. */
interface Task {
  name: string;
  portions: (() => number | Promise<number>)[];
  figures(): Figures;
}

/** Runs an evaluation job: every response as a `sample` event, every figure as an `evaluation` event. */
export async function run(job: EvaluateJob, context: TrainerContext): Promise<Outcome> {
  const { recipe } = job;
  const { tasks, facts } = await workOf(job, context);
  const steps = tasks.reduce((sum, { portions }) => sum + portions.length, 0);
  context.emit({ event: 'started', resumedFrom: null, steps, ...engine() });

  const pace = createPace(0);
  const figures: Figures[] = [];
  let step = 0;
  for (const task of tasks) {
    for (const portion of task.portions) {
      if (context.stopRequested()) {
        context.emit({ event: 'interrupted', step: 0 });
        return 'interrupted';
      }
      context.checkLease();
      const tokens = await portion();
      step++;
      const speed = pace.afterStep(tokens, steps - step);
      if (speed !== undefined) context.emit({ event: 'progress', step, steps, ...speed, values: {} });
      await yieldToEvents();
    }
    const ofTask = task.figures();
    for (const event of figureEvents(recipe.suite, task.name, ofTask)) context.emit(event);
    figures.push(ofTask);
  }
  if (tasks.length > 1)
    for (const event of figureEvents(recipe.suite, 'all', suiteFigures(figures))) context.emit(event);
  context.emit({ event: 'memory', peakBytes: peakMemory() });
  const secondsPerStep = pace.secondsPerStep();
  if (secondsPerStep !== undefined) context.emit({ event: 'pace', secondsPerStep });
  context.emit({ event: 'done', step, tokens: 0, model: null, facts });
  return 'done';
}

/** What an evaluation does, and what there is to say of it. No model is loaded where kept responses are graded again. */
async function workOf(
  job: EvaluateJob,
  context: TrainerContext,
): Promise<{ tasks: Task[]; facts: DoneEvent['facts'] }> {
  const { recipe, inputs } = job;
  if (recipe.kind === 'problems' && recipe.grader !== graderVersion) throw graderFailure(recipe.grader);
  if (recipe.kind === 'problems' && inputs.responses !== undefined) {
    const kept = await readResponses(inputs.responses);
    const attempt: Attempt = async (task, portion) =>
      portion.map((problem) => gradeAgain(kept, task, problem, recipe.samples));
    return { tasks: problemTasks(recipe, inputs.data, attempt, context), facts: { gradedAgain: 1 } };
  }
  if (recipe.kind !== 'problems' && inputs.rewardModel !== undefined)
    throw new TrainerFailure(
      'bad-job',
      `${job.address}: a reward model scores responses to problems, and \`${recipe.kind}\` has none.`,
    );
  const parent = await loadParent(inputs.parent);
  const facts = { parameters: countParameters(parent.parameters) };
  switch (recipe.kind) {
    case 'heldout':
      return { tasks: heldoutTasks(recipe, inputs.data, parent), facts };
    case 'cloze':
      return { tasks: clozeTasks(recipe, inputs.data, parent, context), facts };
    case 'problems': {
      const { rewardModel } = inputs;
      const judge = rewardModel === undefined ? undefined : await loadJudge(rewardModel, recipe.rewardTemplate);
      const template = await loadTemplate(recipe.template, inputs.parent, parent.tokenizer);
      const attempt = sampler(recipe, job.seed, parent, template, judge);
      return { tasks: problemTasks(recipe, inputs.data, attempt, context), facts };
    }
  }
}

/** Held-out loss of each domain, on text that no training sees. */
function heldoutTasks(
  recipe: HeldoutRecipe,
  data: EvaluateJob['inputs']['data'],
  { architecture, parameters, tokenizer }: Parent,
): Task[] {
  const score = rowScorer(architecture, parameters);
  const tasks = recipe.domains.map(({ name, source }): Task => {
    const { context } = architecture;
    const heldout = heldoutRows(textDocuments(source, 'heldout', data), tokenizer, recipe.tokens, context);
    if (heldout.length < 2) {
      throw new TrainerFailure(
        'bad-data',
        `The held-out text of ${name} has fewer than two tokens: it needs more of it.`,
      );
    }
    const clusters: Cluster[] = [];
    return {
      name,
      portions: portionsOfRows(heldout).map((portion) => () => {
        const scored = score(portion);
        clusters.push(...scored);
        return scored.reduce((sum, { count }) => sum + count, 0);
      }),
      figures: () => lossFigures(clusters),
    };
  });
  return tasks;
}

/** Rows of equal length, together as many as are scored at once; a short last row is a portion of its own. */
function portionsOfRows(heldout: readonly Int32Array[]): Int32Array[][] {
  const length = heldout[0]?.length ?? 0;
  const whole = heldout.filter((row) => row.length === length);
  const portions = inGroups(whole, Math.max(1, Math.floor(scoredTokensAtOnce / length)));
  return [...portions, ...heldout.filter((row) => row.length < length).map((row) => [row])];
}

/** The likelihood of each choice of each item; the likeliest is told as the response. */
function clozeTasks(
  recipe: ClozeRecipe,
  data: EvaluateJob['inputs']['data'],
  { architecture, parameters, tokenizer }: Parent,
  { emit }: TrainerContext,
): Task[] {
  const score = choiceScorer(architecture, parameters);
  return recipe.tasks.map(({ name, source }): Task => {
    const items = choiceItems(source, recipe.problems, data);
    if (items.length === 0) throw new TrainerFailure('bad-data', `${name} has no items.`);
    const encoded = items.flatMap(({ choices }) =>
      choices.map((choice) => encodeChoice(tokenizer, choice, architecture.context)),
    );
    const logLikelihoods = new Float32Array(encoded.length);
    const scored = (): ScoredItem[] => {
      let at = 0;
      return items.map((item) => {
        at += item.choices.length;
        return { item, logLikelihoods: [...logLikelihoods.subarray(at - item.choices.length, at)] };
      });
    };
    const portions = choiceBatches(encoded, scoredTokensAtOnce, architecture.context).map((batch) => () => {
      for (const [i, value] of score(batch).entries()) logLikelihoods[batch.places[i] as number] = value;
      return batch.choices.reduce((sum, { tokens }) => sum + tokens.length - 1, 0);
    });
    const tell = () => {
      for (const each of scored()) emit(choiceEvent(name, each));
      return 0;
    };
    return { name, portions: [...portions, tell], figures: () => clozeFigures(scored()) };
  });
}

/** All responses to some problems of a task, graded. */
type Attempt = (task: string, portion: readonly Problem[]) => Promise<Attempted[]>;

/** Responses of the model: a greedy one to each problem, and as many samples as are asked for; with scores where there is a judge. */
function sampler(
  recipe: ProblemsRecipe,
  seed: number,
  { architecture, parameters, tokenizer }: Parent,
  template: ChatTemplate,
  judge: Judge = (responses) => [...responses],
): Attempt {
  const generator = createGenerator(architecture, parameters, tokenizer.ends);
  const { maxResponse: maxTokens, repetitionPenalty, stop } = recipe;
  const common = { maxTokens, repetitionPenalty, stop, seed, purpose: ['evaluate', 'sample'] };
  return async (_, portion) => {
    const numbers = Array.from({ length: recipe.samples }, (_, i) => i + 1);
    const repeated = portion.flatMap((problem) => numbers.map((number) => ({ problem, number })));
    const greedy = judge(await respond(generator, tokenizer, template, portion, { ...common, temperature: 0 }));
    const sampled = judge(
      await respond(
        generator,
        tokenizer,
        template,
        repeated.map(({ problem }) => problem),
        {
          ...common,
          temperature: recipe.temperature,
          // Named by problem and sample, so that no draw depends on what else is evaluated.
          draws: repeated.map(({ problem, number }) => `${problem.id}/${number}`),
        },
      ),
    );
    return portion.map((_, i) => ({
      greedy: greedy[i] as Response,
      sampled: sampled.slice(i * recipe.samples, (i + 1) * recipe.samples),
    }));
  };
}

/** The problems of each task, attempted; every response is told. */
function problemTasks(
  recipe: ProblemsRecipe,
  data: EvaluateJob['inputs']['data'],
  attempt: Attempt,
  { emit }: TrainerContext,
): Task[] {
  return recipe.tasks.map(({ name, source }): Task => {
    const attempted: Attempted[] = [];
    const chosen = testProblems(source, recipe.problems, data);
    return {
      name,
      portions: inGroups(chosen, problemsAtOnce).map((portion) => async () => {
        const latest = await attempt(name, portion);
        attempted.push(...latest);
        const responses = latest.map(({ greedy, sampled }) => [greedy, ...sampled]);
        for (const [index, response] of responses.flatMap((some) => [...some.entries()])) {
          emit(sampleEvent(name, 0, index, response));
        }
        return responses.flat().reduce((sum, { tokens }) => sum + tokens.length, 0);
      }),
      figures: () => taskFigures(attempted),
    };
  });
}
