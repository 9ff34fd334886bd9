import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Key } from '../../planner/plan.ts';
import { expectedTime } from '../../planner/time.ts';

interface Timed {
  key: Key;
  address: string;
  parents: Record<string, Key>;
  seconds: number;
}

const secondsOf = ({ seconds }: Timed) => seconds;

function timed(name: string, seconds: number, ...parents: string[]): Timed {
  return {
    key: name as Key,
    address: name,
    parents: Object.fromEntries(parents.map((parent, role) => [`${role}`, parent as Key])),
    seconds,
  };
}

/** Parents before children, in whole seconds, so that sums are exact. */
const graph = fc
  .array(
    fc.record({
      seconds: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 20 })),
      parents: fc.array(fc.nat(), { maxLength: 3 }),
    }),
    {
      minLength: 1,
      maxLength: 40,
    },
  )
  .map((drawn) =>
    drawn.map(({ seconds, parents }, index) => {
      const above = index === 0 ? [] : [...new Set(parents.map((parent) => parent % index))];
      return timed(`n${index}`, seconds, ...above.map((parent) => `n${parent}`));
    }),
  );
const independent = fc
  .array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 30 })
  .map((times) => times.map((seconds, index) => timed(`n${index}`, seconds)));
const devices = fc.integer({ min: 1, max: 6 });

describe('expectedTime', () => {
  /*
   *  base 10 ─┬─▶ a 4 ──▶ a2 4
   *           ├─▶ b 6
   *           └─▶ c 1
   */
  const tree = [
    timed('base', 10),
    timed('a', 4, 'base'),
    timed('a2', 4, 'a'),
    timed('b', 6, 'base'),
    timed('c', 1, 'base'),
  ];

  test('starts the longest way to the end first', () => {
    const chain = ['base', 'a', 'a2'];
    assert.deepEqual(summary(tree, 1), { total: 25, longest: 18, chain, elapsed: 25 });
    assert.deepEqual(summary(tree, 2), { total: 25, longest: 18, chain, elapsed: 18 }, 'b and c beside a and a2');
    assert.deepEqual(summary(tree, 9), { total: 25, longest: 18, chain, elapsed: 18 });
  });

  test('takes what is not asked about for done, and a key at two addresses for one', () => {
    const left = tree.filter(({ address }) => address !== 'base' && address !== 'a');
    assert.deepEqual(summary([...left, ...left], 2), { total: 11, longest: 6, chain: ['b'], elapsed: 6 });
  });

  test('nothing takes no time', () => {
    assert.deepEqual(summary([], 3), { total: 0, longest: 0, chain: [], elapsed: 0 });
  });

  test('refuses what is no time and no number of devices', () => {
    for (const seconds of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(() => expectedTime([timed('mid', seconds)], secondsOf, 1), {
        name: 'RangeError',
        message: `mid cannot take ${seconds} seconds`,
      });
    }
    for (const count of [0, -1, 1.5, Number.NaN]) {
      assert.throws(() => expectedTime(tree, secondsOf, count), {
        name: 'RangeError',
        message: /no number of devices/,
      });
    }
  });

  test('lies between the critical chain and the sum, within the bound of list scheduling', () => {
    fc.assert(
      fc.property(graph, devices, (nodes, count) => {
        const { total, critical, elapsed } = expectedTime(nodes, secondsOf, count);
        assert.equal(total, sum(nodes));
        assert.equal(sum(critical.nodes), critical.seconds);
        assert.ok(elapsed >= critical.seconds && elapsed >= total / count);
        // Graham 1969: when some device idles, the critical chain is under way.
        assert.ok(elapsed <= critical.seconds + (total - critical.seconds) / count + 1e-9);
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  test('is the sum on one device, and the critical chain on as many as there are nodes', () => {
    fc.assert(
      fc.property(graph, (nodes) => {
        const one = expectedTime(nodes, secondsOf, 1);
        assert.equal(one.elapsed, one.total);
        const enough = expectedTime(nodes, secondsOf, nodes.length);
        assert.equal(enough.elapsed, enough.critical.seconds);
      }),
      { seed: 2, numRuns: 300 },
    );
  });

  /*
   * Where nodes wait for others, one device more can take longer, whatever the list (Graham's anomalies): by at most the
   * factor 1 + (m - 1) / m' from m to m' devices. Without waiting it never does.
   */
  test('more devices never take longer without dependencies, and with them no longer than anomalies can', () => {
    fc.assert(
      fc.property(independent, devices, (nodes, count) => {
        const [fewer, more] = [count, count + 1].map((each) => expectedTime(nodes, secondsOf, each).elapsed);
        assert.ok((more as number) <= (fewer as number));
      }),
      { seed: 3, numRuns: 300 },
    );
    fc.assert(
      fc.property(graph, devices, devices, (nodes, a, b) => {
        const [few, many] = [Math.min(a, b), Math.max(a, b)];
        const [before, after] = [few, many].map((each) => expectedTime(nodes, secondsOf, each).elapsed);
        assert.ok((after as number) <= (before as number) * (1 + (few - 1) / many) + 1e-9);
      }),
      { seed: 4, numRuns: 300 },
    );
  });

  test('is what acting it out second by second gives', () => {
    fc.assert(
      fc.property(graph, devices, (nodes, count) => {
        assert.equal(expectedTime(nodes, secondsOf, count).elapsed, actOut(nodes, count));
      }),
      { seed: 5, numRuns: 300 },
    );
  });

  test('does not depend on where else in the plan a node stands, but for ties', () => {
    fc.assert(
      fc.property(graph, devices, (nodes, count) => {
        // Powers of two: no two chains are equally long.
        const distinct = nodes.slice(0, 30).map((node, index) => ({ ...node, seconds: 2 ** index }));
        assert.deepEqual(summary(turned(distinct), count), summary(distinct, count));
      }),
      { seed: 6, numRuns: 200 },
    );
  });

  test('100,000 nodes are not too many', () => {
    const nodes = Array.from({ length: 100_000 }, (_, index) =>
      timed(`n${index}`, (index * 7919) % 1000, ...(index % 1000 === 0 ? [] : [`n${Math.floor(index / 2)}`])),
    );
    const { total, critical, elapsed } = expectedTime(nodes, secondsOf, 8);
    assert.ok(elapsed >= critical.seconds && elapsed <= critical.seconds + total / 8);
  });
});

/** As plain figures, with the addresses of the critical chain. */
function summary(nodes: readonly Timed[], count: number) {
  const { total, critical, elapsed } = expectedTime(nodes, secondsOf, count);
  return { total, longest: critical.seconds, chain: critical.nodes.map(({ address }) => address), elapsed };
}

function sum(nodes: readonly Timed[]): number {
  return nodes.reduce((total, { seconds }) => total + seconds, 0);
}

function parentsOf(nodes: readonly Timed[], { parents }: Timed): Timed[] {
  const keys = new Set(Object.values(parents));
  return nodes.filter(({ key }) => keys.has(key));
}

/** The same nodes in another order that has parents first: by depth, and backwards within. */
function turned(nodes: readonly Timed[]): Timed[] {
  const depths = new Map<Timed, number>();
  for (const node of nodes) {
    depths.set(node, Math.max(0, ...parentsOf(nodes, node).map((parent) => (depths.get(parent) as number) + 1)));
  }
  const depth = (node: Timed) => depths.get(node) as number;
  return nodes.toReversed().sort((a, b) => depth(a) - depth(b));
}

/** The same schedule without any cleverness: each second, see who is done, and start who has the longest way. */
function actOut(nodes: readonly Timed[], count: number): number {
  const way = new Map<Timed, number>();
  for (const node of nodes.toReversed()) {
    const below = nodes.filter(({ parents }) => Object.values(parents).includes(node.key));
    way.set(node, node.seconds + Math.max(0, ...below.map((child) => way.get(child) as number)));
  }
  const order = [...nodes].sort((a, b) => (way.get(b) as number) - (way.get(a) as number));
  const ends = new Map<Timed, number>();
  for (let now = 0; ; now++) {
    const isDone = (node: Timed) => (ends.get(node) ?? Number.POSITIVE_INFINITY) <= now;
    for (;;) {
      const busy = [...ends.keys()].filter((node) => !isDone(node)).length;
      const next = order.find((node) => !ends.has(node) && parentsOf(nodes, node).every(isDone));
      if (busy === count || next === undefined) break;
      ends.set(next, now + next.seconds);
    }
    if (nodes.every(isDone)) return now;
  }
}
