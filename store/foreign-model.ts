import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { configNames, parameterShapes, shapeDifferences, shapeOfConfig } from '../schemas/llama.ts';
import type { Architecture } from '../schemas/types/job.ts';
import { readSafetensorsHeader } from './safetensors.ts';

/** The files that make a model folder; the last is taken along where it is there. */
export const modelFiles = ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'] as const;
export const optionalModelFiles = ['generation_config.json'] as const;

/** What a folder's model has to be. */
export interface ExpectedModel {
  /** The node that it is to stand for, as sentences name it. */
  name: string;
  architecture: Architecture;
  /** The content of the tokenizer.json that its relatives read with, and whose it is; undefined where none is known yet. */
  tokenizer: { json: unknown; of: string } | undefined;
}

/** The token that ends documents and responses. */
const endOfText = '<|endoftext|>';

/** Problems of one sort that are told one by one. */
const mostTold = 5;

/**
 * Everything for which a Hugging Face shaped folder cannot stand for a model, a sentence each; none where it can. Reads the
 * small files, and of the weights the header.
 */
export function modelProblems(folder: string, expected: ExpectedModel): string[] {
  const missing = modelFiles.filter((name) => !isFile(join(folder, name)));
  const there = (name: (typeof modelFiles)[number]) => !missing.includes(name);
  const sharded = !there('model.safetensors') && isFile(join(folder, 'model.safetensors.index.json'));
  return [
    ...missing.map((name) => `${name} is missing`),
    ...(sharded ? ['its weights are in several files: save them as one (max_shard_size of save_pretrained)'] : []),
    ...(there('config.json') ? configProblems(join(folder, 'config.json'), expected) : []),
    ...(there('model.safetensors') ? weightProblems(join(folder, 'model.safetensors'), expected) : []),
    ...(there('tokenizer.json') ? tokenizerProblems(join(folder, 'tokenizer.json'), expected) : []),
  ];
}

/** A file's JSON; undefined where it is none. */
export function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

function configProblems(path: string, { name, architecture }: ExpectedModel): string[] {
  const config = readJson(path);
  if (config === undefined) return ['config.json is not JSON'];
  const shape = shapeOfConfig(config);
  if (!shape.ok) return shape.problems.map((problem) => `config.json describes another kind of model: ${problem}`);
  return shapeDifferences(shape.architecture, architecture).map((field) => {
    const found = `${field} ${shape.architecture[field]} (${configNames[field]})`;
    return `config.json has ${found}, and ${name} has ${architecture[field]}`;
  });
}

function weightProblems(path: string, { architecture, name }: ExpectedModel): string[] {
  const header = readSafetensorsHeader(path);
  if (!header.ok) return [`model.safetensors ${header.problem}`];
  const { tensors } = header;
  const shapes = parameterShapes(architecture);
  const others = [...tensors.keys()].filter((tensor) => !Object.hasOwn(shapes, tensor));
  const types = new Map<string, string[]>();
  for (const [tensor, { dtype }] of tensors) types.set(dtype, [...(types.get(dtype) ?? []), tensor]);
  types.delete('F32');
  return [
    ...several(
      Object.entries(shapes).flatMap(([tensor, shape]) => {
        const found = tensors.get(tensor);
        if (!found) return [`model.safetensors lacks ${tensor}`];
        if (found.shape.join() === shape.join()) return [];
        return [`${tensor} has the shape [${found.shape}], and that of ${name} is [${shape}]`];
      }),
      'tensors',
    ),
    ...several(
      others.map((tensor) => `model.safetensors has ${tensor}, which models of this kind do not`),
      'tensors',
    ),
    ...[...types].map(
      ([dtype, of]) =>
        `${of.length} tensors are of the type ${dtype}, and weights are read as F32: save it in float32 (model.float().save_pretrained(...))`,
    ),
  ];
}

function tokenizerProblems(path: string, { architecture, tokenizer }: ExpectedModel): string[] {
  const json = readJson(path);
  if (json === undefined) return ['tokenizer.json is not JSON'];
  if (tokenizer !== undefined)
    return isDeepStrictEqual(json, tokenizer.json)
      ? []
      : [`tokenizer.json is another tokenizer than that of ${tokenizer.of}`];
  const tokens = tokensOf(json);
  if (typeof tokens === 'string') return [tokens];
  return [
    ...(tokens.size === architecture.vocab
      ? []
      : [`tokenizer.json knows ${tokens.size} tokens, and the model's vocabulary has ${architecture.vocab}`]),
    ...(tokens.has(endOfText) ? [] : [`tokenizer.json has no token ${endOfText}, which ends documents and responses`]),
  ];
}

/** All tokens that a tokenizer.json names, or what is wrong with it. */
function tokensOf(json: unknown): Set<string> | string {
  const { model, added_tokens: added } = fieldsOf(json);
  const { type, vocab } = fieldsOf(model);
  if (typeof model !== 'object' || model === null) return 'tokenizer.json is no tokenizer: it has no object `model`';
  if (Array.isArray(vocab))
    return `tokenizer.json has a list for a vocabulary, as the kind ${type ?? 'Unigram'} does: a tokenizer of the kind BPE is expected`;
  if (typeof vocab !== 'object' || vocab === null)
    return 'tokenizer.json is no tokenizer: its `model.vocab` is no object of tokens and their ids';
  const others = added ?? [];
  if (!Array.isArray(others) || !others.every((one) => typeof fieldsOf(one).content === 'string'))
    return 'tokenizer.json is no tokenizer: its `added_tokens` is no list of tokens with a `content`';
  return new Set([...Object.keys(vocab), ...others.map(({ content }: { content: string }) => content)]);
}

/** The fields of an object; none of whatever is no object. */
function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function several(problems: readonly string[], what: string): string[] {
  if (problems.length <= mostTold) return [...problems];
  return [...problems.slice(0, mostTold), `and ${problems.length - mostTold} more ${what} like these`];
}
