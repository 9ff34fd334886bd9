/** What the page can show of a lineage. */
export const views = ['dag', 'models', 'takeaways', 'sql'] as const;

export type View = (typeof views)[number];

/** Where in the page a person is. Without a lineage all of them are listed. */
export interface Route {
  lineage: string | null;
  view: View;
  /** What is chosen there: `node`, `stage`, `sort`. None is empty. */
  chosen: Readonly<Record<string, string>>;
}

/** The route of a location's hash: `#/lineages/replay/dag?node=ab12`. What it does not know leads to the list of lineages. */
export function parseRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#/, '').split('?', 2);
  const [, root, name, view] = path.split('/');
  const lineage = root === 'lineages' && name ? decoded(name) : null;
  const chosen = Object.fromEntries([...new URLSearchParams(query)].filter(([, value]) => value !== ''));
  return { lineage, view: views.find((one) => one === view) ?? 'dag', chosen };
}

/** The hash of a route; `parseRoute` reads it back. */
export function formatRoute({ lineage, view, chosen }: Route): string {
  if (lineage === null) return '#/';
  const query = new URLSearchParams(Object.entries(chosen).filter(([, value]) => value !== '')).toString();
  return `#/lineages/${encodeURIComponent(lineage)}/${view}${query === '' ? '' : `?${query}`}`;
}

/** A name that somebody mistyped in the address is no reason to show nothing. */
function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
