import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { chatTemplateFile, chatTemplateOf } from '../schemas/chat-template.ts';
import { type Head, shapeOfConfig } from '../schemas/llama.ts';
import { hasIndex, modelFilesAmong } from '../schemas/model-folder.ts';
import { indexFile } from '../schemas/safetensors.ts';
import type { Architecture, Template } from '../schemas/types/job.ts';
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

/** Everything for which a folder's model cannot be used, a sentence each: what its weights and its tokenizer say. */
export type FindProblems = (folder: string, expected: { name: string; architecture: Architecture }) => string[];

/** What a stage adopts, as far as planning has to know it. */
export interface Checkpoint {
  architecture: Architecture;
  /** Whether it is a language model or a reward model. */
  head: Head;
  recipe: AdoptRecipe;
  /** Absolute paths, in the order of the recipe's names; none of what is on the Hub. */
  files: string[];
  settings: PlanNode['settings'];
  /** How the model is asked. */
  template: Template;
  /** Whether its tokenizer has a chat template; undefined of what is on the Hub. */
  hasTemplate: boolean | undefined;
}

/**
 * The checkpoints that the stages of a lineage adopt, by the stage's name. Of what lies in a folder all files are read, for
 * their digests, and `findProblems` says what is wrong with them; of what is on the Hub the config.json is read, which
 * `findConfig` gives: its commit says the rest.
 */
export async function planCheckpoints(
  lineage: Lineage,
  findConfig: FindConfig,
  findProblems: FindProblems,
): Promise<{ checkpoints: Map<string, Checkpoint>; diagnostics: Diagnostic[] }> {
  const checkpoints = new Map<string, Checkpoint>();
  const diagnostics: Diagnostic[] = [];
  for (const stage of declaredStages(lineage.source.value).values()) {
    if (stage.kind !== 'adopt') continue;
    const found = await planCheckpoint(lineage, stage, stage.body as unknown as Adopt, findConfig, findProblems);
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
  findProblems: FindProblems,
): Promise<Checkpoint | { diagnostic: Diagnostic }> {
  const field = 'hub' in declared ? 'hub' : 'folder';
  const refuse = (problem: string, hint?: string, at: string = field) => {
    const code = at === field ? 'bad-files' : 'bad-value';
    return { diagnostic: diagnose(source.file, source.place(['stages', name, 'adopt', at]), code, problem, { hint }) };
  };
  const what = 'hub' in declared ? `${declared.hub} at ${declared.revision.slice(0, 12)}` : shown(declared.folder);
  const found =
    'hub' in declared ? await askHub(declared, findConfig) : await readFolder(resolve(dirname(path)), declared.folder);
  if (!found.ok) return refuse('hub' in declared ? `${what} ${found.problem}` : found.problem, found.hint);
  const shape = shapeOfConfig(found.config);
  if (!shape.ok) {
    return refuse(`${what} is another kind of model: its config.json says ${shape.problems.join('; ')}`, familyHint);
  }
  if ('folder' in declared) {
    const problems = findProblems(resolve(dirname(path), declared.folder), {
      name: `\`${name}\``,
      architecture: shape.architecture,
    });
    if (problems.length > 0) return refuse(`${what} cannot be adopted: ${problems.join('; ')}`, savedHint);
  }
  const { context = shape.architecture.context } = declared;
  if (context > shape.architecture.context) {
    const problem = `a context of ${context} is more than the ${shape.architecture.context} that ${what} reads (max_position_embeddings)`;
    return refuse(problem, 'lower `context`, or remove it', 'context');
  }
  const { template = 'paper' } = declared;
  if (template === 'tokenizer' && found.hasTemplate === false) {
    const problem = `${what} has no chat template: neither \`chat_template\` in its tokenizer_config.json nor a ${chatTemplateFile}`;
    return refuse(problem, 'remove `template`, for prompts as in the paper', 'template');
  }
  const recipe = context === shape.architecture.context ? found.content : { ...found.content, context };
  return {
    architecture: { ...shape.architecture, context },
    head: shape.head,
    recipe,
    files: found.files,
    settings: { ...declared, context },
    template,
    hasTemplate: found.hasTemplate,
  };
}

const familyHint =
  'Descent trains Llama-shaped models alone; the requirements are under “adopt” in docs/lineage-file.md';
const savedHint = 'copy it again, or save it with model.save_pretrained and tokenizer.save_pretrained of transformers';

/** What there is at a place: its config, and what its content is known by. */
type Found =
  | { ok: true; config: unknown; content: AdoptRecipe; files: string[]; hasTemplate: boolean | undefined }
  | { ok: false; problem: string; hint?: string };

async function askHub({ hub, revision }: AdoptHub, findConfig: FindConfig): Promise<Found> {
  const found = await findConfig(hub, revision);
  return found.ok ? { ...found, content: { hub, revision }, files: [], hasTemplate: undefined } : found;
}

/** A folder's config, and the files that make its model with their digests; or, in a sentence, why there is no model in it. */
async function readFolder(root: string, folder: string): Promise<Found> {
  const refuse = (problem: string, hint?: string): Found => ({ ok: false, problem, ...(hint && { hint }) });
  if (/[*?]/.test(folder)) return refuse(`${shown(folder)} is a pattern, and one folder is expected`);
  const found = await findFiles(root, `${folder}/*`);
  if (!found.ok && found.why === 'no-match') return { ok: false, ...(await whyNoFile(root, folder)) };
  if (!found.ok) return refuse(`${shown(folder)} ${found.problem}`, found.hint);
  const at = (name: string) => join(root, folder, name);
  try {
    const there = new Set(found.names.map((name) => basename(name)));
    const among = modelFilesAmong(there, hasIndex(there) ? await readFile(at(indexFile)) : undefined);
    const config: unknown = there.has('config.json')
      ? JSON.parse(await readFile(at('config.json'), 'utf8'))
      : undefined;
    if (!among.ok) {
      const shape = config === undefined ? undefined : shapeOfConfig(config);
      const isOther = shape?.ok === false;
      const kind = isOther ? `, and its config.json says ${shape.problems.join('; ')}` : '';
      const problem = `${shown(folder)} is no Hugging Face shaped model: ${listed(among.problems)}${kind}`;
      return refuse(problem, isOther ? familyHint : savedHint);
    }
    const files = among.names.map(at);
    const digests: string[] = [];
    for (const file of files) digests.push(await digestFile(file));
    const hasTemplate =
      there.has(chatTemplateFile) || saysTemplate(await readFile(at('tokenizer_config.json'), 'utf8'));
    return { ok: true, config, content: { names: among.names, digests }, files, hasTemplate };
  } catch (error) {
    if (error instanceof SyntaxError)
      return refuse(`${shown(folder)} has a config.json that is not JSON (${error.message})`);
    return refuse(`${shown(folder)} cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
  }
}

/** Whether a tokenizer_config.json has a chat template; undefined where it is not JSON, which `FindProblems` tells. */
function saysTemplate(text: string): boolean | undefined {
  try {
    return chatTemplateOf(JSON.parse(text), undefined) !== undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Why a folder that lies inside of the lineage's has no file, and what to do. */
async function whyNoFile(root: string, folder: string): Promise<{ problem: string; hint: string }> {
  const path = join(root, folder);
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  });
  if (found === undefined)
    return {
      problem: `there is no folder ${shown(folder)}`,
      hint: 'it is looked for from the folder of the lineage file',
    };
  if (!found.isDirectory())
    return { problem: `${shown(folder)} is a file; name its folder`, hint: `adopt: {folder: ${dirname(folder)}}` };
  const isEmpty = (await readdir(path)).length === 0;
  const problem = isEmpty
    ? `${shown(folder)} is empty`
    : `${shown(folder)} has no file of its own, only folders or hidden files`;
  return { problem, hint: isEmpty ? savedHint : 'name the folder that has config.json' };
}
