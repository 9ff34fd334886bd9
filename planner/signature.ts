/** A lineage of one model by what it was trained on, as EvoLM (arXiv 2506.16029) names models. */
export interface Signature {
  /** The size: the name of a model. */
  model: string;
  /** Tokens of pretraining. */
  pretrain: number;
  /** Tokens of continued pretraining: replayed from pretraining's data, and of the domain. */
  cpt: { replay: number; domain: number } | null;
  sft: { examples: number; epochs: number } | null;
  /** `algorithm` is null where the name says none: whichever the recipe has. */
  rl: { algorithm: string | null; examples: number; epochs: number } | null;
  /** The seed of training, where one of several is meant. */
  seed: number | null;
}

/** A signature that was read; or what is wrong, with the part of the text that is to blame, in UTF-16 units. */
export type ParsedSignature =
  | { ok: true; signature: Signature }
  | { ok: false; start: number; length: number; problem: string; expected: string };

/** What a name may look like, in a sentence. */
const forms = {
  whole: 'a signature such as 1B-160BT-8+42BT-100Kep1-100Kep8',
  pretrain: 'tokens of pretraining, such as 160BT (KT, MT or BT)',
  cpt: 'replayed and domain tokens of CPT, such as 8+42BT or 0+50BT',
  passes: 'examples and epochs, such as 100Kep1',
  seed: '@seed= and a whole number from 0 to 4294967295',
} as const;

/**
 * Reads a signature:
 * ```
 * signature = model "-" amount ["-" number "+" amount] ["-" passes] ["-" [word] passes] ["@seed=" seed]
 * amount    = number ("KT" | "MT" | "BT")
 * passes    = number "Kep" epochs
 * ```
 * These are the size, pretraining, CPT (`8+42BT`: replayed and domain tokens), SFT and RL (`100Kep8`: thousands of examples,
 * epochs). As in the paper one `100Kep1` alone is SFT. What the paper cannot say is said by a word before the examples of RL:
 * `rl100Kep8` is RL without SFT, `grpo100Kep8` RL by that algorithm; and by `@seed=2`, as in an address. No word stands
 * before an amount of tokens: that place is free for schedules.
 */
export function parseSignature(text: string): ParsedSignature {
  return reading(() => {
    const [name, seed] = splitSeed(text);
    const { model, parts } = splitModel(name, /^[0-9]+([._][0-9]+)?[KMB]T$/, forms.pretrain);
    const [pretrain, ...rest] = parts as [Part, ...Part[]];
    const signature: Signature = { model, pretrain: tokensOf(pretrain), cpt: null, sft: null, rl: null, seed };
    if (rest[0]?.text.includes('+')) signature.cpt = mixOf(rest.shift() as Part);
    for (const [index, part] of rest.entries()) {
      const [, word = '', passes = ''] = /^([a-z_]*)(.*)$/s.exec(part.text) ?? [];
      const counted = passesOf({ text: passes, start: part.start + word.length });
      if (signature.rl || word === 'sft')
        fail(part, signature.rl ? 'nothing comes after RL' : 'SFT has no word before it', forms.whole);
      if (word === '' && index === 0) signature.sft = counted;
      else signature.rl = { algorithm: word === '' || word === 'rl' ? null : word, ...counted };
    }
    return signature;
  });
}

/**
 * The one way to write a signature. Tokens are in the largest of KT, MT and BT of which there is one or more (of CPT
 * replayed and domain tokens together), examples in thousands.
 */
export function printSignature({ model, pretrain, cpt, sft, rl, seed }: Signature): string {
  const passes = (of: { examples: number; epochs: number }) => `${decimal(of.examples, 1_000)}Kep${of.epochs}`;
  const word = rl?.algorithm ?? (sft ? '' : 'rl');
  return [
    model,
    printTokens(pretrain),
    ...(cpt
      ? [`${decimal(cpt.replay, unitOf(cpt.replay + cpt.domain))}+${printTokens(cpt.domain, cpt.replay + cpt.domain)}`]
      : []),
    ...(sft ? [passes(sft)] : []),
    ...(rl ? [`${word}${passes(rl)}`] : []),
  ]
    .join('-')
    .concat(seed === null ? '' : `@seed=${seed}`);
}

/**
 * Reads the name under which EvoLM published a model on the Hugging Face Hub, with `zhenting/` or without:
 * ```
 * myllama-1B-160BT-cpt-MixedFW8FM42-sftep1-sampled500k_first100k_qwen7b-rlep8-last100k
 * ```
 * `MixedFW1_6FM48_4` is 1.6 BT of replayed FineWeb-Edu and 48.4 BT of FineMath, `FM50BT` FineMath alone.
 */
export function parseAlias(text: string): ParsedSignature {
  return reading(() => {
    const [prefix = ''] = aliasPrefix.exec(text) ?? [];
    if (prefix === '') fail({ text, start: 0 }, 'this is no name of a model of EvoLM', 'myllama-1B-160BT, and so on');
    const name = { text: text.slice(prefix.length), start: prefix.length };
    const { model, parts } = splitModel(name, /^[0-9]+(_[0-9]+)?BT$/, 'tokens of pretraining, such as 160BT');
    const [pretrain, ...rest] = parts as [Part, ...Part[]];
    const signature: Signature = {
      model,
      pretrain: billions(pretrain, 'BT'),
      cpt: null,
      sft: null,
      rl: null,
      seed: null,
    };
    const take = (expected: string): Part =>
      rest.shift() ?? fail({ text: '', start: text.length }, 'here it ends', expected);
    if (rest[0]?.text === 'cpt') {
      rest.shift();
      const mix = take('FM50BT or MixedFW8FM42');
      const [, alone, replay, domain] = /^(?:FM([0-9_]+)BT|MixedFW([0-9_]+)FM([0-9_]+))$/.exec(mix.text) ?? [];
      if (alone === undefined && domain === undefined)
        fail(mix, `\`${mix.text}\` is no mix that a signature has`, 'FM50BT or MixedFW8FM42');
      const at = (number: string | undefined) => ({ ...mix, text: number ?? '0' });
      signature.cpt = { replay: billions(at(replay), '', true), domain: billions(at(alone ?? domain), '') };
    }
    if (rest[0]?.text.startsWith('sft')) {
      const epochs = affixed(take(''), 'sftep', '', 'sftep1');
      const pool = 'sampled500k_first100k_qwen7b';
      signature.sft = {
        examples: thousands(affixed(take(pool), 'sampled500k_first', 'k_qwen7b', pool)),
        epochs: whole(epochs),
      };
    }
    if (rest[0]?.text.startsWith('rl')) {
      const epochs = affixed(take(''), 'rlep', '', 'rlep8');
      const examples = affixed(take('last100k'), 'last', 'k', 'last100k');
      signature.rl = { algorithm: null, examples: thousands(examples), epochs: whole(epochs) };
    }
    const [left] = rest;
    if (left) fail(left, `\`${left.text}\` has no place here`, 'cpt, then sftep1, then rlep8');
    return signature;
  });
}

/** The name that EvoLM's release would give a model, without `zhenting/`; undefined for what such names cannot say. */
export function printAlias({ model, pretrain, cpt, sft, rl, seed }: Signature): string | undefined {
  if (seed !== null || (rl && rl.algorithm !== null)) return undefined;
  const spelled = (value: number, unit: number) => decimal(value, unit).replace('.', '_');
  const billion = (tokens: number) => spelled(tokens, units.BT);
  return [
    'myllama',
    model,
    `${billion(pretrain)}BT`,
    ...(cpt
      ? [
          'cpt',
          cpt.replay === 0 ? `FM${billion(cpt.domain)}BT` : `MixedFW${billion(cpt.replay)}FM${billion(cpt.domain)}`,
        ]
      : []),
    ...(sft ? [`sftep${sft.epochs}`, `sampled500k_first${spelled(sft.examples, 1_000)}k_qwen7b`] : []),
    ...(rl ? [`rlep${rl.epochs}`, `last${spelled(rl.examples, 1_000)}k`] : []),
  ].join('-');
}

/** A signature however it is written: as the paper does, or as the name of a published model. */
export function readSignature(text: string): ParsedSignature {
  return aliasPrefix.test(text) ? parseAlias(text) : parseSignature(text);
}

/** The signatures of what a model was before each of its stages, and its own: pretraining first. */
export function prefixesOf(signature: Signature): Signature[] {
  const bare = { ...signature, cpt: null, sft: null, rl: null };
  const { cpt, sft, rl } = signature;
  return [
    bare,
    ...(cpt ? [{ ...bare, cpt }] : []),
    ...(sft ? [{ ...bare, cpt, sft }] : []),
    ...(rl ? [{ ...bare, cpt, sft, rl }] : []),
  ];
}

/**
 * An address with a signature in it as plans spell it: `1B-160BT-8+42BT@seed=2` of `myllama-1B-160BT-cpt-MixedFW8FM42@seed=2`;
 * of a certificate too. Any other address is left as it is, and one whose signature is none of those that are `known`.
 */
export function plainAddress(address: string, known: (name: string) => boolean = () => true): string {
  const [, gate = '', name = '', rest = ''] = /^(overlap:)?((?:zhenting\/)?[^@/]*)(.*)$/s.exec(address) ?? [];
  const parsed = readSignature(name);
  const plain = parsed.ok ? printSignature(parsed.signature) : name;
  return known(plain) ? gate + plain + rest : address;
}

/** `8BT`, `1.6BT`, `500KT`: tokens exactly, in the unit of `sum` where they are a part of that. */
export function printTokens(tokens: number, sum: number = tokens): string {
  const unit = unitOf(sum);
  const [name] = Object.entries(units).find(([, value]) => value === unit) ?? ['KT'];
  return `${decimal(tokens, unit)}${name}`;
}

/** `100K`, `0.5K`: examples, in thousands. */
export function printExamples(examples: number): string {
  return `${decimal(examples, 1_000)}K`;
}

const units = { BT: 1_000_000_000, MT: 1_000_000, KT: 1_000 } as const;
const aliasPrefix = /^(zhenting\/)?myllama-/;

/** A part of a text, and where it begins. */
interface Part {
  text: string;
  start: number;
}

/** What cannot be read; caught in this file. */
class Misreading extends Error {
  readonly part: Part;
  readonly expected: string;

  constructor(part: Part, problem: string, expected: string) {
    super(problem);
    this.part = part;
    this.expected = expected;
  }
}

function fail(part: Part, problem: string, expected: string): never {
  throw new Misreading(part, problem, expected);
}

function reading(read: () => Signature): ParsedSignature {
  try {
    return { ok: true, signature: read() };
  } catch (error) {
    if (!(error instanceof Misreading)) throw error;
    const { part, message, expected } = error;
    return { ok: false, start: part.start, length: Math.max(1, part.text.length), problem: message, expected };
  }
}

function splitSeed(text: string): [name: Part, seed: number | null] {
  const at = text.indexOf('@');
  if (at < 0) return [{ text, start: 0 }, null];
  const written = { text: text.slice(at), start: at };
  const digits = /^@seed=([0-9]{1,10})$/.exec(written.text)?.[1];
  if (digits === undefined || Number(digits) > 4294967295) fail(written, `\`${written.text}\` is no seed`, forms.seed);
  return [{ text: text.slice(0, at), start: 0 }, Number(digits)];
}

/** The model, whose name may have dashes, and the parts from the first amount of tokens on. */
function splitModel(name: Part, amount: RegExp, expected: string): { model: string; parts: Part[] } {
  let start = name.start;
  const parts = name.text.split('-').map((text): Part => {
    const part = { text, start };
    start += text.length + 1;
    return part;
  });
  const at = parts.findIndex(({ text }, index) => index > 0 && amount.test(text));
  if (at < 0) {
    const meant = parts.find(({ text }, index) => index > 0 && /^[0-9]/.test(text));
    if (meant) fail(meant, `\`${meant.text}\` is no amount of tokens`, expected);
    fail(name, 'this is no signature: it names no tokens of pretraining', forms.whole);
  }
  const model = parts
    .slice(0, at)
    .map(({ text }) => text)
    .join('-');
  if (!/^[0-9]*(\.[0-9]+)?[a-zA-Z][a-zA-Z0-9_.-]*$/.test(model))
    fail(
      { text: model, start: name.start },
      model === '' ? 'a signature begins with a model' : `\`${model}\` is no name of a model`,
      forms.whole,
    );
  return { model, parts: parts.slice(at) };
}

function tokensOf(part: Part): number {
  const [, number = '', unit = ''] = /^([0-9]+(?:\.[0-9]+)?)([KMB]T)$/.exec(part.text) ?? [];
  if (unit === '') fail(part, `\`${part.text}\` is no amount of tokens`, forms.pretrain);
  return amountOf({ ...part, text: number }, units[unit as keyof typeof units], part);
}

function mixOf(part: Part): Signature['cpt'] {
  const [, replay = '', domain = '', unit = ''] =
    /^([0-9]+(?:\.[0-9]+)?)\+([0-9]+(?:\.[0-9]+)?)([KMB]T)$/.exec(part.text) ?? [];
  if (unit === '') fail(part, `\`${part.text}\` is no mix of CPT`, forms.cpt);
  const scale = units[unit as keyof typeof units];
  const mix = {
    replay: amountOf({ text: replay, start: part.start }, scale, part, true),
    domain: amountOf({ text: domain, start: part.start + replay.length + 1 }, scale, part),
  };
  if (!Number.isSafeInteger(mix.replay + mix.domain)) fail(part, 'this is too large to be exact', forms.cpt);
  return mix;
}

function passesOf(part: Part): { examples: number; epochs: number } {
  const [, examples = '', epochs = ''] = /^([0-9]+(?:\.[0-9]+)?)Kep([0-9]+)$/.exec(part.text) ?? [];
  if (epochs === '') fail(part, `\`${part.text}\` is neither SFT nor RL`, forms.passes);
  return {
    examples: amountOf({ text: examples, start: part.start }, 1_000, part),
    epochs: whole({ text: epochs, start: part.start + part.text.length - epochs.length }),
  };
}

/** A decimal times a unit, exactly; at least 1, or 0 where that is said. */
function amountOf(number: Part, unit: number, within: Part, mayBeZero = false): number {
  const [digits = '', after = ''] = number.text.split('.');
  const scale = 10n ** BigInt(after.length);
  const scaled = BigInt(digits + after) * BigInt(unit);
  if (scaled % scale !== 0n)
    fail(within, `\`${number.text}\` is finer than one`, 'a whole number of tokens or examples');
  if (scaled / scale > BigInt(Number.MAX_SAFE_INTEGER))
    fail(within, `\`${number.text}\` is too large to be exact`, forms.whole);
  if (scaled === 0n && !mayBeZero) fail(number, 'here must be more than nothing', forms.whole);
  return Number(scaled / scale);
}

function whole(part: Part): number {
  const count = /^[0-9]{1,9}$/.test(part.text) ? Number(part.text) : 0;
  if (count === 0) fail(part, `\`${part.text}\` is no number of epochs`, 'a whole number of 1 or more');
  return count;
}

function billions(part: Part, unit: string, mayBeZero = false): number {
  const number = part.text.slice(0, part.text.length - unit.length).replace('_', '.');
  if (!/^[0-9]+(\.[0-9]+)?$/.test(number)) fail(part, `\`${part.text}\` is no amount of tokens`, 'such as 8 or 1_6');
  return amountOf({ ...part, text: number }, units.BT, part, mayBeZero);
}

function thousands(part: Part): number {
  const number = part.text.replace('_', '.');
  if (!/^[0-9]+(\.[0-9]+)?$/.test(number)) fail(part, `\`${part.text}\` is no number of examples`, 'such as 100');
  return amountOf({ ...part, text: number }, 1_000, part);
}

/** What stands between two texts. */
function affixed(part: Part, before: string, after: string, expected: string): Part {
  const { text, start } = part;
  if (!text.startsWith(before) || !text.endsWith(after) || text.length <= before.length + after.length)
    fail(part, `\`${text}\` cannot be read`, expected);
  return { text: text.slice(before.length, text.length - after.length), start: start + before.length };
}

function unitOf(tokens: number): number {
  return Object.values(units).find((unit) => tokens >= unit) ?? units.KT;
}

/** A count in a unit, a power of ten, exactly: 1600000000 in billions is `1.6`. */
function decimal(count: number, unit: number): string {
  const after = String(count % unit)
    .padStart(String(unit).length - 1, '0')
    .replace(/0+$/, '');
  return `${Math.floor(count / unit)}${after === '' ? '' : `.${after}`}`;
}
