import { builtIn, type EngineStage, engines } from '../schemas/engines.ts';
import type { Engine } from '../schemas/types/job.ts';
import { listed, shown } from './diagnostic.ts';
import type { Fields } from './fields.ts';
import type { Task } from './plan.ts';
import type { ResolvedStage, Surroundings } from './resolved.ts';
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
  const { title, stages } = engines[name as Engine];
  const honours = own(stages, task.type as EngineStage);
  if (!honours) {
    const able = Object.entries(engines).flatMap(([other, entry]) => (own(entry.stages, task.type) ? [other] : []));
    const message = `${title} has no stage \`${task.type}\``;
    report(fields.path('engine'), 'bad-value', message, `name one that has: ${listed([builtIn, ...able])}`);
    return undefined;
  }
  let able = true;
  for (const [option, honour] of Object.entries(honours)) {
    const value = own(task.recipe as Record<string, unknown>, option);
    if (honour === 'any' || value === undefined || honour.only.includes(value as string)) continue;
    able = false;
    const isWritten = fields.text(option) !== undefined;
    const message = `with \`engine: ${name}\` there is no \`${option}: ${shown(value)}\`: ${honour.why}`;
    const others = honour.only.length > 0 ? `say ${listed(honour.only.map(String))}, or ` : '';
    report(fields.path(isWritten ? option : 'engine'), 'bad-value', message, `${others}take another engine`);
  }
  if (!able) return undefined;
  return {
    ...resolved,
    task: { type: task.type, recipe: { ...task.recipe, engine: name } } as Task,
    settings: { ...settings, engine: name },
  };
}
