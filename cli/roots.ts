import { existsSync } from 'node:fs';
import { formatDiagnostics } from '../planner/diagnostic.ts';
import type { Plan } from '../planner/plan.ts';
import { counted } from '../words/figures.ts';
import type { Context } from './context.ts';
import { Refusal } from './failure.ts';
import { unknownLineage } from './find-node.ts';
import type { History } from './history.ts';
import { planFile } from './lineage-file.ts';

/** A lineage file as it stands now: everything that it needs stays. */
export interface Root {
  /** As it was named, else its absolute path. */
  file: string;
  plan: Plan;
}

/**
 * The lineage files that the store is kept for, each planned anew: those that are named, else those of all lineages that
 * were run in this home, but for the forgotten ones. A lineage that was run from several files has all of them that are
 * there. Throws a Refusal that names everything that cannot be read: what a file needs that nobody can read is not known.
 */
export async function findRoots(
  files: readonly string[],
  forget: readonly string[],
  history: History,
  context: Context,
): Promise<Root[]> {
  const { lineages, unreadable } = history;
  for (const name of forget) if (!lineages.has(name)) throw unknownLineage(name, [...lineages.keys()]);
  if (files.length > 0) return planAll(files, [], context);

  const problems = [...unreadable];
  const found = new Set<string>();
  for (const [lineage, [newest, ...older]] of lineages) {
    if (forget.includes(lineage)) continue;
    if (newest === undefined)
      problems.push(`the lineage ${lineage}: its plans are gone, and with them where its file is`);
    else if (!existsSync(newest)) problems.push(`the lineage ${lineage}: ${newest} is gone`);
    for (const file of [newest, ...older]) if (file !== undefined && existsSync(file)) found.add(file);
  }
  return planAll([...found].sort(), problems, context);
}

async function planAll(files: readonly string[], before: readonly string[], context: Context): Promise<Root[]> {
  const problems = [...before];
  const roots: Root[] = [];
  for (const file of files) {
    const planned = await planFile(file, context);
    if (planned.ok) roots.push({ file, plan: planned.plan });
    else problems.push(formatDiagnostics(planned.diagnostics, planned.text, { colour: false }).trimEnd());
  }
  if (problems.length > 0)
    throw new Refusal(
      `nothing is removed, because what is needed is not known: ${counted(problems.length, 'problem')}\n${problems.join('\n')}`,
      'mend this, or name the lineage files to keep the store for (descent gc FILE...), or drop a lineage that nobody needs (--forget LINEAGE)',
    );
  return roots;
}
