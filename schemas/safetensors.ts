/**
 * The safetensors format (https://github.com/huggingface/safetensors): an 8-byte length, a JSON header that names each
 * tensor with type, shape and place, then the bytes of all tensors without gap or overlap up to the end of the file.
 *
 * What files of it say, from their bytes; where the bytes come from is for who reads them: `headerLength` of the first
 * eight, then `parseHeader` of as many as that. A model in several files has an index beside them (`parseIndex`).
 */

/** A tensor as a header describes it. */
export interface TensorEntry {
  /** `F32`, `BF16`, `F16`, ... */
  dtype: string;
  shape: number[];
  /** Where its bytes begin, from the start of the file. */
  begin: number;
  /** How many they are. */
  bytes: number;
}

/** What the header of a file says. */
export interface SafetensorsHeader {
  tensors: ReadonlyMap<string, TensorEntry>;
  metadata: Record<string, string>;
}

/** A file, or the index of several, that cannot be used. The message is a clause that says why: `its header is not JSON`. */
export class MalformedSafetensors extends Error {
  override name = 'MalformedSafetensors';
}

/** The file of a model's weights, and what names their files where there are several. */
export const weightsFile = 'model.safetensors';
export const indexFile = 'model.safetensors.index.json';

/** The types of weights that are read: each of their numbers is one in float32, too. */
export const readableTypes = ['F32', 'BF16', 'F16'] as const;
export type ReadableType = (typeof readableTypes)[number];

export function isReadable(dtype: string): dtype is ReadableType {
  return readableTypes.some((type) => type === dtype);
}

/** How many bytes a file begins with that say how long its header is. */
export const prefixBytes = 8;

/** The format's own limit, in bytes: against what is no header. */
const longestHeader = 100_000_000;

/** Bytes of one value of each type. Of the format's types those that are narrower than a byte are left out. */
const widths: Readonly<Record<string, number>> = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  F8_E8M0: 1,
  U16: 2,
  I16: 2,
  F16: 2,
  BF16: 2,
  U32: 4,
  I32: 4,
  F32: 4,
  U64: 8,
  I64: 8,
  F64: 8,
  C64: 8,
};

/**
 * How many bytes the header has, by the first eight of the file.
 * @throws MalformedSafetensors where it is longer than the file or the format allow.
 */
export function headerLength(prefix: Uint8Array, fileBytes: number): number {
  if (fileBytes < prefixBytes) throw wrong(`it has ${fileBytes} bytes, and the header's length alone takes 8`);
  const view = new DataView(prefix.buffer, prefix.byteOffset, prefixBytes);
  const length = view.getBigUint64(0, true);
  if (length > BigInt(fileBytes - prefixBytes))
    throw wrong(`its header should take ${length} bytes, the file has ${fileBytes}; perhaps it was cut off`);
  if (length > BigInt(longestHeader))
    throw wrong(`its header should take ${length} bytes, and none has more than ${longestHeader}`);
  return Number(length);
}

/**
 * What a header says, of a file of so many bytes.
 * @throws MalformedSafetensors, naming the tensor, unless all holds that the format promises: every name once, known
 * types, shapes that fit their bytes, bytes without gap or overlap up to the end.
 */
export function parseHeader(header: Uint8Array, fileBytes: number): SafetensorsHeader {
  const content = parseJson(header, 'its header');
  if (!isRecord(content)) throw wrong('its header is not an object');
  const { __metadata__: metadata = {}, ...rest } = content;
  if (!isRecord(metadata) || !Object.values(metadata).every((value) => typeof value === 'string'))
    throw wrong('its metadata is not a map from strings to strings');
  const start = prefixBytes + header.length;
  const tensors = new Map(Object.entries(rest).map(([name, entry]) => [name, parseEntry(name, entry, start)]));
  requireGapless(tensors, start, fileBytes);
  return { tensors, metadata: metadata as Record<string, string> };
}

/**
 * Which file has which tensor, by the content of model.safetensors.index.json.
 * @throws MalformedSafetensors where it names none, or something else than files beside it.
 */
export function parseIndex(content: Uint8Array): Map<string, string> {
  const index = parseJson(content, 'it');
  const map = isRecord(index) ? index.weight_map : undefined;
  if (!isRecord(map)) throw wrong('it has no object `weight_map`');
  const files = new Map<string, string>();
  for (const [tensor, file] of Object.entries(map)) {
    // By name alone, so that no index reaches out of its folder.
    if (typeof file !== 'string' || !/^[^./\\\0][^/\\\0]*\.safetensors$/.test(file))
      throw wrong(`it has ${tensor} in ${JSON.stringify(file)}, which is no name of a safetensors file beside it`);
    files.set(tensor, file);
  }
  if (files.size === 0) throw wrong('its `weight_map` names no tensor');
  return files;
}

/**
 * The tensors of a model in several files, each with its file.
 * @throws MalformedSafetensors where the files have other tensors than the index says.
 */
export function joinFiles(
  index: ReadonlyMap<string, string>,
  headers: ReadonlyMap<string, SafetensorsHeader>,
): Map<string, TensorEntry & { file: string }> {
  const joined = new Map<string, TensorEntry & { file: string }>();
  for (const [file, { tensors }] of headers) {
    for (const [name, entry] of tensors) {
      const expected = index.get(name);
      if (expected !== file)
        throw wrong(
          `${file} has ${name}, and it says ${expected === undefined ? 'nothing of it' : `that ${expected} has it`}`,
        );
      joined.set(name, { ...entry, file });
    }
  }
  for (const [name, file] of index) if (!joined.has(name)) throw wrong(`it has ${name} in ${file}, which lacks it`);
  return joined;
}

function parseEntry(name: string, entry: unknown, start: number): TensorEntry {
  if (!isRecord(entry)) throw wrong(`${name} is not described by an object`);
  const { dtype, shape, data_offsets: offsets } = entry;
  const width = typeof dtype === 'string' && Object.hasOwn(widths, dtype) ? widths[dtype] : undefined;
  if (width === undefined) throw wrong(`${name} is of type ${JSON.stringify(dtype)}, which is not known`);
  if (!isCounts(shape)) throw wrong(`the shape of ${name} is not a list of counts`);
  if (!isCounts(offsets) || offsets.length !== 2) throw wrong(`the place of ${name} is not a pair of byte offsets`);
  const [begin, end] = offsets as [number, number];
  const bytes = shape.reduce((product, length) => product * length, width);
  if (end - begin !== bytes) throw wrong(`${name} has ${end - begin} bytes, and its shape [${shape}] takes ${bytes}`);
  return { dtype: dtype as string, shape, begin: start + begin, bytes };
}

function requireGapless(tensors: ReadonlyMap<string, TensorEntry>, start: number, fileBytes: number): void {
  let expected = start;
  let before = '';
  for (const [name, { begin, bytes }] of [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.bytes - b.bytes)) {
    if (begin > expected) throw wrong(`before ${name} there is a gap of ${begin - expected} bytes`);
    if (begin < expected) throw wrong(`${name} overlaps ${before} by ${expected - begin} bytes`);
    expected += bytes;
    before = name;
  }
  if (expected !== fileBytes)
    throw wrong(
      `its tensors take ${expected - start} bytes, and ${fileBytes - start} are there; perhaps it was cut off`,
    );
}

function parseJson(bytes: Uint8Array, what: string): unknown {
  let text: string;
  let content: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    content = JSON.parse(text);
  } catch (error) {
    throw wrong(`${what} is not JSON (${(error as Error).message})`);
  }
  const repeated = repeatedName(text);
  if (repeated !== undefined) throw wrong(`${what} names ${repeated} twice`);
  return content;
}

/** The first name that an object in a JSON text has twice: JSON.parse would keep the last, and other readers the first. */
function repeatedName(json: string): string | undefined {
  const open: Set<string>[] = [];
  for (let at = 0; at < json.length; at++) {
    const character = json[at];
    if (character === '{') open.push(new Set());
    else if (character === '}') open.pop();
    else if (character === '"') {
      const end = endOfString(json, at);
      if (isName(json, end)) {
        const names = open.at(-1) as Set<string>;
        const name = JSON.parse(json.slice(at, end)) as string;
        if (names.has(name)) return name;
        names.add(name);
      }
      at = end - 1;
    }
  }
  return undefined;
}

/** Where a string that begins at `start` has ended. */
function endOfString(json: string, start: number): number {
  let at = start + 1;
  while (json[at] !== '"') at += json[at] === '\\' ? 2 : 1;
  return at + 1;
}

/** Whether a string that ended at `end` is a name: a colon follows. */
function isName(json: string, end: number): boolean {
  let at = end;
  while (/\s/.test(json[at] ?? '')) at++;
  return json[at] === ':';
}

function wrong(what: string): MalformedSafetensors {
  return new MalformedSafetensors(what);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((count) => Number.isSafeInteger(count) && count >= 0);
}
