/** Values by name over steps, thinned to means. */
export interface Thinned {
  steps: number[];
  /** A value for each step, null where there is none. */
  values: Record<string, (number | null)[]>;
}

/** Steps as they come, kept as means over neighbouring ones where there are too many. */
export interface Thinning {
  /** Takes a step, which is after all that were taken; the last one again replaces it, as long as none were joined. */
  add(step: number, values: Readonly<Record<string, number>>): void;
  /** Forgets all steps after one. False where that one was joined with later ones, which cannot be parted. */
  cut(after: number): boolean;
  /** At most so many points: means over equally many steps, each at the last of these, so that the last step is one. */
  points(most: number): Thinned;
  /** The names of the values, in the order that they came in. */
  names(): string[];
}

/** Steps that were joined. */
interface Joined {
  /** The first and the last of them. */
  first: number;
  last: number;
  sums: Map<string, { sum: number; count: number }>;
}

/** Keeps no more than `kept` means of each value: double the width whenever there are more. */
export function thinning(kept = 2048): Thinning {
  let width = 1;
  let joined: Joined[] = [];
  return {
    add(step, values) {
      const newest = joined.at(-1);
      const place = placeOf(step, width);
      const sums = new Map(Object.entries(values).map(([name, sum]) => [name, { sum, count: 1 }]));
      const own: Joined = { first: step, last: step, sums };
      if (newest === undefined || placeOf(newest.last, width) !== place) joined.push(own);
      else if (width === 1) joined[joined.length - 1] = own;
      else join(newest, own);
      if (joined.length <= kept) return;
      width *= 2;
      joined = grouped(joined, ({ last }) => placeOf(last, width));
    },
    cut(after) {
      while (joined.length > 0 && (joined.at(-1) as Joined).first > after) joined.pop();
      return (joined.at(-1)?.last ?? after) <= after;
    },
    points(most) {
      const end = joined.at(-1)?.last ?? 1;
      const shown = grouped(joined, ({ last }) => Math.ceil((last * most) / Math.max(1, end)));
      const names = namesOf(shown);
      return {
        steps: shown.map(({ last }) => last),
        values: Object.fromEntries(names.map((name) => [name, shown.map(({ sums }) => meanOf(sums.get(name)))])),
      };
    },
    names: () => namesOf(joined),
  };
}

function placeOf(step: number, width: number): number {
  return Math.ceil(step / width);
}

/** Neighbours that have the same place, joined; what was given is left as it is. */
function grouped(joined: readonly Joined[], place: (one: Joined) => number): Joined[] {
  const groups: Joined[] = [];
  let before: number | undefined;
  for (const one of joined) {
    const now = place(one);
    const group = groups.at(-1);
    if (group !== undefined && now === before) join(group, one);
    else {
      const sums = new Map([...one.sums].map(([name, { sum, count }]) => [name, { sum, count }]));
      groups.push({ first: one.first, last: one.last, sums });
    }
    before = now;
  }
  return groups;
}

function join(into: Joined, one: Joined): void {
  into.last = one.last;
  for (const [name, { sum, count }] of one.sums) {
    const own = into.sums.get(name);
    if (own === undefined) into.sums.set(name, { sum, count });
    else {
      own.sum += sum;
      own.count += count;
    }
  }
}

function meanOf(mean: { sum: number; count: number } | undefined): number | null {
  return mean === undefined ? null : mean.sum / mean.count;
}

function namesOf(joined: readonly Joined[]): string[] {
  return [...new Set(joined.flatMap(({ sums }) => [...sums.keys()]))];
}
