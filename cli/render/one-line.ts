/**
 * Text of a model, a trainer or a file, on one line that neither moves the cursor, nor colours the terminal, nor reverses what
 * is read: such characters are written out, as `\n` and `\x1b`.
 */
export function onOneLine(text: string): string {
  return text.replace(/[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu, (character) => {
    const known = { '\r': '\\r', '\n': '\\n', '\t': '\\t' }[character];
    const code = (character.codePointAt(0) as number).toString(16);
    return known ?? (code.length > 2 ? `\\u${code.padStart(4, '0')}` : `\\x${code.padStart(2, '0')}`);
  });
}

/** The same of a text that may have several lines. */
export function onItsLines(text: string): string {
  return text.split('\n').map(onOneLine).join('\n');
}
