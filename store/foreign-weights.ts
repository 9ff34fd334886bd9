/** The weights of a folder that another program saved, as far as the headers of their files go. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import {
  indexFile,
  joinFiles,
  MalformedSafetensors,
  parseIndex,
  type SafetensorsHeader,
  type TensorEntry,
  weightsFile,
} from '../schemas/safetensors.ts';
import { readSafetensorsHeader } from './safetensors.ts';

/** Which files have the weights, and what their index says where there is one. */
type WeightFiles =
  | { ok: true; files: string[]; index: ReadonlyMap<string, string> | undefined }
  | { ok: false; problem: string };

/** The files of a folder's weights: model.safetensors, else those that its index names. */
function weightFiles(folder: string): WeightFiles {
  if (isFile(join(folder, weightsFile))) return { ok: true, files: [weightsFile], index: undefined };
  const path = join(folder, indexFile);
  if (!isFile(path)) return { ok: false, problem: `${weightsFile} is missing` };
  try {
    const index = parseIndex(readFileSync(path));
    return { ok: true, files: [...new Set(index.values())].sort(), index };
  } catch (error) {
    return unusableIndex(error);
  }
}

/** All tensors of a folder's weights by the headers of their files, or every reason for which they are none. */
export function readTensors(
  folder: string,
): { ok: true; tensors: ReadonlyMap<string, TensorEntry> } | { ok: false; problems: string[] } {
  const weights = weightFiles(folder);
  if (!weights.ok) return { ok: false, problems: [weights.problem] };
  const headers = new Map<string, SafetensorsHeader>();
  const problems: string[] = [];
  for (const file of weights.files) {
    if (!isFile(join(folder, file))) {
      problems.push(`${file} is missing`);
      continue;
    }
    const read = readSafetensorsHeader(join(folder, file));
    if (read.ok) headers.set(file, read.header);
    else problems.push(`${file} is no usable safetensors file: ${read.problem}`);
  }
  if (problems.length > 0) return { ok: false, problems };
  const [only] = headers.values();
  if (weights.index === undefined) return { ok: true, tensors: (only as SafetensorsHeader).tensors };
  try {
    return { ok: true, tensors: joinFiles(weights.index, headers) };
  } catch (error) {
    return { ok: false, problems: [unusableIndex(error).problem] };
  }
}

export function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

function unusableIndex(error: unknown): { ok: false; problem: string } {
  if (!(error instanceof MalformedSafetensors)) throw error;
  return { ok: false, problem: `${indexFile} is no usable index of safetensors files: ${error.message}` };
}
