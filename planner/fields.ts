import type { Precision } from '../schemas/types/job.ts';
import { axisNamed, type Setting } from './axes.ts';
import {
  type Extent,
  type Parsed,
  parseCount,
  parseExtent,
  parseFraction,
  parseNumber,
  parsePrecision,
  parseSeed,
  parseShare,
  parseSpan,
  parseTokens,
  type Share,
  type Span,
  type Tokens,
} from './quantities.ts';
import type { DeclaredStage } from './stages.ts';
import type { Path } from './syntax.ts';
import { own, recordAt } from './tree.ts';

/** The fields of a stage with its axes fixed; each is undefined where it is not given. */
export interface Fields {
  count(name: string): number | undefined;
  number(name: string): number | undefined;
  fraction(name: string): number | undefined;
  seed(name: string): number | undefined;
  tokens(name: string): Tokens | undefined;
  span(name: string): Span | undefined;
  /** Of an entry of a map, where `name` is one. */
  extent(map: string, name: string): Extent | undefined;
  text(name: string): string | undefined;
  shares(name: string): Map<string, Share>;
  flag(name: string): boolean | undefined;
  betas(): [number, number] | undefined;
  precision(): Precision | undefined;
  /** Where the value of a field stands: in the stage, or in the axis that it takes it from. */
  path(...names: string[]): Path;
}

/**
 * Reads the fields of a stage of a lineage that was checked.
 * @throws Error when a value cannot be read: the checks were to find it.
 */
export function fieldsOf(stage: DeclaredStage, setting: Setting): Fields {
  const takenFrom = (written: unknown): unknown => {
    const axis = axisNamed(written);
    return axis === undefined ? written : setting.get(axis)?.value;
  };
  const read = <T>(
    name: string,
    parse: (value: unknown) => Parsed<T>,
    written: unknown = own(stage.body, name),
  ): T | undefined => {
    if (written === undefined) return undefined;
    const parsed = parse(takenFrom(written));
    if (!parsed.ok) throw new Error(`${stage.name}.${name}: ${String(written)} ${parsed.problem}`);
    return parsed.value;
  };
  return {
    count: (name) => read(name, parseCount),
    number: (name) => read(name, parseNumber),
    fraction: (name) => read(name, parseFraction),
    seed: (name) => read(name, parseSeed),
    tokens: (name) => read(name, parseTokens),
    span: (name) => read(name, parseSpan),
    extent: (map, name) => read(`${map}.${name}`, parseExtent, own(recordAt(stage.body, map), name)),
    text: (name) => {
      const value = takenFrom(own(stage.body, name));
      return value === undefined ? undefined : String(value);
    },
    shares: (name) => {
      const shares = new Map<string, Share>();
      for (const [entry, written] of Object.entries(recordAt(stage.body, name))) {
        const share = read(`${name}.${entry}`, parseShare, written);
        if (share) shares.set(entry, share);
      }
      return shares;
    },
    flag: (name) => {
      const value = own(stage.body, name);
      return typeof value === 'boolean' ? value : undefined;
    },
    betas: () => {
      const betas = own(stage.body, 'betas');
      return Array.isArray(betas) ? [Number(betas[0]), Number(betas[1])] : undefined;
    },
    precision: () => read('precision', parsePrecision),
    path: (...names) => {
      let written: unknown = stage.body;
      for (const name of names) written = own(recordAt(written), name);
      return setting.get(axisNamed(written) ?? '')?.path ?? ['stages', stage.name, stage.kind ?? '', ...names];
    },
  };
}
