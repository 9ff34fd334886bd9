import { useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { counted, whole } from '../../words/figures.ts';
import { filterNodes } from '../model/filter.ts';
import { progressByNode, standings } from '../model/standings.ts';
import type { LineageView, Standing } from '../protocol.ts';
import { glyphs, Sign } from './glyphs.tsx';
import { choose, route } from './state.ts';
import { useWindowed } from './windowed.ts';

const rowHeight = 30;

/** The nodes in a list that the keyboard walks through, narrowed by words, stage and standing. */
export function NodeList({ view }: { view: LineageView }) {
  const { text = '', stage = '', standing = '', node: chosen } = route.value.chosen;
  const { nodes, groups } = view;
  const found = useMemo(
    () => filterNodes({ nodes, groups }, { text, stage, standing: standing as Standing | '' }),
    [nodes, groups, text, stage, standing],
  );
  return (
    <section class="list card" aria-labelledby="list-title">
      <div class="bar-of">
        <h2 id="list-title">Nodes</h2>
        <span class="soft" role="status">
          {found.length === nodes.key.length
            ? whole(found.length)
            : `${whole(found.length)} of ${whole(nodes.key.length)}`}
        </span>
      </div>
      <search class="filters">
        <input
          type="search"
          value={text}
          placeholder="Words of an address, or a key"
          aria-label="Filter by words of an address, or a key"
          onInput={(event) => choose({ text: event.currentTarget.value }, { replace: true })}
        />
        <select
          aria-label="Stage"
          value={stage}
          onChange={(event) => choose({ stage: event.currentTarget.value }, { replace: true })}
        >
          <option value="">all stages</option>
          {groups.map(({ name }) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
        <select
          aria-label="Standing"
          value={standing}
          onChange={(event) => choose({ standing: event.currentTarget.value }, { replace: true })}
        >
          <option value="">all standings</option>
          {standings.map((one) => (
            <option key={one} value={one}>
              {one} ({whole(view.counts[one])})
            </option>
          ))}
        </select>
      </search>
      <Rows view={view} found={found} chosen={chosen} />
    </section>
  );
}

/** A listbox: one stop of the Tab key, arrows from node to node, Enter opens one. */
function Rows({ view, found, chosen }: { view: LineageView; found: number[]; chosen: string | undefined }) {
  const scroller = useRef<HTMLDivElement>(null);
  const id = useId();
  const { first, end, reveal } = useWindowed(scroller, found.length, rowHeight);
  const at = found.findIndex((node) => view.nodes.key[node] === chosen);
  const [active, setActive] = useState(Math.max(0, at));
  const progress = progressByNode(view);
  const last = found.length - 1;
  useLayoutEffect(() => {
    if (active > last) setActive(Math.max(0, last));
  }, [active, last]);
  // What was chosen elsewhere is shown once.
  useEffect(() => {
    if (at < 0) return;
    setActive(at);
    reveal(at);
  }, [chosen]);
  const walk = (event: KeyboardEvent): void => {
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / rowHeight) - 1);
    const steps: Readonly<Record<string, number>> = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: page,
      PageUp: -page,
      Home: -last,
      End: last,
    };
    const step = steps[event.key];
    if (step !== undefined) {
      event.preventDefault();
      const next = Math.min(last, Math.max(0, active + step));
      setActive(next);
      reveal(next);
    } else if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      open(active);
    }
  };
  const open = (row: number): void => {
    const node = found[row];
    if (node !== undefined) choose({ node: view.nodes.key[node] as string });
  };
  if (found.length === 0) return <p class="soft empty">No node is like this.</p>;
  return (
    <div
      class="scroll rows"
      ref={scroller}
      role="listbox"
      tabIndex={0}
      aria-label={counted(found.length, 'node')}
      aria-activedescendant={`${id}-${active}`}
      onKeyDown={walk}
    >
      <div class="tall" role="presentation" style={{ height: `${found.length * rowHeight}px` }}>
        {found.slice(first, end).map((node, place) => {
          const index = first + place;
          const standing = view.nodes.standing[node] as Standing;
          const own = progress.get(node);
          return (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the list hears the keys
            // biome-ignore lint/a11y/useFocusableInteractive: the list has the focus, and names the active option
            <div
              key={node}
              id={`${id}-${index}`}
              class={`row${index === active ? ' active' : ''}`}
              role="option"
              aria-selected={index === at}
              aria-setsize={found.length}
              aria-posinset={index + 1}
              style={{ transform: `translateY(${index * rowHeight}px)` }}
              onClick={() => {
                setActive(index);
                open(index);
              }}
            >
              <span class={`standing ${standing}`}>
                <Sign glyph={glyphs[standing]} />
                <span class="word">{standing}</span>
              </span>
              <span class="address">{view.nodes.address[node]}</span>
              {own !== undefined && own.share !== null && (
                <span class="soft number">{Math.round(own.share * 100)} %</span>
              )}
            </div>
          );
        })}
      </div>
    </div>
  );
}
