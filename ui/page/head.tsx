import { useEffect, useState } from 'preact/hooks';
import { whole } from '../../words/figures.ts';
import { formatRoute, type View, views } from '../model/route.ts';
import { Actions } from './actions.tsx';
import { connection, lineage, refusal, route, view } from './state.ts';

/** The names of the views, as the page says them. */
export const viewNames: Readonly<Record<View, string>> = {
  dag: 'DAG',
  models: 'Models',
  takeaways: 'Takeaways',
  sql: 'SQL',
};

/** What stands above everything: which lineage it is, how it and the server stand, what can be done, and the views. */
export function Head() {
  const name = lineage.value;
  const now = view.value;
  return (
    <header class="head">
      <nav class="crumbs" aria-label="Lineages">
        <a href="#/" class="brand" aria-current={name === null ? 'page' : undefined}>
          <Logo />
          Descent
        </a>
        {name !== null && <span aria-hidden="true">/</span>}
        {name !== null && <span class="name">{name}</span>}
      </nav>
      {now !== null && <State />}
      {name !== null && refusal.value === null && <ConnectionWord />}
      {now !== null && <Actions />}
      {name !== null && (
        <nav class="tabs" aria-label="Views">
          {views.map((one) => (
            <a
              key={one}
              href={formatRoute({ lineage: name, view: one, chosen: {} })}
              aria-current={route.value.view === one ? 'page' : undefined}
            >
              {viewNames[one]}
            </a>
          ))}
        </nav>
      )}
    </header>
  );
}

function State() {
  const now = view.value;
  if (now === null) return null;
  const word = now.paused ? 'paused' : now.running ? 'running' : 'at rest';
  return (
    <span class={`state ${word.replace(' ', '-')}`}>
      {word}
      <span class="soft">
        {' '}
        {whole(now.counts.done)} of {whole(now.nodes.key.length)} done
      </span>
    </span>
  );
}

/** Whether what is seen is how it is. */
function ConnectionWord() {
  const { value } = connection;
  const seconds = useSecondsTo(value.state === 'away' ? value.until : null);
  const words =
    value.state === 'live'
      ? 'live'
      : value.state === 'connecting'
        ? 'connecting …'
        : `${value.error}; trying again ${seconds > 0 ? `in ${seconds} s` : 'now'}`;
  return (
    <span class={`connection ${value.state}`}>
      <span class="dot" aria-hidden="true" />
      <span aria-hidden={value.state === 'away'}>{words}</span>
      <span class="unseen" role="status">
        {value.state === 'away'
          ? `${value.error}: what is shown is from before`
          : value.state === 'live'
            ? 'Connected.'
            : ''}
      </span>
    </span>
  );
}

/** Whole seconds until a time, counted down; 0 where there is none. */
function useSecondsTo(time: number | null): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (time === null) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, [time]);
  return time === null ? 0 : Math.max(0, Math.ceil((time - now) / 1000));
}

function Logo() {
  return (
    <svg class="logo" viewBox="0 0 16 16" aria-hidden="true">
      <path d="M2 3h4v4H2zM10 3h4v4h-4zM10 10h4v4h-4zM6 5h4M8 5v7h2" />
    </svg>
  );
}
