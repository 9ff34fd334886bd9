import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { PageNode } from '../../workflows/messages.ts';
import { Schedule, stateLetters } from '../../workflows/schedule.ts';

/** A random plan: each node with parents before it, whether the store has it, and whether it fails when it runs. */
const plans = fc.array(
  fc.record({
    parents: fc.array(fc.nat(1000), { maxLength: 3 }),
    published: fc.boolean(),
    fails: fc.integer({ min: 0, max: 9 }).map((die) => die === 0),
  }),
  { minLength: 1, maxLength: 60 },
);

interface RandomNode {
  parents: number[];
  published: boolean;
  fails: boolean;
}

describe('a schedule', () => {
  test('starts every node once, after its parents, and blocks exactly what depends on a failure', () => {
    fc.assert(
      fc.property(
        plans,
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 1, max: 5 }),
        fc.infiniteStream(fc.nat(1000)),
        (random, pageSize, window, choices) => {
          const plan = withPlaces(random);
          const { started, schedule } = play(plan, {
            pageSize,
            window,
            choose: (count) => (choices.next().value as number) % count,
          });

          const failed = plan.flatMap((node, index) => (node.fails && started.includes(index) ? [index] : []));
          const blocked = descendants(plan, failed);
          const expected = plan.flatMap((node, index) => (node.published || blocked.has(index) ? [] : [index]));
          assert.deepEqual(
            [...started].sort((a, b) => a - b),
            expected,
            'started exactly once each',
          );
          assert.equal(schedule.finished, true);
          for (const [index, node] of plan.entries()) {
            const state = node.published ? 'reused' : blocked.has(index) ? 'blocked' : node.fails ? 'failed' : 'done';
            assert.equal(schedule.stateOf(index), state);
          }
        },
      ),
    );
  });

  test('goes on from its letters as if nothing had been', () => {
    fc.assert(
      fc.property(plans, fc.nat(60), fc.infiniteStream(fc.nat(1000)), (random, steps, choices) => {
        const plan = withPlaces(random);
        const choose = (count: number): number => (choices.next().value as number) % count;
        const before = play(plan, { pageSize: 3, window: 3, choose, mostSettled: steps });
        const after = play(plan, {
          pageSize: 4,
          window: 3,
          choose,
          states: before.schedule.states(),
          running: before.running,
        });
        assert.equal(after.schedule.finished, true);
        const started = [...before.started, ...after.started];
        assert.equal(new Set(started).size, started.length, 'none is started twice');
      }),
    );
  });

  test('restarts with the running nodes running, and the rest as the store has it', () => {
    const plan = withPlaces([
      { parents: [], published: false, fails: true },
      { parents: [], published: false, fails: false },
      { parents: [0, 1], published: false, fails: false },
    ]);
    const schedule = new Schedule(3);
    schedule.load(page(plan, 0, 3));
    assert.deepEqual([schedule.take(), schedule.take(), schedule.take()], [0, 1, undefined]);
    schedule.settle(0, 'failed');
    assert.equal(schedule.states(), 'f>b');
    schedule.restart();
    assert.equal(schedule.states(), '.>.');
    schedule.load(page(plan, 0, 3));
    assert.deepEqual(
      [schedule.take(), schedule.take()],
      [0, undefined],
      'what failed is tried again, what runs is not',
    );
    schedule.settle(0, 'done');
    schedule.settle(1, 'done');
    assert.equal(schedule.take(), 2);
  });

  test('ends, each running node started again only where it was put back, whenever it is restarted', () => {
    fc.assert(
      fc.property(plans, fc.infiniteStream(fc.nat(1000)), (random, choices) => {
        const plan = withPlaces(random);
        const store = plan.map(({ published }) => published);
        const schedule = new Schedule(plan.length);
        const running = new Set<number>();
        const choose = (count: number): number => (choices.next().value as number) % count;
        const loadPage = () => {
          const from = schedule.nextPage;
          if (from === undefined) return;
          const known = plan.map((node, index) => ({ ...node, published: store[index] as boolean }));
          schedule.load(page(known, from, 3));
        };
        const take = () => {
          const index = schedule.take();
          if (index === undefined) return;
          assert.ok(!running.has(index), `${index} is started while it runs`);
          running.add(index);
        };
        const pick = () => [...running][choose(Math.max(1, running.size))];
        const act = [
          loadPage,
          take,
          () => {
            const index = pick();
            if (index === undefined) return;
            running.delete(index);
            store[index] = true;
            schedule.settle(index, 'done');
          },
          () => {
            const index = pick();
            if (index === undefined) return;
            running.delete(index);
            schedule.putBack(index);
          },
          () => schedule.restart(),
        ];
        for (let step = 0; step < 60; step += 1) (act[choose(act.length)] as () => void)();
        for (let step = 0; step < 10 * plan.length + 10 && !schedule.finished; step += 1) {
          for (let from = schedule.nextPage; from !== undefined; from = schedule.nextPage) loadPage();
          take();
          const index = pick();
          if (index === undefined) continue;
          running.delete(index);
          store[index] = true;
          schedule.settle(index, 'done');
        }
        assert.equal(schedule.finished, true, schedule.states());
      }),
    );
  });

  test('ignores a page that was asked for before a restart, and ends that were told twice', () => {
    const plan = withPlaces([
      { parents: [], published: false, fails: false },
      { parents: [0], published: false, fails: false },
    ]);
    const schedule = new Schedule(2);
    schedule.load(page(plan, 0, 1));
    schedule.restart();
    schedule.load(page(plan, 1, 1));
    assert.equal(schedule.take(), undefined);
    assert.equal(schedule.nextPage, 0);
    schedule.load(page(plan, 0, 2));
    assert.equal(schedule.take(), 0);
    schedule.settle(0, 'done');
    schedule.settle(0, 'done');
    schedule.settle(0, 'failed');
    assert.equal(schedule.states(), 'd.');
  });

  test('holds no more than a bounded part of a large plan', () => {
    const total = 10_000;
    const plan = withPlaces(Array.from({ length: total }, () => ({ parents: [], published: false, fails: false })));
    const schedule = new Schedule(total);
    let pages = 0;
    for (let from = schedule.nextPage; from !== undefined; from = schedule.nextPage) {
      schedule.load(page(plan, from, 300));
      pages += 1;
    }
    assert.equal(pages, 4, 'pages are only asked for while fewer than 1,000 nodes are open');
    assert.equal(schedule.counts.waiting, total);
  });

  test('refuses letters that it did not write', () => {
    assert.throws(() => new Schedule(2, '.x'), /no node state has the letter "x"/);
    assert.throws(() => new Schedule(2, '.'), /1 states for 2 nodes/);
    assert.equal(new Set(Object.values(stateLetters)).size, Object.keys(stateLetters).length);
  });
});

/** Parents as places before the node's own. */
function withPlaces(random: RandomNode[]): RandomNode[] {
  return random.map((node, index) => ({
    ...node,
    parents: index === 0 ? [] : [...new Set(node.parents.map((parent) => parent % index))],
  }));
}

function page(plan: RandomNode[], from: number, size: number) {
  const nodes = plan.slice(from, from + size).map(
    ({ parents, published }, offset): PageNode => ({
      address: `n${from + offset}`,
      runsAs: 'activity',
      device: 'cpu',
      timeoutSeconds: 1,
      priority: 3,
      parents,
      published,
    }),
  );
  return { from, nodes };
}

interface Play {
  pageSize: number;
  window: number;
  /** Which of the running nodes ends next. */
  choose(count: number): number;
  states?: string;
  running?: number[];
  /** Stops after so many have ended. */
  mostSettled?: number;
}

/** Runs a plan to its end, or to where it is told to stop, ending one running node after the other. */
function play(
  plan: RandomNode[],
  { pageSize, window, choose, states, running = [], mostSettled = Number.POSITIVE_INFINITY }: Play,
) {
  const schedule = new Schedule(plan.length, states);
  const started: number[] = [];
  for (let settled = 0; ; ) {
    for (let from = schedule.nextPage; from !== undefined; from = schedule.nextPage)
      schedule.load(page(plan, from, pageSize));
    while (running.length < window) {
      const index = schedule.take();
      if (index === undefined) break;
      const parents = plan[index]?.parents ?? [];
      for (const parent of parents) assert.match(schedule.stateOf(parent) ?? '', /^(done|reused)$/);
      started.push(index);
      running.push(index);
    }
    assert.equal(schedule.counts.running, running.length);
    if (running.length === 0 || settled >= mostSettled) return { schedule, started, running };
    const [index = -1] = running.splice(choose(running.length), 1);
    schedule.settle(index, plan[index]?.fails ? 'failed' : 'done');
    settled += 1;
  }
}

function descendants(plan: RandomNode[], roots: number[]): Set<number> {
  const found = new Set<number>();
  for (const [index, node] of plan.entries()) {
    if (!node.published && node.parents.some((parent) => found.has(parent) || roots.includes(parent))) found.add(index);
  }
  return found;
}
