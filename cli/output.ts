import { stat } from 'node:fs/promises';
import { writeWhole } from '../store/write.ts';
import { absolute, type Context } from './context.ts';
import { CommandError, Interrupted } from './failure.ts';
import { watchInterrupts } from './interrupt.ts';
import { remedyForFile } from './remedies.ts';

/** A file that a person asked for: as it was named, and where it is. */
export interface OutputFile {
  name: string;
  path: string;
}

/**
 * The file that a name on the command line stands for; what is there is replaced when it is written. `example` is what could
 * be typed. Throws a CommandError for a name that no file can have, and where something else than a file is there: a folder,
 * or a device such as /dev/stdout, which a file would replace.
 */
export async function outputFile(name: string, example: string, context: Context): Promise<OutputFile> {
  const hint = `name a file: ${example}`;
  if (name === '' || name === '-') throw new CommandError(`${name === '' ? 'nothing' : name} names no file`, hint);
  const path = absolute(context, name);
  const there = await stat(path).catch(() => undefined);
  if (there?.isDirectory()) throw new CommandError(`${name} is a folder`, hint);
  if (there && !there.isFile()) throw new CommandError(`${name} is there, and is no file that could be replaced`, hint);
  return { name, path };
}

/** Writes a file whole, in place of what was there, and makes the folder that it is to be in. Throws as `whileWriting` does. */
export async function writeOutput({ name, path }: OutputFile, text: string): Promise<void> {
  await whileWriting(name, () => writeWhole(path, text));
}

/**
 * Does what writes a file or folder called `name`. Where the system does not let it, throws a CommandError with the reason and
 * what to do; after Ctrl-C, of which `write` is told by its signal, an Interrupted; any other error as it is.
 */
export async function whileWriting<T>(name: string, write: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const interrupts = watchInterrupts();
  const leaving = new AbortController();
  void interrupts.asked.then(() => leaving.abort());
  try {
    return await write(leaving.signal);
  } catch (error) {
    if (leaving.signal.aborted) throw new Interrupted(`interrupted, and ${name} is not written`);
    const code = systemCode(error);
    const reason = code === null ? undefined : reasons[code];
    if (code === null || reason === undefined) throw error;
    throw new CommandError(`cannot write ${name}: ${reason}`, remedyForFile(code) ?? 'name another place');
  } finally {
    interrupts.stop();
  }
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'the disk is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  ENOENT: 'the folder takes no new files',
  ENAMETOOLONG: 'the name is too long',
};

/** The system's code in an error or what caused it; null where there is none. */
function systemCode(error: unknown): string | null {
  for (let one = error; one instanceof Error; one = one.cause)
    if ('code' in one && typeof one.code === 'string') return one.code;
  return null;
}
