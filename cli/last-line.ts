/** What a process that failed said last, of its error: its message, without Node's frame around it. */
export function lastLine(error: unknown): string {
  const text = error instanceof Error && 'stderr' in error && error.stderr ? String(error.stderr) : String(error);
  // Node ends what it says of an error with its own version.
  const lines = text
    .trim()
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('Node.js v'));
  return lines.find((line) => /^\w*(Error|Failure)\b/.test(line)) ?? lines.at(-1) ?? '';
}
