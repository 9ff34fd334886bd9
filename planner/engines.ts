import { builtIn, type EngineStage, engineEntry, engines, type Honour } from '../schemas/engines.ts';
import type { Engine } from '../schemas/types/job.ts';
import { listed } from './diagnostic.ts';
import type { Fields } from './fields.ts';
import type { Task } from './plan.ts';
import type { ResolvedStage, Surroundings } from './resolved.ts';
import type { Path } from './syntax.ts';
import { own } from './tree.ts';

/**
 * A resolved stage as the engine trains it that its file names: the engine is part of the recipe, and so of the key. Undefined
 * where the engine cannot do what the recipe says; everything that it cannot is reported, by name.
 */
export function withEngine(
  resolved: ResolvedStage,
  fields: Fields,
  report: Surroundings['report'],
): ResolvedStage | undefined {
  const name = fields.text('engine') ?? builtIn;
  if (name === builtIn) return resolved;
  const { task, settings } = resolved;
  const placeOf = (option: string) => fields.path(fields.text(option) === undefined ? 'engine' : option);
  if (!takes(name as Engine, task, placeOf, report)) return undefined;
  return {
    ...resolved,
    task: { type: task.type, recipe: { ...task.recipe, engine: name } } as Task,
    settings: { ...settings, engine: name },
  };
}

/** Whether an engine can do all that a task says. What it cannot is reported, at the place of the option or of the engine. */
export function takes(
  name: Engine,
  task: Pick<Task, 'type' | 'recipe'>,
  placeOf: (option: string) => Path,
  report: Surroundings['report'],
): boolean {
  const { type } = task;
  const refused = refusedBy(name, task);
  if (refused === undefined) {
    const able = Object.entries(engines).flatMap(([other, entry]) => (own(entry.stages, type) ? [other] : []));
    const message = `${engineEntry(name).title} has no stage \`${type}\``;
    report(placeOf('engine'), 'bad-value', message, `name one that has: ${listed([builtIn, ...able])}`);
    return false;
  }
  for (const { option, value, honour } of refused) {
    const message = `with \`engine: ${name}\` there is no \`${option}: ${value}\`: ${honour.why}`;
    const said = 'fits' in honour ? honour.says : listed(honour.only.map(String));
    const others = said === '' ? '' : `let \`${option}\` be ${said}, or `;
    report(placeOf(option), 'bad-value', message, `${others}take another engine`);
    // What the defaults of an algorithm are that is refused says nothing more.
    if (option === 'algorithm') return false;
  }
  return refused.length === 0;
}

/** What a task says that an engine cannot do. */
interface RefusedOption {
  option: string;
  value: unknown;
  honour: Exclude<Honour, 'any'>;
}

/** The options of a task that an engine does not take as they are; undefined where it has no such stage at all. */
export function refusedBy(name: Engine, { type, recipe }: Pick<Task, 'type' | 'recipe'>): RefusedOption[] | undefined {
  const honours = own(engineEntry(name).stages, type as EngineStage);
  if (!honours) return undefined;
  return Object.entries(honours).flatMap(([option, honour]) => {
    const value = own(recipe as Record<string, unknown>, option);
    if (honour === 'any' || value === undefined) return [];
    const fits = 'fits' in honour ? honour.fits(recipe) : honour.only.includes(value as string);
    return fits ? [] : [{ option, value, honour }];
  });
}
