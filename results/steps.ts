import type { MetricsEvent } from '../schemas/types/event.ts';
import { type EventLine, type Lines, parseEvent } from './events.ts';

/*
 * Nearly all lines of an `events.jsonl` are steps, and nearly all of these have the form of the one before: the same names in
 * the same order, and other numbers. Such a line follows the contract as that one does. It is told apart without being parsed,
 * and goes as it is to DuckDB, which reads its numbers.
 */

/** Steps that follow each other, a line each. */
export interface Run {
  /** Of the first. */
  line: number;
  /** The lines, without the newline of the last. */
  text: string;
  count: number;
  /** The first step and the last, and the tokens at that. */
  first: number;
  last: number;
  tokens: number;
  /** Whether each step comes after the one before. */
  rises: boolean;
  /** Whether some say what they learned from. */
  hasData: boolean;
}

/** The forms that steps have had, by their names, and that of the newest. */
export interface Forms {
  known: Map<string, RegExp>;
  newest: RegExp | undefined;
}

/** Parts lines into runs of steps of the newest form and the events of all other lines, in their order. */
export function* partsOf(lines: Lines, forms: Forms): Generator<Run | EventLine> {
  const { text } = lines;
  let { line } = lines;
  for (let at = 0; at < text.length; ) {
    const run = runAt(text, at, line, forms.newest);
    if (run) {
      yield run;
      at += run.text.length + 1;
      line += run.count;
      continue;
    }
    const end = text.indexOf('\n', at);
    const event = parseEvent(lines, line, at, end);
    if (event) yield { line, event };
    if (event?.event === 'metrics') forms.newest = formOf(event, forms.known);
    at = end + 1;
    line += 1;
  }
}

/** The run that begins at a place of a text; undefined where the line there is none of the form. */
function runAt(text: string, from: number, line: number, form: RegExp | undefined): Run | undefined {
  if (!form) return undefined;
  const run: Run = { line, text: '', count: 0, first: 0, last: -1, tokens: 0, rises: true, hasData: false };
  let end = from;
  form.lastIndex = from;
  for (let found = form.exec(text); found; found = form.exec(text)) {
    const step = Number(found[1]);
    if (run.count === 0) run.first = step;
    run.rises &&= step > run.last;
    run.last = step;
    run.tokens = Number(found[2]);
    run.hasData ||= found[3] !== undefined;
    run.count += 1;
    end = form.lastIndex;
  }
  if (run.count === 0) return undefined;
  run.text = text.slice(from, end - 1);
  return run;
}

/** What a line of a step with the same names matches, its newline included, as JSON.stringify writes it. */
function formOf({ values }: MetricsEvent, known: Map<string, RegExp>): RegExp {
  const names = Object.keys(values).map((name) => JSON.stringify(name));
  const text = names.join(',');
  const form = known.get(text) ?? new RegExp(stepWith(names), 'y');
  known.set(text, form);
  return form;
}

function stepWith(names: readonly string[]): string {
  const values = names.map((name) => `${name.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&')}:${number}`).join(',');
  return `\\{"event":"metrics","step":(${whole}),"tokens":(${whole}),"values":\\{${values}\\}(,"data":${data})?\\}\\n`;
}

// What JSON has of them that is sure to be finite, and whole numbers that JavaScript has exactly.
const whole = '(?:0|[1-9]\\d{0,14})';
const number = '-?(?:0|[1-9]\\d{0,14})(?:\\.\\d+)?(?:[eE][-+]?\\d\\d?)?';
const string = '"[^"\\\\\\u0000-\\u001f]*"';

// As `trainedOn` of schemas/event.schema.json has it.
const documents = objectOf(listOf(`\\[${whole},${whole}\\]`));
const problems = objectOf(listOf(string));
const data = `\\{"digest":"[0-9a-f]{16}"(?:,"documents":${documents})?(?:,"problems":${problems})?\\}`;

function objectOf(value: string): string {
  return `\\{(?:${string}:${value}(?:,${string}:${value})*)?\\}`;
}

function listOf(item: string): string {
  return `\\[(?:${item}(?:,${item})*)?\\]`;
}
