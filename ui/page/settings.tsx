import type { Json } from '../../planner/plan.ts';
import { figure } from '../../words/figures.ts';

/** Settings by their paths. */
export function Settings({ settings, name }: { settings: Readonly<Record<string, Json>>; name: string }) {
  return (
    <table class="settings">
      <caption class="unseen">{name}</caption>
      <tbody>
        {Object.entries(settings).map(([path, value]) => (
          <tr key={path}>
            <th scope="row">{path}</th>
            <td>{inWords(value)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** A JSON value as a person reads it: `1,024`, `a, b`, `{"x":1}`. */
export function inWords(value: Json): string {
  if (value === null) return '';
  if (typeof value === 'number') return figure(value);
  if (typeof value === 'string') return value;
  if (Array.isArray(value) && value.every((one) => typeof one !== 'object')) return value.map(inWords).join(', ');
  return typeof value === 'boolean' ? (value ? 'yes' : 'no') : JSON.stringify(value);
}
