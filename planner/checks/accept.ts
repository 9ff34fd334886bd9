import { type Diagnostic, diagnose, shown } from '../diagnostic.ts';
import type { Source } from '../syntax.ts';
import { isRecord, listAt, textAt } from '../tree.ts';

/** Checks of `accept` what needs no store: each node is in one entry, and each reason says something. */
export function* checkAccept(source: Source): Generator<Diagnostic> {
  const seen = new Map<string, number>();
  for (const [index, entry] of listAt(source.value, 'accept').entries()) {
    if (!isRecord(entry)) continue;
    const [node, reason] = [textAt(entry, 'node'), textAt(entry, 'reason')];
    const first = node === undefined ? undefined : seen.get(node);
    if (first !== undefined) {
      const related = [{ ...source.place(['accept', first, 'node']), message: 'first here' }];
      const message = `${shown(node)} is in two entries: one artifact can stand for it`;
      yield diagnose(source.file, source.place(['accept', index, 'node']), 'bad-accept', message, { related });
    } else if (node !== undefined) seen.set(node, index);
    if (reason !== undefined && reason !== '' && !isReason(reason)) {
      const message = `${shown(reason)} is no reason that somebody else could follow`;
      const expected = 'some words: what changed, and why the artifact stands all the same';
      yield diagnose(source.file, source.place(['accept', index, 'reason']), 'bad-value', message, { expected });
    }
  }
}

/** Whether a text has words enough to be a reason. */
export function isReason(text: string): boolean {
  return text.trim().split(/\s+/u).length >= fewestWords;
}

/** Words without which a reason says nothing. */
const fewestWords = 3;
