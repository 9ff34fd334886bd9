import { useEffect, useReducer } from 'preact/hooks';
import { whole } from '../../words/figures.ts';
import { formatRoute } from '../model/route.ts';
import { total } from '../model/standings.ts';
import type { LineageLine } from '../protocol.ts';
import { useAsked, WhenAsked } from './asked.tsx';
import { Scrolled } from './scrolled.tsx';
import { isSeen } from './seen.ts';
import { StandingCounts, StandingsBar } from './standings-bar.tsx';

/** No stream tells of lineages that begin or end: they are asked for again, while the page is seen. */
const askEveryMs = 5000;

/** The lineages of this home, the one that ran last first. */
export function Lineages() {
  const [times, again] = useReducer((count: number) => count + 1, 0);
  const asked = useAsked<LineageLine[]>('/api/lineages', times);
  const seen = isSeen.value;
  // An answer is waited for: to ask anew before it comes would be never to have one.
  useEffect(() => {
    if (asked.pending || !seen) return;
    const timer = setTimeout(() => again(undefined), askEveryMs);
    return () => clearTimeout(timer);
  }, [asked.pending, seen, times]);
  return (
    <section class="card" aria-labelledby="lineages-title">
      <h1 id="lineages-title">Lineages</h1>
      <WhenAsked asked={asked}>
        {(lines) =>
          lines.length === 0 ? (
            <p>
              No lineage was run in this home yet: <code>descent run lineage/quickstart.yaml</code>
            </p>
          ) : (
            <Scrolled class="table" label="Table of the lineages">
              <table>
                <thead>
                  <tr>
                    <th scope="col">lineage</th>
                    <th scope="col">title</th>
                    <th scope="col">state</th>
                    <th scope="col" class="number">
                      nodes
                    </th>
                    <th scope="col">standings</th>
                    <th scope="col">last run</th>
                  </tr>
                </thead>
                <tbody>
                  {lines.map((line) => (
                    <Row key={line.lineage} line={line} />
                  ))}
                </tbody>
              </table>
            </Scrolled>
          )
        }
      </WhenAsked>
    </section>
  );
}

function Row({ line }: { line: LineageLine }) {
  const { lineage, title, running, paused, counts, lastRun } = line;
  return (
    <tr>
      <th scope="row">
        <a href={formatRoute({ lineage, view: 'dag', chosen: {} })}>{lineage}</a>
      </th>
      <td>{title}</td>
      <td>{paused ? 'paused' : running ? 'running' : 'at rest'}</td>
      <td class="number">{whole(total(counts))}</td>
      <td>
        <StandingsBar counts={counts} />
        <StandingCounts counts={counts} />
      </td>
      <td>
        <time dateTime={lastRun}>{lastRun.slice(0, 16).replace('T', ' ')} UTC</time>
      </td>
    </tr>
  );
}
