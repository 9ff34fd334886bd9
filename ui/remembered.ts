import { statSync } from 'node:fs';
import { databasePath } from '../store/home.ts';
import { type Prepared, prepare } from './http.ts';

/** Answers that the results alone decide, kept as they are sent for as long as the results stay as they are. */
export type Remembered = (question: string, answer: () => Promise<unknown>) => Promise<Prepared>;

/** Answers that are kept; those asked for last. */
const kept = 16;

/** Remembers answers of a home. Whoever asks the same at once is answered with the same. */
export function openRemembered(home: string): Remembered {
  const known = new Map<string, { stamp: string; prepared: Promise<Prepared> }>();
  return async (question, answer) => {
    const found = statSync(databasePath(home), { throwIfNoEntry: false });
    const stamp = `${found?.ino} ${found?.mtimeMs} ${found?.size}`;
    const before = known.get(question);
    const one = before?.stamp === stamp ? before : { stamp, prepared: answer().then(prepare) };
    // The newest last.
    known.delete(question);
    known.set(question, one);
    for (const oldest of [...known.keys()].slice(0, -kept)) known.delete(oldest);
    one.prepared.catch(() => {
      if (known.get(question) === one) known.delete(question);
    });
    return await one.prepared;
  };
}
