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

/** A standard stream that takes nothing more, as on a full disk. */
export class UnwritableError extends Error {
  override name = 'UnwritableError';
  readonly hint = 'free some space, or write it somewhere else';
}

/**
 * The terminal of this process. `colour` is `never` for `--no-color`; otherwise NO_COLOR (any value but empty) switches
 * colours off, FORCE_COLOR switches them on, and without either they are on where the stream is a terminal.
 * A reader that has gone (`| head`) is no error: what it no longer reads is dropped. Any other stream that cannot be
 * written throws an UnwritableError, out of the call or as an uncaught exception.
 */
export function openTerminal(colour: 'auto' | 'never', env: NodeJS.ProcessEnv): Terminal {
  return {
    out: writerTo(process.stdout, 'standard output'),
    err: writerTo(process.stderr, 'standard error'),
    colours: picocolors.createColors(isColoured(process.stdout, colour, env)),
    errorColours: picocolors.createColors(isColoured(process.stderr, colour, env)),
    interactive: process.stdout.isTTY === true && env.TERM !== 'dumb' && !env.CI,
    columns: process.stdout.columns || 80,
  };
}

/**
 * Resolves when both streams have handed everything to the operating system, so that ending the process loses nothing; of
 * a stream that cannot be written nothing is waited for.
 */
export async function flushTerminal(): Promise<void> {
  // A write that failed is told of after the code that wrote.
  await new Promise((resolve) => setImmediate(resolve));
  await Promise.all(
    [process.stdout, process.stderr].map(
      (stream) =>
        new Promise<void>((resolve) => {
          // A file has everything by now, and a full disk takes not even an empty text.
          const nothingWaits = stream.writableLength === 0 || !stream.writable || stream.errored !== null;
          if (nothingWaits) resolve();
          else stream.write('', () => resolve());
        }),
    ),
  );
}

/** Files are written at once and throw, pipes and terminals tell of an error afterwards. */
function writerTo(stream: NodeJS.WriteStream, name: string): (text: string) => void {
  const unlessGone = (error: unknown): void => {
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') return;
    throw new UnwritableError(`${name} cannot be written`, { cause: error });
  };
  stream.on('error', unlessGone);
  return (text) => {
    try {
      stream.write(ended(text));
    } catch (error) {
      unlessGone(error);
    }
  };
}

function ended(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`;
}

function isColoured(stream: NodeJS.WriteStream, colour: 'auto' | 'never', env: NodeJS.ProcessEnv): boolean {
  if (colour === 'never' || env.NO_COLOR) return false;
  if (env.FORCE_COLOR) return env.FORCE_COLOR !== '0';
  return stream.isTTY === true && env.TERM !== 'dumb';
}
