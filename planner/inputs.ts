import { dirname, resolve } from 'node:path';
import { benchmarks, suites } from '../schemas/catalogue.ts';
import type { TokenizerRecipe } from '../schemas/types/job.ts';
import type { FileData, HubData, LineageFile } from '../schemas/types/lineage.ts';
import { axisNamed, readAxes } from './axes.ts';
import { dataRole, partOf, setNameOf, suiteOf } from './data.ts';
import { defaults } from './defaults.ts';
import { type Diagnostic, diagnose } from './diagnostic.ts';
import { declaredFor } from './evaluations.ts';
import { digestFile } from './files.ts';
import { sourceIdentity } from './identity.ts';
import { canonicalJson } from './key.ts';
import type { Lineage } from './load.ts';
import { nodeMaker, placementOf } from './nodes.ts';
import type { DataRecipe, HubDataRecipe, HubTokenizerRecipe, Key, PlanNode, Preparation } from './plan.ts';
import { parseCount, parseFraction } from './quantities.ts';
import { dataReferences, declaredStages } from './stages.ts';
import { listAt, own, recordAt } from './tree.ts';

/** Tokens of the byte tokenizer: 256 bytes and <|endoftext|>. */
export const byteVocabulary = 257;

/** The nodes of the file data that stages and tokenizers use, in declared order. Reads the files, for their digests. */
export async function planData(
  lineage: Lineage,
  accept?: (node: PlanNode) => PlanNode,
): Promise<{ nodes: PlanNode[]; diagnostics: Diagnostic[] }> {
  const { file, source, files } = lineage;
  const used = usedDataSets(lineage);
  const makeNode = nodeMaker({}, accept);
  const nodes: PlanNode[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const [name, declared] of Object.entries(file.data)) {
    const found = files.get(name);
    if (!used.has(name)) continue;
    const address = dataRole(name);
    if ('hub' in declared) {
      const recipe = hubRecipe(declared);
      const { hub, revision, patterns } = recipe;
      const settings = { hub, revision, files: patterns.join(' + '), ...preparationSettings(recipe) };
      nodes.push(makeNode({ type: 'data', recipe }, { address, ...withoutStage(address, file), settings }));
      continue;
    }
    if (!('files' in declared) || !found) continue;
    const paths = found.names.map((each) => resolve(dirname(lineage.path), each));
    const digests: string[] = [];
    for (const path of paths) {
      try {
        digests.push(await digestFile(path));
      } catch (error) {
        const message = `${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)})`;
        diagnostics.push(diagnose(source.file, source.place(['data', name, 'files']), 'bad-files', message));
      }
    }
    const recipe: DataRecipe = { format: found.format, digests, ...preparation(declared) };
    const settings = { format: recipe.format, files: paths.length, ...preparationSettings(recipe) };
    nodes.push(makeNode({ type: 'data', recipe }, { address, ...withoutStage(address, file), settings, files: paths }));
  }
  return { nodes, diagnostics };
}

function hubRecipe(declared: HubData): HubDataRecipe {
  const { hub, revision, files } = declared;
  return { hub, revision, patterns: [files].flat().sort(), ...preparation(declared) };
}

/** How files become a data set, whichever they are. */
function preparation(declared: FileData | HubData): Preparation {
  const { benchmark, prompts, columns, heldout } = declared;
  if (benchmark !== undefined) {
    const version = own(benchmarks, benchmark)?.version;
    if (version === undefined) throw new Error(`no benchmark ${benchmark}`);
    return { benchmark, version, prompts: prompts ?? defaults.benchmark.prompts };
  }
  const usual = suiteOf(declared) ? 1 : defaults.files.heldout;
  const share = parseFraction(heldout ?? usual);
  return { columns: { ...defaults.files.columns, ...columns }, heldout: share.ok ? share.value : usual };
}

function preparationSettings(recipe: Preparation): PlanNode['settings'] {
  if ('columns' in recipe) return { heldout: recipe.heldout };
  const { benchmark, prompts } = recipe;
  return { benchmark, prompts };
}

/** The nodes of the tokenizers of all models that are pretrained, by name, in declared order. */
export function planTokenizers(
  lineage: Lineage,
  dataKeys: Readonly<Record<string, Key>>,
  accept?: (node: PlanNode) => PlanNode,
): Map<string, PlanNode> {
  const { file } = lineage;
  const makeNode = nodeMaker(dataKeys, accept);
  const used = new Set(pretrainedModels(lineage).map((model) => tokenizerOf(file, model)));
  const nodes = new Map<string, PlanNode>();
  for (const name of [...Object.keys(file.tokenizers ?? {}), 'bytes']) {
    if (!used.has(name) || nodes.has(name)) continue;
    const recipe = tokenizerRecipe(file, name, dataKeys);
    const settings = tokenizerSettings(recipe);
    const address = `tokenizer:${name}`;
    nodes.set(name, makeNode({ type: 'tokenizer', recipe }, { address, ...withoutStage(address, file), settings }));
  }
  return nodes;
}

/** The tokenizer of a model, by name: the one it names, the only one declared, or `bytes` where none is. */
export function tokenizerOf(file: LineageFile, model: string): string {
  return own(file.models ?? {}, model)?.tokenizer ?? Object.keys(file.tokenizers ?? {})[0] ?? 'bytes';
}

/** Tokens that a tokenizer knows. */
export function vocabularyOf(recipe: TokenizerRecipe | HubTokenizerRecipe): number {
  return recipe.kind === 'bytes' ? byteVocabulary : recipe.vocab;
}

/** Data sets are in an order that depends on what they are, not on where they stand in the list. */
function tokenizerRecipe(
  file: LineageFile,
  name: string,
  dataKeys: Readonly<Record<string, Key>>,
): TokenizerRecipe | HubTokenizerRecipe {
  const declared = own(file.tokenizers ?? {}, name);
  if (declared && 'hub' in declared)
    return { kind: 'hub', hub: declared.hub, revision: declared.revision, vocab: wholeNumber(declared.vocab) };
  const bpe = declared?.bpe;
  if (!bpe) return { kind: 'bytes' };
  const rank = (part: ReturnType<typeof partOf>) =>
    `${canonicalJson(sourceIdentity(part.source, dataKeys))} ${part.part}`;
  const [first, ...others] = bpe.data
    .map((reference) => partOf(file, reference, 'text'))
    .sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
  if (!first) throw new Error(`the tokenizer ${name} has no data`);
  return {
    kind: 'bpe',
    vocab: wholeNumber(bpe.vocab),
    characters: wholeNumber(bpe.characters ?? defaults.tokenizer.characters),
    data: [first, ...others],
  };
}

function tokenizerSettings(recipe: TokenizerRecipe | HubTokenizerRecipe): PlanNode['settings'] {
  if (recipe.kind === 'bytes') return { kind: recipe.kind, vocab: byteVocabulary };
  if (recipe.kind === 'hub') return { ...recipe };
  const { kind, vocab, characters, data } = recipe;
  return { kind, vocab, characters, data: data.map((part) => part.name).join(' + ') };
}

function wholeNumber(value: unknown): number {
  const count = parseCount(value);
  if (!count.ok) throw new Error(`${String(value)} ${count.problem}`);
  return count.value;
}

function withoutStage(address: string, file: LineageFile) {
  return { stage: address, axes: {}, seed: 0, parents: {}, placement: placementOf(file), architecture: null };
}

function usedDataSets({ file, source }: Lineage): Set<string> {
  const references = Object.values(file.tokenizers ?? {}).flatMap((each) =>
    'hub' in each ? [] : (each.bpe?.data ?? []),
  );
  for (const { body } of declaredStages(source.value).values()) {
    references.push(...dataReferences(body), ...Object.keys(recordAt(body, 'mix')));
    references.push(...listAt(body, 'decontaminate').map(String));
  }
  for (const suite of suites)
    if (file.evaluate?.suites.includes(suite)) references.push(...declaredFor(file, suite).map(({ name }) => name));
  return new Set(references.map(setNameOf));
}

function pretrainedModels({ source }: Lineage): string[] {
  const axes = readAxes(source);
  return [...declaredStages(source.value).values()].flatMap(({ body }) => {
    const model = body.model;
    const values = axes.get(axisNamed(model) ?? '')?.values.map(({ value }) => value) ?? [model];
    return values.filter((value) => typeof value === 'string');
  });
}
