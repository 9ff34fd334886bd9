import { type ExitCode, exitCodes } from './context.ts';
import { remedyForFile } from './remedies.ts';
import type { Colours } from './render/terminal.ts';

/** An error with what to do about it, for what the command line itself finds wrong. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly hint: string | null;

  constructor(message: string, hint: string | null = null, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.hint = hint;
  }
}

/** What Descent refuses to run, as it refuses a lineage file with errors: exit code 3. */
export class Refusal extends CommandError {}

/** What a person ended with Ctrl-C before it was done: exit code 130. */
export class Interrupted extends CommandError {}

/** What `--json` prints of a verb that failed. */
export interface FailureReport {
  error: string;
  /** What each cause adds. */
  because: string[];
  hint: string | null;
}

/** Any error in words: its message, each cause that says something new, and a hint where there is one. */
export function failureReport(error: unknown): FailureReport {
  const messages = [...new Set(chain(error).map(messageOf))].filter((message) => message !== '');
  const [first = 'something failed and left no message', ...rest] = messages;
  const because = rest.filter((message) => !first.includes(message) && !message.endsWith(first));
  return { error: first, because, hint: hintOf(error) };
}

/**
 * The one way from any error to what a person reads: `error: message`, each cause that says something new on a line of
 * its own, a hint where there is one, and the stack only with `debug`.
 */
export function describeFailure(
  error: unknown,
  colours: Colours,
  debug: boolean,
): { text: string; exitCode: ExitCode } {
  const { error: message, because, hint } = failureReport(error);
  const lines = [
    `${colours.red('error:')} ${message}`,
    ...because.map((cause) => `  ${colours.dim('because:')} ${indent(cause)}`),
  ];
  if (hint !== null) lines.push(`  ${colours.dim('hint:')} ${indent(hint)}`);
  if (debug)
    lines.push(...chain(error).map((one) => colours.dim(one instanceof Error ? (one.stack ?? '') : String(one))));
  else if (isBug(error)) {
    lines.push(`  ${colours.dim('hint:')} this looks like a fault in Descent; --debug shows where it happened`);
  }
  return { text: lines.join('\n'), exitCode: exitCodeOf(error) };
}

function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof Interrupted) return exitCodes.interrupted;
  return error instanceof Refusal ? exitCodes.refused : exitCodes.error;
}

/** The error and everything it was caused by or gathers, outermost first. */
function chain(error: unknown): unknown[] {
  const seen: unknown[] = [];
  const visit = (one: unknown): void => {
    if (one === undefined || one === null || seen.includes(one) || seen.length > 20) return;
    seen.push(one);
    if (one instanceof AggregateError) one.errors.forEach(visit);
    if (one instanceof Error) visit(one.cause);
  };
  visit(error);
  return seen;
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return fileSystemMessage(error) ?? error.message.trim();
}

/** Node says `EACCES: permission denied, open '/a/b'`; a person reads `/a/b: permission denied (EACCES)`. */
function fileSystemMessage(error: NodeJS.ErrnoException): string | null {
  const match = /^([A-Z]+): ([^,]+), \w+ ?/.exec(error.message);
  if (!match || error.code !== match[1]) return null;
  return `${error.path === undefined ? '' : `${error.path}: `}${match[2]} (${error.code})`;
}

function hintOf(error: unknown): string | null {
  for (const one of chain(error)) {
    if (one instanceof Error && 'hint' in one && typeof one.hint === 'string') return one.hint;
  }
  const codes = chain(error).map((one) => (one instanceof Error && 'code' in one ? String(one.code) : ''));
  return codes.map(remedyForFile).find((remedy) => remedy !== null) ?? null;
}

function isBug(error: unknown): boolean {
  return error instanceof TypeError || error instanceof ReferenceError || error instanceof RangeError;
}

function indent(text: string): string {
  return text.replaceAll('\n', '\n    ');
}
