import type { PlanNode } from '../planner/plan.ts';
import { commandName, engineOf } from '../schemas/engines.ts';
import type { TemporalConfig } from '../temporal.config.ts';
import { counted } from '../words/figures.ts';

/**
 * The programs (`engine: command/<name>`) that are to train or evaluate nodes and that temporal.config does not name, a sentence
 * each. No error: what another machine's worker is told is not known here.
 */
export function programNotes(nodes: readonly PlanNode[], { engines = {} }: Pick<TemporalConfig, 'engines'>): string[] {
  const wanted = new Map<string, number>();
  for (const { recipe } of nodes) {
    const engine = engineOf(recipe);
    const name = engine === undefined ? undefined : commandName(engine);
    if (name !== undefined && !Object.hasOwn(engines, name)) wanted.set(name, (wanted.get(name) ?? 0) + 1);
  }
  return [...wanted].map(
    ([name, count]) =>
      `\`engines\` of temporal.config has no program \`${name}\`, which is the engine of ${counted(count, 'node')}: a worker without it fails ${count === 1 ? 'it' : 'them'}`,
  );
}
