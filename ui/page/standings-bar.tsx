import { whole } from '../../words/figures.ts';
import { type Counts, countsInWords, standings, total } from '../model/standings.ts';
import type { Standing } from '../protocol.ts';
import { glyphs, Sign } from './glyphs.tsx';

/** How nodes stand, as a bar whose parts are as wide as there are nodes. */
export function StandingsBar({ counts }: { counts: Counts }) {
  const all = Math.max(1, total(counts));
  return (
    <div class="bar" role="img" aria-label={countsInWords(counts) || 'no nodes'}>
      {inBar.map((one) =>
        counts[one] === 0 ? null : <div key={one} class={one} style={{ flexGrow: counts[one] / all }} />,
      )}
    </div>
  );
}

/** What is left to do comes last. */
const inBar: readonly Standing[] = ['done', 'running', 'interrupted', 'failed', 'blocked', 'waiting'];

/** The same in numbers, each with its sign: `✓ 12`. */
export function StandingCounts({ counts }: { counts: Counts }) {
  return (
    <span class="counts" role="img" aria-label={countsInWords(counts)}>
      {standings.map((one) =>
        counts[one] === 0 ? null : (
          <span key={one} class={`standing ${one}`}>
            <Sign glyph={glyphs[one]} />
            {whole(counts[one])}
          </span>
        ),
      )}
    </span>
  );
}
