import { canonicalJson, sha256 } from '../planner/key.ts';
import type { Json } from '../planner/plan.ts';
import { type Import, importedNames, readImport } from '../results/imports.ts';
import { publicationIn } from '../results/publications.ts';
import type { LineageNow } from './live.ts';

/*
 * Lineages that were imported: somebody else ran them, so they stand as they are.
 */

/** The published lineages of a home, as if all of their nodes were done. */
export async function publishedLineages(home: string): Promise<LineageNow[]> {
  const names = await importedNames(home);
  return await Promise.all(names.map(async (name) => nowOf(await readImport(home, name))));
}

/** One of them; undefined where none of that name was imported. */
export async function publishedLineage(home: string, lineage: string): Promise<LineageNow | undefined> {
  const name = publicationIn(lineage);
  if (name === undefined || !(await importedNames(home)).includes(name)) return undefined;
  return nowOf(await readImport(home, name));
}

function nowOf({ date, plan }: Import): LineageNow {
  return {
    lineage: plan.lineage,
    title: plan.title,
    file: plan.file,
    digest: sha256(canonicalJson(plan as unknown as Json)),
    plan: async () => plan,
    lastRun: new Date(date).toISOString(),
    running: false,
    paused: false,
    note: 'published figures: nothing of it was run here',
    temporal: null,
    nodes: plan.nodes.map(() => ({ state: 'done', reason: null, progress: null })),
  };
}
