import { hash } from 'node:crypto';
import canonicalizeModule from 'canonicalize';
import type { Json, Key, Plan } from './plan.ts';

// The package's types describe an ES module and it is CommonJS: its default import is the function itself.
const canonicalize = canonicalizeModule as unknown as (value: unknown) => string;

/**
 * The key of a pre-image: SHA-256 of its canonical JSON (RFC 8785). `written` is the canonical JSON of those of its fields
 * that many pre-images share, so that it need not be written anew for each.
 * @throws TypeError, naming the place, when a part of it is not JSON: there is never a partial key.
 */
export function keyOf(preimage: { [name: string]: Json }, written: Readonly<Record<string, string>> = {}): Key {
  let fields = '';
  for (const name of Object.keys(preimage).sort()) {
    const value = written[name] ?? canonicalJson(preimage[name], [name]);
    fields += `${fields === '' ? '' : ','}${JSON.stringify(name)}:${value}`;
  }
  return sha256(`{${fields}}`) as Key;
}

/** The digest of a plan, under which it is frozen. */
export function planDigest(plan: Plan): string {
  return sha256(canonicalJson(plan));
}

/**
 * Canonical JSON (RFC 8785): keys sorted, numbers in their shortest form.
 * @throws TypeError, naming the place after `path`, when a part of the value is not JSON.
 */
export function canonicalJson(value: unknown, path: readonly (string | number)[] = []): string {
  refuseNonJson(value, [...path]);
  return canonicalize(value);
}

/** SHA-256 of UTF-8 text, in hex. */
export function sha256(text: string): string {
  return hash('sha256', text);
}

/** `canonicalize` skips what is undefined and calls `toJSON`: here both are errors, for a key of a part is a wrong key. */
function refuseNonJson(value: unknown, path: (string | number)[]): void {
  switch (typeof value) {
    case 'boolean':
      return;
    case 'number':
      if (!Number.isFinite(value)) refuse(path, `${value} has no JSON form`);
      return;
    case 'string':
      if (/\p{Cs}/u.test(value)) refuse(path, 'text with half of a surrogate pair has no UTF-8 form');
      return;
    case 'object':
      break;
    default:
      refuse(path, `${typeof value} has no JSON form`);
  }
  if (value === null) return;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      path.push(index);
      refuseNonJson(value[index], path);
      path.pop();
    }
    return;
  }
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null)
    refuse(path, `a ${value.constructor?.name ?? 'strange object'} has no JSON form`);
  if (Object.getOwnPropertySymbols(value).length > 0) refuse(path, 'a symbol as a key has no JSON form');
  for (const [name, part] of Object.entries(value as object)) {
    path.push(name);
    if (/\p{Cs}/u.test(name)) refuse(path, 'text with half of a surrogate pair has no UTF-8 form');
    refuseNonJson(part, path);
    path.pop();
  }
}

function refuse(path: readonly (string | number)[], why: string): never {
  throw new TypeError(`no canonical JSON: ${why} (at ${path.length === 0 ? 'the root' : path.join('.')})`);
}
