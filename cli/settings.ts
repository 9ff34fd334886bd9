import { didYouMean, listed } from '../planner/diagnostic.ts';

/** What is wrong with a setting, in words that name it by its place and never show its value: that may be a key. */
export interface Fault {
  message: string;
  hint?: string;
}

/** What is wrong with a value at a place (`devices.gpu.slots`); null for what is fine. */
export type Check = (value: unknown, place: string) => Fault | null;

/** Takes what is right; `expected` completes "must be". */
export function checked(expected: string, isRight: (value: unknown) => boolean): Check {
  return (value, place) => (isRight(value) ? null : { message: `\`${place}\` must be ${expected}` });
}

/** Takes an object that has no settings but these, each as its check wants it, and those that are needed. */
export function settings(checks: Readonly<Record<string, Check>>, needed: readonly string[] = []): Check {
  const known = Object.keys(checks);
  const there = `there are: ${listed(known)}`;
  return (value, place) => {
    if (!isObject(value)) return { message: `\`${place}\` must be an object of settings`, hint: there };
    const within = (name: string) => (place === '' ? name : `${place}.${name}`);
    for (const [name, setting] of Object.entries(value)) {
      const check = known.includes(name) ? checks[name] : undefined;
      if (check === undefined) {
        const meant = didYouMean(name, known);
        const hint = meant === undefined ? there : `${meant} ${there[0]?.toUpperCase()}${there.slice(1)}`;
        return { message: `there is no setting \`${within(name)}\``, hint };
      }
      const fault = check(setting, within(name));
      if (fault !== null) return fault;
    }
    const missing = needed.find((name) => value[name] === undefined);
    return missing === undefined ? null : { message: `\`${within(missing)}\` is missing, and is needed`, hint: there };
  };
}

/** Takes an object whose names are the user's own, and each of its values as the check of its name wants it. */
export function named(what: string, isName: (name: string) => boolean, checkOf: (name: string) => Check): Check {
  return (value, place) => {
    if (!isObject(value)) return { message: `\`${place}\` must be ${what}` };
    for (const [name, one] of Object.entries(value)) {
      if (!isName(name)) return { message: `\`${place}\` must be ${what}, and \`${name}\` cannot be such a name` };
      const fault = checkOf(name)(one, `${place}.${name}`);
      if (fault !== null) return fault;
    }
    return null;
  };
}

/** A whole number, of `unit` where there is one. */
export function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER, unit = ''): Check {
  const range = most === Number.MAX_SAFE_INTEGER ? `${least}` : `${least} to ${most}`;
  return checked(
    `a whole number ${unit === '' ? '' : `of ${unit} `}from ${range}`,
    (value) => Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most,
  );
}

export const text = checked('a text that is not empty', isText);
export const texts = checked('a list of texts', (value) => Array.isArray(value) && value.every(isText));
export const command = checked(
  'a list of program and arguments',
  (value) => Array.isArray(value) && value.length > 0 && value.every(isText),
);

/** Whether a value has fields by name. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
