import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { endToken } from '../schemas/end-token.ts';
import {
  architectureNames,
  configNames,
  type Head,
  isComputed,
  shapeDifferences,
  shapeOfConfig,
  storedShapes,
} from '../schemas/llama.ts';
import { hasIndex, modelFilesAmong, neededFiles } from '../schemas/model-folder.ts';
import { indexFile, isReadable } from '../schemas/safetensors.ts';
import type { Architecture } from '../schemas/types/job.ts';
import { isFile, readTensors } from './foreign-weights.ts';

/** Which token ends a text is said in these. */
const endFiles = ['tokenizer_config.json', 'generation_config.json'] as const;

/** What a folder's model has to be. */
export interface ExpectedModel {
  /** The node that it is to stand for, as sentences name it. */
  name: string;
  architecture: Architecture;
  /** Whether it is a language model or a reward model. Default: either will do. */
  head?: Head;
  /** The content of the tokenizer.json that its relatives read with, and whose it is; undefined where none is known yet. */
  tokenizer: { json: unknown; of: string } | undefined;
}

/** Problems of one sort that are told one by one. */
const mostTold = 5;

/**
 * Everything for which a Hugging Face shaped folder cannot stand for a model, a sentence each; none where it can. Reads the
 * small files, and of the weights the headers.
 */
export function modelProblems(folder: string, expected: ExpectedModel): string[] {
  const there = (name: string) => isFile(join(folder, name));
  const missing = neededFiles.filter((name) => !there(name));
  return [
    ...missing.map((name) => `${name} is missing`),
    ...(there('config.json') ? configProblems(join(folder, 'config.json'), expected) : []),
    ...weightProblems(folder, expected),
    ...(there('tokenizer.json') ? tokenizerProblems(folder, expected) : []),
    ...endFiles
      .filter((name) => there(name) && readJson(join(folder, name)) === undefined)
      .map((name) => `${name} is not JSON`),
  ];
}

/** The names of the files in a folder that make its model; of one that has no problems. */
export function modelFiles(folder: string): string[] {
  const there = new Set(readdirSync(folder).filter((name) => isFile(join(folder, name))));
  const files = modelFilesAmong(there, hasIndex(there) ? readFileSync(join(folder, indexFile)) : undefined);
  if (!files.ok) throw new Error(`${folder}: ${files.problems.join('; ')}`);
  return files.names;
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

function configProblems(path: string, { name, architecture, head }: ExpectedModel): string[] {
  const config = readJson(path);
  if (config === undefined) return ['config.json is not JSON'];
  const shape = shapeOfConfig(config);
  if (!shape.ok) return shape.problems.map((problem) => `config.json describes another kind of model: ${problem}`);
  const differences = shapeDifferences(shape.architecture, architecture).map((field) => {
    const found = `${field} ${shape.architecture[field]} (${configNames[field]})`;
    return `config.json has ${found}, and ${name} has ${architecture[field]}`;
  });
  if (head === undefined || head === shape.head) return differences;
  const other = `config.json describes a ${architectureNames[shape.head]}, and ${name} is a ${architectureNames[head]}`;
  return [other, ...differences];
}

function weightProblems(folder: string, { architecture, name }: ExpectedModel): string[] {
  const read = readTensors(folder);
  if (!read.ok) return read.problems;
  const { tensors } = read;
  const shapes = shapesIn(folder, architecture);
  const others = [...tensors.keys()].filter((tensor) => !Object.hasOwn(shapes, tensor) && !isComputed(tensor));
  const unreadable = new Map<string, string[]>();
  for (const [tensor, { dtype }] of tensors)
    if (!isReadable(dtype)) unreadable.set(dtype, [...(unreadable.get(dtype) ?? []), tensor]);
  return [
    ...several(
      Object.entries(shapes).flatMap(([tensor, shape]) => {
        const found = tensors.get(tensor);
        if (!found) return [`its weights lack ${tensor}`];
        if (found.shape.join() === shape.join()) return [];
        return [`${tensor} has the shape [${found.shape}], and that of ${name} is [${shape}]`];
      }),
      'tensors',
    ),
    ...several(
      others.map((tensor) => `its weights have ${tensor}, which models of this kind do not`),
      'tensors',
    ),
    ...[...unreadable].map(
      ([dtype, of]) =>
        `${of.length} tensors are of the type ${dtype}, and weights are read in F32, BF16 and F16: save it in one of them (model.float().save_pretrained(...))`,
    ),
  ];
}

/**
 * The tensors that a model of this shape and with the head that config.json says has in its files; where that is broken, which is
 * a problem of its own, those of a language model.
 */
function shapesIn(folder: string, architecture: Architecture): Record<string, number[]> {
  const path = join(folder, 'config.json');
  const shape = isFile(path) ? shapeOfConfig(readJson(path)) : undefined;
  return shape?.ok === true ? storedShapes(architecture, shape.tied, shape.head) : storedShapes(architecture, false);
}

function tokenizerProblems(folder: string, { architecture, tokenizer }: ExpectedModel): string[] {
  const json = readJson(join(folder, 'tokenizer.json'));
  if (json === undefined) return ['tokenizer.json is not JSON'];
  if (tokenizer !== undefined && !isDeepStrictEqual(json, tokenizer.json))
    return [`tokenizer.json is another tokenizer than that of ${tokenizer.of}`];
  const tokens = tokensOf(json);
  if (typeof tokens === 'string') return [tokens];
  const vocab = 1 + [...tokens.values()].reduce((largest, id) => Math.max(largest, id), -1);
  const end = endToken(
    { idOf: (token) => tokens.get(token), vocab },
    { tokenizer: readIfThere(folder, endFiles[0]), generation: readIfThere(folder, endFiles[1]) },
  );
  return [
    ...(vocab <= architecture.vocab
      ? []
      : [`tokenizer.json has ids up to ${vocab - 1}, and the model's vocabulary has ${architecture.vocab} tokens`]),
    ...(end.ok ? [] : [end.problem]),
  ];
}

function readIfThere(folder: string, name: string): unknown {
  const path = join(folder, name);
  return isFile(path) ? readJson(path) : undefined;
}

/** The ids of all tokens that a tokenizer.json names, or what is wrong with it. */
function tokensOf(json: unknown): Map<string, number> | string {
  const { model, added_tokens: added } = fieldsOf(json);
  const { type, vocab } = fieldsOf(model);
  if (typeof model !== 'object' || model === null) return 'tokenizer.json is no tokenizer: it has no object `model`';
  if (Array.isArray(vocab))
    return `tokenizer.json has a list for a vocabulary, as the kind ${type ?? 'Unigram'} does: a tokenizer of the kind BPE is expected`;
  if (typeof vocab !== 'object' || vocab === null || !Object.values(vocab).every(Number.isSafeInteger))
    return 'tokenizer.json is no tokenizer: its `model.vocab` is no object of tokens and their ids';
  const others: unknown = added ?? [];
  if (!Array.isArray(others) || !others.every(isAddedToken))
    return 'tokenizer.json is no tokenizer: its `added_tokens` is no list of tokens with a `content` and an `id`';
  const given = others.map(({ content, id }): [string, number] => [content, id]);
  return new Map([...Object.entries(vocab as Record<string, number>), ...given]);
}

function isAddedToken(value: unknown): value is { content: string; id: number } {
  const { content, id } = fieldsOf(value);
  return typeof content === 'string' && Number.isSafeInteger(id);
}

/** The fields of an object; none of whatever is no object. */
function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function several(problems: readonly string[], what: string): string[] {
  if (problems.length <= mostTold) return [...problems];
  return [...problems.slice(0, mostTold), `and ${problems.length - mostTold} more ${what} like these`];
}
