import { counted, whole } from '../../words/figures.ts';
import type { LineageView } from '../protocol.ts';
import { choose } from './state.ts';

/** More would push what is below them off the screen; the list has all. Of those that have no device yet fewer are shown. */
const mostRows = { all: 8, idle: 3 };

/** What runs now, and how far it is. */
export function Running({ view }: { view: LineageView }) {
  const { progress, nodes } = view;
  // Those that have a device come first.
  const sorted = progress.toSorted((a, b) => Number(a.share === null) - Number(b.share === null));
  const training = progress.filter(({ share }) => share !== null).length;
  const shown = sorted.slice(0, Math.min(mostRows.all, Math.max(mostRows.idle, training)));
  const rate = progress.reduce((sum, { tokensPerSecond }) => sum + (tokensPerSecond ?? 0), 0);
  return (
    <section class="running card" aria-labelledby="running-title">
      <div class="bar-of">
        <h2 id="running-title">Running</h2>
        <span class="soft number">
          {counted(progress.length, 'node')}
          {rate > 0 && `, ${whole(rate)} tokens/s`}
        </span>
      </div>
      {progress.length === 0 ? (
        <p class="soft">{view.paused ? 'Nothing: the lineage is paused.' : 'Nothing yet.'}</p>
      ) : (
        <ul>
          {shown.map(({ node, share, text }) => (
            <li key={node}>
              <button type="button" class="link" onClick={() => choose({ node: nodes.key[node] as string })}>
                {nodes.address[node]}
              </button>
              {share === null ? (
                <span />
              ) : (
                <progress max={1} value={share} aria-label={`${nodes.address[node]}, share done`} />
              )}
              <span class="soft number">{text}</span>
            </li>
          ))}
        </ul>
      )}
      {progress.length > shown.length && (
        <button type="button" class="link" onClick={() => choose({ standing: 'running' })}>
          and {counted(progress.length - shown.length, 'other')}
        </button>
      )}
    </section>
  );
}
