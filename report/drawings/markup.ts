/** A piece of HTML or SVG that may stand in a document as it is; only `element` and `fragment` make one. */
export interface Markup {
  readonly markup: string;
}

/** What stands in an element: text is escaped, markup is not, null is nothing. */
export type Child = string | Markup | null;

/** Attributes by name; null leaves one out, numbers are rounded to a tenth so that drawings stay small. */
export type Attributes = Readonly<Record<string, string | number | null>>;

/**
 * An element with its attributes and children. All text is escaped here and nowhere else, so that no name of a lineage file
 * can become markup. Names of elements and attributes are the caller's own.
 */
export function element(name: string, attributes: Attributes = {}, ...children: readonly Child[]): Markup {
  const given = Object.entries(attributes)
    .filter(([, value]) => value !== null)
    .map(([key, value]) => ` ${key}="${escaped(typeof value === 'number' ? tenth(value) : String(value))}"`)
    .join('');
  const open = `<${name}${given}>`;
  return { markup: empty.has(name) ? open : `${open}${fragment(...children).markup}</${name}>` };
}

/** Pieces one after the other, without an element around them. */
export function fragment(...children: readonly Child[]): Markup {
  return {
    markup: children
      .map((child) => (child === null ? '' : typeof child === 'string' ? escaped(child) : child.markup))
      .join(''),
  };
}

/** A coordinate to a tenth of a pixel: `12.3`, `12`. */
export function tenth(value: number): string {
  return String(Math.round(value * 10) / 10 || 0);
}

/** Elements of HTML that have no end. */
const empty: ReadonlySet<string> = new Set(['meta', 'br']);

/** Characters that HTML gives a meaning to as references; control characters, which it does not take, as U+FFFD. */
function escaped(text: string): string {
  return text.replace(/[^\P{Cc}\t\n]/gu, '\uFFFD').replace(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`);
}
