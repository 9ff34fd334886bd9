import type { VerdictWord as Verdict } from '../../results/verdicts/verdict.ts';
import type { Standing } from '../protocol.ts';

/** How a sign is drawn in a square of 16: lines of it, or what it fills. */
export interface Glyph {
  path: string;
  isFilled: boolean;
}

/** The sign of each standing, which says it without colour. */
export const glyphs: Readonly<Record<Standing, Glyph>> = {
  done: { path: 'M3.5 8.5l3 3 6-7', isFilled: false },
  running: { path: 'M5 3.5l8 4.5-8 4.5z', isFilled: true },
  interrupted: { path: 'M5.5 4v8M10.5 4v8', isFilled: false },
  waiting: { path: 'M8 5a3 3 0 1 0 .01 0z', isFilled: false },
  failed: { path: 'M4 4l8 8M12 4l-8 8', isFilled: false },
  blocked: { path: 'M3.5 8h9', isFilled: false },
};

const verdictGlyphs: Readonly<Record<Verdict, Glyph>> = {
  supported: glyphs.done,
  contradicted: glyphs.failed,
  inconclusive: { path: 'M3 6.5c2-2 4 2 5 0s3-2 5 0M3 10.5c2-2 4 2 5 0s3-2 5 0', isFilled: false },
  underpowered: { path: 'M3 12V9M8 12V6M13 12v-1', isFilled: false },
  stale: { path: 'M8 3.5a4.5 4.5 0 1 0 .01 0zM8 5.5v3l2 1', isFilled: false },
  'not asked': glyphs.waiting,
};

/** A sign alone; the word beside it says what it is. */
export function Sign({ glyph }: { glyph: Glyph }) {
  return (
    <svg class={glyph.isFilled ? 'sign filled' : 'sign'} viewBox="0 0 16 16" aria-hidden="true">
      <path d={glyph.path} />
    </svg>
  );
}

/** A standing as a sign and a word. */
export function StandingWord({ standing }: { standing: Standing }) {
  return (
    <span class={`standing ${standing}`}>
      <Sign glyph={glyphs[standing]} />
      {standing}
    </span>
  );
}

/** A verdict as a sign and a word. */
export function VerdictWord({ verdict }: { verdict: Verdict }) {
  return (
    <span class={`verdict ${verdict.replace(' ', '-')}`}>
      <Sign glyph={verdictGlyphs[verdict]} />
      {verdict}
    </span>
  );
}
