import process from 'node:process';
import picocolors from 'picocolors';

/** What colours text, or leaves it as it is. */
export type Colours = ReturnType<typeof picocolors.createColors>;

/** Where a verb writes: the only way to the two standard streams. */
export interface Terminal {
  /** Writes lines to standard output: what was asked for. A line feed is added where the text does not end in one. */
  out(text: string): void;
  /** Likewise to standard error: what went wrong, and what a pipe should not carry. */
  err(text: string): void;
  /** Colours for standard output. */
  colours: Colours;
  /** Colours for standard error. */
  errorColours: Colours;
  /** Whether a person watches standard output on a terminal that can redraw lines. */
  interactive: boolean;
  /** Characters in a line of standard output; 80 where it is no terminal. */
  columns: number;
}

/**
 * The terminal of this process. `colour` is `never` for `--no-color`; otherwise NO_COLOR (any value but empty) switches
 * colours off, FORCE_COLOR switches them on, and without either they are on where the stream is a terminal.
 * A reader that has gone (`| head`) is no error: what it no longer reads is dropped.
 */
export function openTerminal(colour: 'auto' | 'never', env: NodeJS.ProcessEnv): Terminal {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
  return {
    out: (text) => void process.stdout.write(ended(text)),
    err: (text) => void process.stderr.write(ended(text)),
    colours: picocolors.createColors(isColoured(process.stdout, colour, env)),
    errorColours: picocolors.createColors(isColoured(process.stderr, colour, env)),
    interactive: process.stdout.isTTY === true && env.TERM !== 'dumb' && !env.CI,
    columns: process.stdout.columns || 80,
  };
}

/** Resolves when both streams have handed everything to the operating system, so that ending the process loses nothing. */
export async function flushTerminal(): Promise<void> {
  await Promise.all(
    [process.stdout, process.stderr].map(
      (stream) => new Promise<void>((resolve) => (stream.writable ? stream.write('', () => resolve()) : resolve())),
    ),
  );
}

function ended(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`;
}

function isColoured(stream: NodeJS.WriteStream, colour: 'auto' | 'never', env: NodeJS.ProcessEnv): boolean {
  if (colour === 'never' || env.NO_COLOR) return false;
  if (env.FORCE_COLOR) return env.FORCE_COLOR !== '0';
  return stream.isTTY === true && env.TERM !== 'dumb';
}
