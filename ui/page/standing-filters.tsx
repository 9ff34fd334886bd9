import { whole } from '../../words/figures.ts';
import { type Counts, standings } from '../model/standings.ts';
import { glyphs, Sign } from './glyphs.tsx';
import { choose, route } from './state.ts';

/** How many nodes stand how; each is a button that lists them; those that none are in are left out. */
export function StandingFilters({ counts }: { counts: Counts }) {
  const chosen = route.value.chosen.standing;
  return (
    <fieldset class="tallies" aria-label="List the nodes that are">
      {standings
        .filter((one) => counts[one] > 0 || one === chosen)
        .map((one) => (
          <button
            key={one}
            type="button"
            class={`tally ${one}`}
            aria-pressed={chosen === one}
            onClick={() => choose({ standing: chosen === one ? null : one }, { replace: true })}
          >
            <Sign glyph={glyphs[one]} />
            <span class="number">{whole(counts[one])}</span> {one}
          </button>
        ))}
    </fieldset>
  );
}
