import { graderVersion, outOfDomainTasks, type Suite, upstreamTasks } from '../schemas/catalogue.ts';
import { builtIn } from '../schemas/engines.ts';
import type { EvaluateRecipe, Part } from '../schemas/types/job.ts';
import type { LineageFile } from '../schemas/types/lineage.ts';
import { generatedSource, partOf, setNameOf, sourceOf, suiteOf } from './data.ts';
import { defaults } from './defaults.ts';
import { type Diagnostic, diagnose } from './diagnostic.ts';
import { takes } from './engines.ts';
import type { Lineage } from './load.ts';
import type { PlanNode } from './plan.ts';
import { parseCount, parseNumber } from './quantities.ts';
import type { Surroundings } from './resolved.ts';
import { type DeclaredStage, dataReferences, declaredStages, isDataKind, type StageKind } from './stages.ts';
import type { Path } from './syntax.ts';
import { own, recordAt } from './tree.ts';

/** One suite as a task: the same for every model that it is asked of. */
export interface Evaluation {
  suite: string;
  recipe: EvaluateRecipe;
  settings: PlanNode['settings'];
}

/** The suites of a lineage as tasks, in declared order. A suite without anything to ask is an error. */
export function evaluationsOf(lineage: Lineage): { evaluations: Evaluation[]; diagnostics: Diagnostic[] } {
  const { file, source } = lineage;
  const evaluations: Evaluation[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const [index, suite] of (file.evaluate?.suites ?? []).entries()) {
    const declared = declaredFor(file, suite as Suite);
    const asked = declared.length > 0 ? declared : suites[suite as Suite](lineage);
    const [first, ...others] = asked.sort((a, b) => (a.name < b.name ? -1 : 1));
    if (first) {
      const evaluation = evaluationOf(file, suite as Suite, [first, ...others]);
      const report: Surroundings['report'] = (path, code, message, hint) => {
        diagnostics.push(diagnose(source.file, source.place(path), code, message, hint === undefined ? {} : { hint }));
      };
      const asked = byEngine(file, index, evaluation, report);
      if (asked) evaluations.push(asked);
    } else
      diagnostics.push(
        diagnose(
          source.file,
          source.place(['evaluate', 'suites', index]),
          'bad-value',
          `the suite \`${suite}\` has nothing to ask: this lineage trains on all of its tasks`,
          { hint: `remove \`${suite}\`` },
        ),
      );
  }
  return { evaluations, diagnostics };
}

/** An evaluation by the engine that the file names, which is part of its recipe. Undefined where that cannot ask it, which is reported. */
function byEngine(
  { evaluate }: LineageFile,
  index: number,
  evaluation: Evaluation,
  report: Surroundings['report'],
): Evaluation | undefined {
  const engine = evaluate?.engine ?? builtIn;
  if (engine === builtIn) return evaluation;
  const placeOf = (option: string): Path =>
    option === 'suite'
      ? ['evaluate', 'suites', index]
      : ['evaluate', own({ ...evaluate }, option) !== undefined ? option : 'engine'];
  const { recipe, settings } = evaluation;
  const judged = recipe.kind === 'problems' && evaluate?.rewardModel !== undefined;
  if (judged)
    report(
      ['evaluate', 'rewardModel'],
      'bad-value',
      `with \`engine: ${engine}\` no reward model scores responses`,
      'leave it out, or take another engine',
    );
  if (!takes(engine, { type: 'evaluate', recipe }, placeOf, report) || judged) return undefined;
  return {
    ...evaluation,
    recipe: { ...recipe, engine } as EvaluateRecipe,
    settings: { ...settings, engine },
  };
}

/** The data sets that a lineage declares for a suite, benchmarks among them, as parts. */
export function declaredFor(file: LineageFile, suite: Suite): Part[] {
  return Object.entries(file.data).flatMap(([name, declared]) => {
    const asked = suiteOf(declared);
    return asked?.suite === suite ? [{ name, part: asked.part, source: sourceOf(file, name) }] : [];
  });
}

/** What each suite asks of a lineage that declares nothing for it. */
const suites: Readonly<Record<Suite, (lineage: Lineage) => Part[]>> = {
  /** Text kept aside of every data set that a pretraining or CPT learns from. */
  heldout: (lineage) => trainedOn(lineage, 'text'),
  /** Continuations of which one is right, of generators. */
  upstream: () => upstreamTasks.map((task) => ({ name: task, part: 'choices', source: generatedSource(task) })),
  /** The test split of every problem set that SFT or RL learns from. */
  id: (lineage) => trainedOn(lineage, 'problems'),
  /** Other kinds of problems: those that no stage learns from. */
  ood: (lineage) => {
    const learned = new Set(
      [...trainedOn(lineage, 'text'), ...trainedOn(lineage, 'problems')].map(({ source }) =>
        'generator' in source ? source.generator : '',
      ),
    );
    return outOfDomainTasks
      .filter((task) => !learned.has(task))
      .map((task) => ({ name: task, part: 'problems', source: generatedSource(task) }));
  },
};

/** The declared data sets, each once, whose text or problems some stage learns from, also by way of what stages made of them. */
function trainedOn({ file, source }: Lineage, part: 'text' | 'problems'): Part[] {
  const stages = declaredStages(source.value);
  const names = new Set<string>();
  for (const { kind, body } of stages.values()) {
    if (!kind || !learnsFrom[part].includes(kind)) continue;
    for (const name of Object.keys(recordAt(body, 'mix'))) if (name !== 'replay') names.add(setNameOf(name));
    for (const name of rootsOf(dataReferences(body).map(setNameOf), stages)) names.add(name);
  }
  return [...names].map((name) => partOf(file, name, part));
}

const learnsFrom: Readonly<Record<'text' | 'problems', readonly StageKind[]>> = {
  text: ['pretrain', 'cpt'],
  problems: ['sft', 'rl'],
};

/** The declared data sets that some sets are made of, themselves where no stage makes them. */
function rootsOf(names: readonly string[], stages: ReadonlyMap<string, DeclaredStage>): Set<string> {
  const roots = new Set<string>();
  const seen = new Set<string>();
  const open = [...names];
  for (let name = open.shift(); name !== undefined; name = open.shift()) {
    const stage = stages.get(name);
    if (!stage || !isDataKind(stage.kind)) roots.add(name);
    else if (!seen.has(name)) open.push(...dataReferences(stage.body).map(setNameOf));
    seen.add(name);
  }
  return roots;
}

function evaluationOf(file: LineageFile, suite: Suite, parts: [Part, ...Part[]]): Evaluation {
  const usual = defaults.evaluate;
  const count = (value: unknown): number => {
    const parsed = parseCount(value);
    if (!parsed.ok) throw new Error(`evaluate: ${String(value)} ${parsed.problem}`);
    return parsed.value;
  };
  const seed = file.evaluate?.seed ?? usual.seed;
  const names = parts.map((each) => each.name).join(' + ');
  if (suite === 'heldout') {
    const tokens = count(file.evaluate?.heldoutTokens ?? usual.heldout.tokens);
    return {
      suite,
      recipe: { suite, kind: 'heldout', tokens, domains: parts },
      settings: { suite, domains: names, tokens, seed },
    };
  }
  const problems = count(file.evaluate?.problems ?? usual.problems.problems);
  if (suite === 'upstream')
    return {
      suite,
      recipe: { suite, kind: 'cloze', tasks: parts, problems },
      settings: { suite, tasks: names, problems, seed },
    };
  const number = (value: unknown, usual: number): number => {
    const parsed = parseNumber(value ?? usual);
    return parsed.ok ? parsed.value : usual;
  };
  const penalty = number(file.evaluate?.repetitionPenalty, usual.problems.repetitionPenalty);
  const stop = file.evaluate?.stop as [string, ...string[]] | undefined;
  const asked = {
    problems,
    samples: count(file.evaluate?.samples ?? usual.problems.samples),
    temperature: number(file.evaluate?.temperature, usual.problems.temperature),
    maxResponse: count(file.evaluate?.maxResponse ?? usual.problems.maxResponse),
    ...(penalty !== usual.problems.repetitionPenalty && { repetitionPenalty: penalty }),
  };
  return {
    suite,
    recipe: { suite, kind: 'problems', tasks: parts, ...asked, ...(stop && { stop }), grader: graderVersion },
    settings: { suite, tasks: names, ...asked, ...(stop && { stop: stop.join(', ') }), seed },
  };
}
