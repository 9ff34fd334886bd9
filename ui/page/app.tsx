import type { FunctionComponent } from 'preact';
import { useEffect } from 'preact/hooks';
import type { View } from '../model/route.ts';
import { ProblemNote } from './asked.tsx';
import { Dag } from './dag.tsx';
import { Head, viewNames } from './head.tsx';
import { Lineages } from './lineages.tsx';
import { Models } from './models.tsx';
import { Sql } from './sql.tsx';
import { lineage, news, refusal, route, view } from './state.ts';
import { Takeaways } from './takeaways.tsx';

const shown: Readonly<Record<View, FunctionComponent>> = {
  dag: Dag,
  models: Models,
  takeaways: Takeaways,
  sql: Sql,
};

/** The page. */
export function App() {
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById('main')?.focus()}>
        Skip to the content
      </button>
      <Head />
      <Main />
      <div class="unseen" role="status" aria-live="polite">
        {news.value}
      </div>
    </>
  );
}

function Main() {
  const { view: which } = route.value;
  const name = lineage.value;
  useTitle(name === null ? 'Lineages' : `${viewNames[which]} of ${name}`);
  const Shown = shown[which];
  return (
    <main id="main" tabIndex={-1} class={name === null ? 'lineages' : which}>
      {name === null ? (
        <Lineages />
      ) : refusal.value !== null ? (
        <ProblemNote problem={refusal.value} />
      ) : view.value === null ? (
        <p class="soft">Asking …</p>
      ) : (
        <Shown key={name} />
      )}
    </main>
  );
}

function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Descent`;
  }, [title]);
}
