import { isUtf8 } from 'node:buffer';
import { readFile, stat } from 'node:fs/promises';
import { type Diagnostic, diagnose, type Place } from './diagnostic.ts';

/** The largest lineage file that is read, in bytes. */
export const largestFile = 1024 * 1024;

const wholeFile: Place = { line: 0, column: 1, length: 1 };

/** The file's text without a byte order mark, or what keeps it from being read. */
export type ReadText = { ok: true; text: string } | { ok: false; diagnostics: Diagnostic[]; text: string };

/** Reads a lineage file: at most 1 MiB of UTF-8 text that holds something. */
export async function readText(file: string): Promise<ReadText> {
  const refuse = (diagnostic: Diagnostic, text = ''): ReadText => ({ ok: false, diagnostics: [diagnostic], text });
  let bytes: Buffer;
  try {
    const found = await stat(file);
    if (!found.isFile()) {
      const message = found.isDirectory() ? 'this is a folder' : 'this is not a file';
      return refuse(diagnose(file, wholeFile, 'file-unreadable', message, { hint: 'give the path of a lineage file' }));
    }
    if (found.size > largestFile) return refuse(tooLarge(file, found.size));
    bytes = await readFile(file);
  } catch (error) {
    return refuse(diagnose(file, wholeFile, 'file-unreadable', reason(error), { hint: unreadableHint(error) }));
  }
  if (bytes.length > largestFile) return refuse(tooLarge(file, bytes.length));
  const { text, rest } = decode(bytes);
  if (rest !== undefined) {
    const place = placeOfEnd(text);
    const hint = /^(\xff\xfe|\xfe\xff)/.test(bytes.toString('latin1', 0, 2))
      ? 'this looks like UTF-16: save it as UTF-8'
      : 'save the file as UTF-8';
    return refuse(
      diagnose(file, place, 'file-encoding', `the byte 0x${rest.toString(16).padStart(2, '0')} is not UTF-8`, { hint }),
      text,
    );
  }
  const control = /[^\t\n\r\x20-\x7e\x85\xa0-\u{10ffff}]/u.exec(text);
  if (control) {
    const code = (control[0].codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
    const place = placeOfEnd(text.slice(0, control.index));
    const remarks = { hint: 'is this a text file? YAML allows no control characters' };
    return refuse(
      diagnose(file, place, 'file-encoding', `there is a control character here (U+${code})`, remarks),
      text,
    );
  }
  if (/^(\s|#.*|---|\.\.\.)*$/.test(text)) {
    const remarks = { hint: '`descent init` writes a small lineage to begin with' };
    return refuse(diagnose(file, wholeFile, 'file-size', 'the file is empty', remarks), text);
  }
  return { ok: true, text };
}

/** The text, and the first byte that is not UTF-8 after it. */
function decode(bytes: Buffer): { text: string; rest?: number } {
  if (isUtf8(bytes)) return { text: new TextDecoder().decode(bytes) };
  // A prefix decodes as a stream up to the first bad byte, and no further: the longest such prefix ends before it.
  let [good, bad] = [0, bytes.length];
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (streamDecodes(bytes.subarray(0, middle))) good = middle;
    else bad = middle;
  }
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, good), { stream: true });
  // What is decoded ends before the character that is broken: its first byte is the one to show.
  return { text: text.replace(/^\ufeff/, ''), rest: bytes[Buffer.byteLength(text)] ?? 0 };
}

function streamDecodes(bytes: Buffer): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

function placeOfEnd(text: string): Place {
  const lines = text.split('\n');
  return { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1, length: 1 };
}

function tooLarge(file: string, size: number): Diagnostic {
  const message = `the file has ${size.toLocaleString('en')} bytes; a lineage file has at most ${largestFile.toLocaleString('en')}`;
  return diagnose(file, wholeFile, 'file-size', message, { hint: 'is this a data file? name it under `data` instead' });
}

function unreadableHint(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'EACCES' || code === 'EPERM' ? 'let yourself read it: chmod u+r' : 'give the path of a lineage file';
}

function reason(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'there is no such file';
  if (code === 'EACCES' || code === 'EPERM') return 'there is no permission to read this file';
  return `the file cannot be read (${code ?? String(error)})`;
}
