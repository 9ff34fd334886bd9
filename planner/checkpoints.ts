import { readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { shapeOfConfig } from '../schemas/llama.ts';
import { hasIndex, modelFilesAmong } from '../schemas/model-folder.ts';
import { indexFile } from '../schemas/safetensors.ts';
import type { Architecture } from '../schemas/types/job.ts';
import type { Adopt, AdoptHub } from '../schemas/types/lineage.ts';
import { type Diagnostic, diagnose, listed, shown } from './diagnostic.ts';
import { digestFile, findFiles } from './files.ts';
import type { Lineage } from './load.ts';
import type { AdoptRecipe, PlanNode } from './plan.ts';
import { type DeclaredStage, declaredStages } from './stages.ts';

/** The content of a repository's config.json at a commit; or why it is not known here, and what to do. */
export type FindConfig = (
  hub: string,
  revision: string,
) => Promise<{ ok: true; config: unknown } | { ok: false; problem: string; hint: string }>;

/** What a stage adopts, as far as planning has to know it. */
export interface Checkpoint {
  architecture: Architecture;
  recipe: AdoptRecipe;
  /** Absolute paths, in the order of the recipe's names; none of what is on the Hub. */
  files: string[];
  settings: PlanNode['settings'];
}

/**
 * The checkpoints that the stages of a lineage adopt, by the stage's name. Of what lies in a folder all files are read, for
 * their digests; of what is on the Hub the config.json, which `findConfig` gives: its commit says the rest.
 */
export async function planCheckpoints(
  lineage: Lineage,
  findConfig: FindConfig,
): Promise<{ checkpoints: Map<string, Checkpoint>; diagnostics: Diagnostic[] }> {
  const checkpoints = new Map<string, Checkpoint>();
  const diagnostics: Diagnostic[] = [];
  for (const stage of declaredStages(lineage.source.value).values()) {
    if (stage.kind !== 'adopt') continue;
    const found = await planCheckpoint(lineage, stage, stage.body as unknown as Adopt, findConfig);
    if ('diagnostic' in found) diagnostics.push(found.diagnostic);
    else checkpoints.set(stage.name, found);
  }
  return { checkpoints, diagnostics };
}

async function planCheckpoint(
  { source, path }: Lineage,
  { name }: DeclaredStage,
  declared: Adopt,
  findConfig: FindConfig,
): Promise<Checkpoint | { diagnostic: Diagnostic }> {
  const field = 'hub' in declared ? 'hub' : 'folder';
  const refuse = (problem: string, hint?: string, at: string = field) => {
    const code = at === 'context' ? 'bad-value' : 'bad-files';
    return { diagnostic: diagnose(source.file, source.place(['stages', name, 'adopt', at]), code, problem, { hint }) };
  };
  const what = 'hub' in declared ? `${declared.hub} at ${declared.revision.slice(0, 12)}` : shown(declared.folder);
  const found =
    'hub' in declared ? await askHub(declared, findConfig) : await readFolder(resolve(dirname(path)), declared.folder);
  if (!found.ok) return refuse(`${what} ${found.problem}`, found.hint);
  const shape = shapeOfConfig(found.config);
  if (!shape.ok) {
    const hint = 'Descent trains Llama-shaped models alone; the requirements are under “adopt” in docs/lineage-file.md';
    return refuse(`${what} is another kind of model: its config.json says ${shape.problems.join('; ')}`, hint);
  }
  const { context = shape.architecture.context } = declared;
  if (context > shape.architecture.context) {
    const problem = `a context of ${context} is more than the ${shape.architecture.context} that ${what} reads (max_position_embeddings)`;
    return refuse(problem, 'lower `context`, or remove it', 'context');
  }
  const recipe = context === shape.architecture.context ? found.content : { ...found.content, context };
  return {
    architecture: { ...shape.architecture, context },
    recipe,
    files: found.files,
    settings: { ...declared, context },
  };
}

/** What there is at a place: its config, and what its content is known by. */
type Found =
  | { ok: true; config: unknown; content: AdoptRecipe; files: string[] }
  | { ok: false; problem: string; hint?: string };

async function askHub({ hub, revision }: AdoptHub, findConfig: FindConfig): Promise<Found> {
  const found = await findConfig(hub, revision);
  return found.ok ? { ...found, content: { hub, revision }, files: [] } : found;
}

/** A folder's config, and the files that make its model with their digests. */
async function readFolder(root: string, folder: string): Promise<Found> {
  if (/[*?]/.test(folder)) return { ok: false, problem: 'is a pattern, and one folder is expected' };
  const found = await findFiles(root, `${folder}/*`);
  if (!found.ok) return found;
  const at = (name: string) => join(root, folder, name);
  try {
    const there = new Set(found.names.map((name) => basename(name)));
    const among = modelFilesAmong(there, hasIndex(there) ? await readFile(at(indexFile)) : undefined);
    if (!among.ok)
      return {
        ok: false,
        problem: `is no Hugging Face shaped model: ${listed(among.problems)}`,
        hint: 'save it with model.save_pretrained and tokenizer.save_pretrained of transformers',
      };
    const config: unknown = JSON.parse(await readFile(at('config.json'), 'utf8'));
    const files = among.names.map(at);
    const digests: string[] = [];
    for (const file of files) digests.push(await digestFile(file));
    return { ok: true, config, content: { names: among.names, digests }, files };
  } catch (error) {
    if (error instanceof SyntaxError)
      return { ok: false, problem: `has a config.json that is not JSON (${error.message})` };
    return { ok: false, problem: `cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)})` };
  }
}
