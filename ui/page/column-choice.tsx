import { useRef } from 'preact/hooks';
import type { ColumnKind, ModelColumn } from '../model/models.ts';

interface ColumnChoiceProps {
  columns: readonly ModelColumn[];
  /** Indexes of those that are shown. */
  shown: readonly number[];
  /** Null is those that are shown at first. */
  onChange: (names: string[] | null) => void;
}

/** Kinds of columns in the order that they are offered. */
const offered: readonly [ColumnKind, string][] = [
  ['axis', 'Axes'],
  ['figure', 'Figures'],
  ['setting', 'Settings and facts'],
  ['identity', 'Identity'],
];

/** Which columns of the table are shown. */
export function ColumnChoice({ columns, shown, onChange }: ColumnChoiceProps) {
  const place = useRef<HTMLDetailsElement>(null);
  const isShown = new Set(shown);
  const toggle = (at: number): void => {
    const next = new Set(isShown);
    if (!next.delete(at)) next.add(at);
    onChange([...columns.keys()].filter((one) => next.has(one)).map((one) => (columns[one] as ModelColumn).name));
  };
  return (
    <details
      class="columns"
      ref={place}
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || place.current === null) return;
        place.current.open = false;
        place.current.querySelector('summary')?.focus();
      }}
    >
      <summary>Columns</summary>
      <div class="drop">
        <button type="button" class="link" onClick={() => onChange(null)}>
          As at first
        </button>
        {offered.map(([kind, title]) => {
          const own = [...columns.keys()].filter((at) => columns[at]?.kind === kind && columns[at]?.name !== 'address');
          return own.length === 0 ? null : (
            <fieldset key={kind}>
              <legend>{title}</legend>
              {own.map((at) => (
                <label key={at}>
                  <input type="checkbox" checked={isShown.has(at)} onChange={() => toggle(at)} /> {columns[at]?.label}
                </label>
              ))}
            </fieldset>
          );
        })}
      </div>
    </details>
  );
}
