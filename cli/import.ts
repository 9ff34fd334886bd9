import { parameterCount } from '../planner/architecture.ts';
import { didYouMean, formatDiagnostics } from '../planner/diagnostic.ts';
import { planLineage } from '../planner/expand.ts';
import { loadLineage } from '../planner/load.ts';
import type { Plan } from '../planner/plan.ts';
import { isModel } from '../planner/stages.ts';
import { withDatabase } from '../results/database.ts';
import { type Import, importedNames, recordImport, writeImport } from '../results/imports.ts';
import { figuresOf, lineageOf, modelsPath, type Publication, publications } from '../results/publications.ts';
import { findHome } from '../store/home.ts';
import { counted } from '../words/figures.ts';
import { type Context, type ExitCode, exitCodes } from './context.ts';
import { CommandError } from './failure.ts';

/**
 * `descent import published/NAME`: the figures of a paper enter the results, as a lineage of that name; `descent import
 * published` lists what there is. Done twice, it changes nothing. Needs no network.
 */
export async function importPublished(what: string, { json }: { json?: true }, context: Context): Promise<ExitCode> {
  const { terminal } = context;
  const home = findHome(context.cwd, context.env);
  if (what === 'published') {
    const there = await listed(home);
    terminal.out(json ? JSON.stringify(there, null, 2) : there.map(renderListed).join('\n'));
    return exitCodes.fine;
  }
  const publication = findPublication(what);
  const imported = await readPublication(publication);
  const changed = await writeImport(home, imported);
  await withDatabase(home, 'write', (connection) => recordImport(connection, imported));
  const { lineage, figures, models } = countsOf(publication, imported);
  if (json) {
    terminal.out(JSON.stringify({ lineage, changed, figures, models }, null, 2));
    return exitCodes.fine;
  }
  terminal.out(
    [
      changed
        ? `imported ${lineage}: ${counted(figures, 'figure')} of ${counted(models, 'model')}, from ${publication.reference}`
        : `${lineage} was imported before: ${counted(figures, 'figure')} of ${counted(models, 'model')}; nothing changed`,
      '  its tables:        descent query table1',
      `  its claims:        descent takeaways ${lineage}`,
      `  all on a page:     descent report ${lineage}`,
      '  figure by figure:  descent query published',
    ].join('\n'),
  );
  return exitCodes.fine;
}

/**
 * A publication as it ships: its models planned as those of any lineage file, under its own lineage's name, with what is
 * known of them and its figures.
 */
export async function readPublication(publication: Publication): Promise<Import> {
  const plan = await planOf(publication);
  const figures = figuresOf(publication);
  const facts: Import['facts'] = {};
  for (const { type, address, architecture } of plan.nodes)
    if (isModel(type) && architecture) facts[address] = { parameters: parameterCount(architecture) };
  // EvoLM's collapsed runs wrote longer and longer responses, until they no longer fitted.
  for (const { address, note } of figures)
    if (address !== null && note === 'collapsed') facts[address] = { ...facts[address], collapse: 'runaway-length' };
  return { publication: publication.name, date: publication.date, plan, facts, figures };
}

async function planOf(publication: Publication): Promise<Plan> {
  const loaded = await loadLineage(modelsPath(publication));
  const planned = loaded.ok ? await planLineage(loaded.lineage) : { ...loaded, ok: false as const };
  if (!planned.ok) throw new Error(formatDiagnostics(planned.diagnostics, planned.text, { colour: false }));
  return { ...planned.plan, lineage: lineageOf(publication), file: `results/published/${publication.name}.yaml` };
}

function findPublication(what: string): Publication {
  const found = publications.find((publication) => lineageOf(publication) === what);
  if (found) return found;
  const near = didYouMean(what, publications.map(lineageOf));
  const list = '`descent import published` lists what there is';
  throw new CommandError(`there is nothing to import by the name ${what}`, near ? `${near} ${list}` : list);
}

interface Listed {
  lineage: string;
  title: string;
  reference: string;
  figures: number;
  imported: boolean;
}

async function listed(home: string): Promise<Listed[]> {
  const there = await importedNames(home);
  return publications.map((publication) => {
    const { name, title, reference } = publication;
    const figures = figuresOf(publication).length;
    return { lineage: lineageOf(publication), title, reference, figures, imported: there.includes(name) };
  });
}

function renderListed({ lineage, title, reference, figures, imported }: Listed): string {
  const state = imported ? 'imported' : `descent import ${lineage}`;
  return `${lineage}: ${title} (${reference}), ${counted(figures, 'figure')}\n  ${state}`;
}

function countsOf(publication: Publication, { figures }: Import): { lineage: string; figures: number; models: number } {
  const models = new Set(figures.flatMap(({ address }) => address ?? []));
  return { lineage: lineageOf(publication), figures: figures.length, models: models.size };
}
