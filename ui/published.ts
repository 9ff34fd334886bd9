import { statSync } from 'node:fs';
import { join } from 'node:path';
import { planDigest } from '../planner/key.ts';
import { type Import, importedNames, readImport } from '../results/imports.ts';
import { publicationIn } from '../results/publications.ts';
import { importsFolder } from '../store/home.ts';
import type { LineageNow } from './live.ts';

/** Lineages that were imported: somebody else ran them, so they stand as they are. */
export interface Published {
  all(): Promise<LineageNow[]>;
  /** One of them; undefined where none of that name was imported. */
  lineage(name: string): Promise<LineageNow | undefined>;
}

/** The published lineages of a home, each read when it is asked for, and again where it was imported anew. */
export function openPublished(home: string): Published {
  const known = new Map<string, { at: number; now: LineageNow }>();
  const read = async (name: string): Promise<LineageNow> => {
    const at = statSync(join(importsFolder(home), `${name}.json`), { throwIfNoEntry: false })?.mtimeMs ?? 0;
    const before = known.get(name);
    if (before?.at === at) return before.now;
    const now = nowOf(await readImport(home, name));
    known.set(name, { at, now });
    return now;
  };
  return {
    all: async () => await Promise.all((await importedNames(home)).map(read)),
    async lineage(lineage) {
      const name = publicationIn(lineage);
      return name !== undefined && (await importedNames(home)).includes(name) ? await read(name) : undefined;
    },
  };
}

function nowOf({ date, plan }: Import): LineageNow {
  return {
    lineage: plan.lineage,
    title: plan.title,
    file: plan.file,
    digest: planDigest(plan),
    plan: async () => plan,
    lastRun: new Date(date).toISOString(),
    running: false,
    paused: false,
    note: 'published figures: nothing of it was run here',
    temporal: null,
    nodes: plan.nodes.map(() => ({ state: 'done', reason: null, progress: null })),
  };
}
