import { chatTemplateFile } from './chat-template.ts';
import { indexFile, MalformedSafetensors, parseIndex, weightsFile } from './safetensors.ts';

/*
 * The files of a Hugging Face shaped model folder, as `save_pretrained` and the repositories of the Hub have them.
 */

/** What a model folder has beside its weights. */
export const neededFiles = ['config.json', 'tokenizer.json', 'tokenizer_config.json'] as const;

/** What says more of its tokens, where it is there. */
const optionalFiles = ['generation_config.json', chatTemplateFile, 'special_tokens_map.json'] as const;

/** What it comes with, and its terms, which go wherever it goes: README.md, LICENSE, LICENSE.txt, NOTICE, USE_POLICY.md. */
const papers = /^(readme\.md|(licen[cs]e|notice|use_policy)([.-][a-z0-9.-]+)?)$/i;

/** Which of a folder's files make its model; or what is missing, or wrong with its index, a sentence each. */
export type ModelFiles = { ok: true; names: string[] } | { ok: false; problems: string[] };

/** Whether the weights lie in several files, which an index names. */
export function hasIndex(names: ReadonlySet<string>): boolean {
  return !names.has(weightsFile) && names.has(indexFile);
}

/**
 * The names of the files that make a folder's model, sorted: what it needs, what says more of its tokens, and its weights, in
 * model.safetensors or in the files that its index names; `index` is that one's content where `hasIndex`.
 */
export function modelFilesAmong(there: ReadonlySet<string>, index: Uint8Array | undefined): ModelFiles {
  const weights = weightFilesAmong(there, index);
  const wanted = [...neededFiles, ...(weights.ok ? weights.names : [])];
  const missing = wanted.filter((name) => !there.has(name)).map((name) => `${name} is missing`);
  const problems = [...missing, ...(weights.ok ? [] : [weights.problem])];
  if (problems.length > 0) return { ok: false, problems };
  return { ok: true, names: [...wanted, ...optionalFiles.filter((name) => there.has(name))].sort() };
}

/** The names of the files that are taken along with a model and make no part of it: its card and its terms. */
export function papersAmong(names: Iterable<string>): string[] {
  return [...names].filter((name) => papers.test(name)).sort();
}

function weightFilesAmong(
  there: ReadonlySet<string>,
  index: Uint8Array | undefined,
): { ok: true; names: string[] } | { ok: false; problem: string } {
  if (there.has(weightsFile)) return { ok: true, names: [weightsFile] };
  if (index === undefined) {
    const pickled = [...there].some((name) => /^pytorch_model.*\.bin(\.index\.json)?$/.test(name));
    const hint = pickled ? '; weights are read from safetensors files alone, and these are pickled (.bin)' : '';
    return { ok: false, problem: `${weightsFile} is missing${hint}` };
  }
  try {
    return { ok: true, names: [indexFile, ...new Set(parseIndex(index).values())] };
  } catch (error) {
    if (!(error instanceof MalformedSafetensors)) throw error;
    return { ok: false, problem: `${indexFile} is no usable index of safetensors files: ${error.message}` };
  }
}
