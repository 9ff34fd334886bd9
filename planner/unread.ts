import { isMisspelled } from './diagnostic.ts';
import { plainAddress, prefixesOf, printSignature, readSignature, type Signature } from './signature.ts';
import type { Path, Source } from './syntax.ts';
import { isRecord, listAt, own, recordAt } from './tree.ts';

/** A signature that cannot be read or is of no model that there is, or, where `signatures` is no list, all of them. */
export interface UnreadSignature {
  /** What cannot be read of it; undefined where that is no text. */
  text: string | undefined;
  path: Path;
  /** Whether the stage called `name` may be one of those that it should imply. */
  mayMean: (name: string) => boolean;
}

/** What cannot be read among a file's signatures. All of it is told where it stands. */
export function unreadSignatures({ value }: Source): UnreadSignature[] {
  const root = recordAt(value);
  const listed = listAt(root, 'signatures');
  if (listed.length === 0) {
    const isMeant = 'signatures' in root || isMisspelled('signatures', root, []);
    return isMeant ? [{ text: undefined, path: ['signatures'], mayMean: isSignature }] : [];
  }
  const models = own(root, 'models');
  return listed.flatMap((text, index): UnreadSignature[] => {
    const path = ['signatures', index];
    if (typeof text !== 'string' || text === '') return [{ text: undefined, path, mayMean: isSignature }];
    const parsed = readSignature(text);
    if (!parsed.ok) return [{ text, path, mayMean: (name) => breaksOffFrom(text, parsed, name) }];
    const { signature } = parsed;
    const hasModel = !isRecord(models) || Object.hasOwn(models, signature.model);
    return hasModel ? [] : [{ text: undefined, path, mayMean: (name) => isButForItsModel(signature, name) }];
  });
}

/**
 * The stages that unread signatures may imply, each with the signature's path: those under their own texts, and whatever
 * the file names that they may mean and nothing declares. `named` may be addresses, in any spelling.
 */
export function stagesMeant(
  unread: readonly UnreadSignature[],
  named: readonly string[],
  isDeclared: (name: string) => boolean,
): Map<string, Path> {
  const stages = new Map(unread.flatMap(({ text, path }): [string, Path][] => (text ? [[text, path]] : [])));
  for (const written of named) {
    const [name = ''] = plainAddress(written).split(/[@/]/);
    const meant = isDeclared(name) ? undefined : unread.find(({ mayMean }) => mayMean(name));
    if (meant) stages.set(name, meant.path);
  }
  return stages;
}

/** Whether a name has the same slip as a text, or both begin with what can be read of the text. */
function breaksOffFrom(text: string, { start, length }: { start: number; length: number }, name: string): boolean {
  if (name.startsWith(text.slice(0, start + length))) return true;
  if (!isSignature(name)) return false;
  for (let end = start; end > 0; end = text.lastIndexOf('-', end - 1)) {
    const read = readSignature(text.slice(0, end).replace(/-$/, ''));
    if (!read.ok) continue;
    const names = namesOf(read.signature);
    return names.includes(name) || name.startsWith(`${names.at(-1)}-`);
  }
  return name.startsWith(text.slice(0, start).replace(/^(zhenting\/)?myllama-/, ''));
}

function isButForItsModel(signature: Signature, name: string): boolean {
  const other = readSignature(name);
  return other.ok && namesOf(signature).includes(printSignature({ ...other.signature, model: signature.model }));
}

/** What the stages are called that a signature implies. */
function namesOf(signature: Signature): string[] {
  return prefixesOf({ ...signature, seed: null }).map(printSignature);
}

function isSignature(name: string): boolean {
  return readSignature(name).ok;
}
