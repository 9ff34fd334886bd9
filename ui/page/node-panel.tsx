import { useEffect, useReducer, useRef } from 'preact/hooks';
import type { FigureRow } from '../../results/figure.ts';
import { duration, shortKey, whole } from '../../words/figures.ts';
import { measured } from '../../words/measured.ts';
import { formatRoute } from '../model/route.ts';
import type { NodeView, Standing } from '../protocol.ts';
import { nodePath } from './api.ts';
import { useAsked, WaitNote, WhenAsked } from './asked.tsx';
import { StandingWord } from './glyphs.tsx';
import { NodeCurves } from './node-curves.tsx';
import { NodeSamples } from './node-samples.tsx';
import { Scrolled } from './scrolled.tsx';
import { Settings } from './settings.tsx';
import { arrivals, choose, lineage, route, view } from './state.ts';

/** Between two tries to have what the results tell of a node, while somebody holds them. */
const askAgainMs = 1000;

/** One node in full. `index` is where it is in the plan, null where that has no such key. */
export function NodePanel({
  nodeKey,
  index,
  onOpened,
}: {
  nodeKey: string;
  index: number | null;
  onOpened: (node: NodeView | null) => void;
}) {
  const standing = index === null ? undefined : view.value?.nodes.standing[index];
  const [times, again] = useReducer((count: number) => count + 1, 0);
  const asked = useAsked<NodeView>(nodePath(lineage.value ?? '', nodeKey), `${arrivals.value} ${standing} ${times}`);
  const isPart = asked.value !== null && asked.value.unread !== null;
  useEffect(() => {
    if (!isPart || asked.pending) return;
    const timer = setTimeout(() => again(undefined), askAgainMs);
    return () => clearTimeout(timer);
  }, [isPart, asked.pending]);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => onOpened(asked.value), [asked.value, onOpened]);
  const address =
    asked.value?.address ?? (index === null ? shortKey(nodeKey) : (view.value?.nodes.address[index] ?? ''));
  // Each node that is opened is gone to once.
  useEffect(() => heading.current?.focus({ preventScroll: matchMedia('(min-width: 70rem)').matches }), [nodeKey]);
  const close = (): void => {
    choose({ node: null });
    document.querySelector<HTMLElement>('[role=listbox]')?.focus();
  };
  return (
    <section
      class="panel card"
      aria-labelledby="node-title"
      onKeyDown={(event) => {
        if (event.key === 'Escape') close();
      }}
    >
      <div class="bar-of">
        <h2 id="node-title" tabIndex={-1} ref={heading}>
          {address}
        </h2>
        <button type="button" class="close" aria-label={`Close ${address}`} onClick={close}>
          ✕
        </button>
      </div>
      <WhenAsked asked={asked}>{(node) => <Body node={node} standing={standing ?? node.standing} />}</WhenAsked>
    </section>
  );
}

function Body({ node, standing }: { node: NodeView; standing: Standing }) {
  const progress = view.value?.progress.find((one) => view.value?.nodes.key[one.node] === node.key);
  return (
    <>
      <p class="facts">
        <StandingWord standing={standing} />
        <span>
          {node.type} of {node.stage}
        </span>
        <code title={node.key}>{shortKey(node.key)}</code>
        {node.temporal !== null && (
          <a href={node.temporal} target="_blank" rel="noreferrer">
            Temporal<span class="unseen"> (in a new tab)</span>
            <span aria-hidden="true"> ↗</span>
          </a>
        )}
      </p>
      {node.reason !== null && <p class={standing === 'failed' ? 'problem' : 'soft'}>{node.reason}</p>}
      {progress !== undefined && (
        <p class="facts">
          {progress.share !== null && <progress max={1} value={progress.share} aria-label="Share done" />}
          <span class="number">{progress.text}</span>
        </p>
      )}
      {node.marks.length > 0 && (
        <p class="marks">
          {node.marks.map((mark) => (
            <span key={mark} class="mark">
              ! {mark}
            </span>
          ))}
        </p>
      )}
      {node.unread !== null && <WaitNote what={`figures are not told now, as ${node.unread}`} />}
      {node.figures.length > 0 && <Figures figures={node.figures} />}
      <NodeCurves node={node} isRunning={standing === 'running'} />
      <NodeSamples nodeKey={node.key} version={standing} />
      {node.attempts.length > 0 && <Attempts attempts={node.attempts} />}
      <details open={standing !== 'done' && standing !== 'running'}>
        <summary>
          <h3>Why</h3>
        </summary>
        {node.why.length === 0 ? (
          <p class="soft">Nothing more is known.</p>
        ) : (
          <ul class="why">
            {node.why.map((one) => (
              <li key={one}>{one}</li>
            ))}
          </ul>
        )}
      </details>
      <details open>
        <summary>
          <h3>Needs and needed by</h3>
        </summary>
        <dl class="links">
          <dt>needs</dt>
          <dd>
            <Links nodes={node.needs} />
          </dd>
          <dt>needed by</dt>
          <dd>
            <Links nodes={node.neededBy} />
          </dd>
        </dl>
      </details>
      <details>
        <summary>
          <h3>Recipe</h3>
        </summary>
        <Settings settings={node.recipe} name="Recipe" />
      </details>
      {Object.keys(node.facts).length > 0 && (
        <details>
          <summary>
            <h3>Facts</h3>
          </summary>
          <Settings settings={node.facts} name="Facts" />
        </details>
      )}
      <dl class="links">
        <dt>key</dt>
        <dd>
          <code class="break">{node.key}</code>
        </dd>
        {node.folder !== null && <dt>folder</dt>}
        {node.folder !== null && (
          <dd>
            <code class="break">{node.folder}</code>
          </dd>
        )}
      </dl>
    </>
  );
}

/** Links to nodes; more than these would hide what is below them. */
const mostLinks = 30;

function Links({ nodes }: { nodes: readonly { address: string; key: string; role?: string }[] }) {
  if (nodes.length === 0) return <span class="soft">nothing</span>;
  return (
    <ul>
      {nodes.slice(0, mostLinks).map(({ address, key, role }) => (
        <li key={`${role} ${key} ${address}`}>
          <a href={formatRoute({ ...route.value, chosen: { ...route.value.chosen, node: key } })}>{address}</a>
          {role !== undefined && <span class="soft"> {role}</span>}
        </li>
      ))}
      {nodes.length > mostLinks && <li class="soft">and {whole(nodes.length - mostLinks)} more</li>}
    </ul>
  );
}

function Figures({ figures }: { figures: readonly FigureRow[] }) {
  return (
    <>
      <h3>Figures</h3>
      <Scrolled class="table" label="Figures">
        <table>
          <thead>
            <tr>
              <th scope="col">of</th>
              <th scope="col">figure</th>
              <th scope="col" class="number">
                value
              </th>
              <th scope="col" class="number">
                95 % interval
              </th>
              <th scope="col" class="number">
                n
              </th>
            </tr>
          </thead>
          <tbody>
            {figures.map(({ suite, task, metric, value, low, high, n }) => (
              <tr key={`${suite} ${task} ${metric}`}>
                <th scope="row">
                  {suite}, {task === 'all' ? 'all tasks' : task}
                </th>
                <td>{metric}</td>
                <td class="number">{measured(metric, value)}</td>
                <td class="number">
                  {low === null || high === null ? '' : `${measured(metric, low)} – ${measured(metric, high)}`}
                </td>
                <td class="number">{n === null ? '' : whole(n)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scrolled>
    </>
  );
}

function Attempts({ attempts }: { attempts: NodeView['attempts'] }) {
  return (
    <>
      <h3>Attempts</h3>
      <ol class="attempts" reversed>
        {attempts.map(({ attempt, state, startedAt, finishedAt, error }) => (
          <li key={attempt} value={attempt}>
            {state}
            {startedAt !== null && (
              <span class="soft">
                {' '}
                <time dateTime={startedAt}>{startedAt.slice(0, 19).replace('T', ' ')} UTC</time>
                {finishedAt !== null && `, ${duration((Date.parse(finishedAt) - Date.parse(startedAt)) / 1000)}`}
              </span>
            )}
            {error !== null && <pre class="error">{error}</pre>}
          </li>
        ))}
      </ol>
    </>
  );
}
