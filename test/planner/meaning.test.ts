import assert from 'node:assert/strict';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { parse } from 'yaml';
import { planLineage } from '../../planner/expand.ts';
import { loadLineage } from '../../planner/load.ts';
import type { Plan } from '../../planner/plan.ts';
import { type Alteration, alterations, alterationsOfAxes, altered } from './alter.ts';
import { fixture, keysOf, planOf } from './plans.ts';
import { renamed, respelled } from './respell.ts';

let folder: string;
let file: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'descent-meaning-'));
  file = join(folder, 'lineage.yaml');
  await cp(fixture(''), folder, { recursive: true });
});
after(() => rm(folder, { recursive: true }));

const lineages = (await readdir(fixture(''))).filter((name) => name.endsWith('.yaml')).sort();

describe('files that mean the same have the same keys, however they are written', () => {
  for (const [index, name] of lineages.entries()) {
    test(name, async () => {
      const values = await valuesOf(name);
      const keys = sortedKeys(await planOf(fixture(name)));
      await fc.assert(
        fc.asyncProperty(fc.infiniteStream(fc.nat()), fc.boolean(), async (stream, rename) => {
          await writeFile(
            file,
            respelled(rename ? renamed(values, '-2') : values, () => stream.next().value),
          );
          assert.deepEqual(sortedKeys(await planOf(file)), keys);
        }),
        { seed: 31 + index, numRuns: 15 },
      );
    });
  }
});

describe('files that mean something else have other keys where they do, and nowhere else', () => {
  for (const [index, name] of lineages.entries()) {
    test(name, async () => {
      const values = await valuesOf(name);
      const before = (await planned(values)) ?? assert.fail();
      const possible: Change[] = [];
      const known = new Set(before.nodes.map((node) => `${node.address} ${node.key}`));
      const all = alterations(values);
      for (const alteration of all) {
        const found = await firstPlanned(values, alteration);
        if (!found) continue;
        const change = { ...alteration, value: found.value };
        for (const address of checkChanged(before, found.plan, [change])) {
          const same = `${address} ${keysOf(found.plan)[address]}`;
          assert.ok(!known.has(same), `${alteration.path}: the key that ${address} has after another change`);
          known.add(same);
        }
        possible.push(change);
      }
      assert.ok(possible.length > 0.9 * all.length, `${possible.length} of ${all.length} changes can be made`);
      await fc.assert(
        fc.asyncProperty(fc.subarray(possible, { minLength: 2, maxLength: 4 }), async (changes) => {
          const plan = await planned(changes.reduce((root, { path, value }) => altered(root, path, value), values));
          if (plan) checkChanged(before, plan, changes);
        }),
        { seed: 41 + index, numRuns: 12 },
      );
    });
  }

  test('another value of an axis: other nodes for it, and all others as they were', async () => {
    let made = 0;
    for (const name of lineages) {
      const values = await valuesOf(name);
      const keys = keysOf((await planned(values)) ?? assert.fail());
      for (const alteration of alterationsOfAxes(values)) {
        const found = await firstPlanned(values, alteration);
        if (!found) continue;
        made += 1;
        const added = found.plan.nodes.filter((node) => keys[node.address] === undefined);
        assert.ok(added.length > 0);
        for (const { key, address } of added) assert.ok(!Object.values(keys).includes(key), address);
        for (const { key, address } of found.plan.nodes) assert.equal(key, keys[address] ?? key, address);
      }
    }
    assert.ok(made >= 10, `${made} changes could be made`);
  });

  type Change = Alteration & { value: unknown };

  /** The plan with the first of the other values that the rest of the file goes with. */
  async function firstPlanned(
    values: unknown,
    { path, instead }: Pick<Alteration, 'path' | 'instead'>,
  ): Promise<{ value: unknown; plan: Plan } | undefined> {
    for (const value of instead) {
      const plan = await planned(altered(values, path, value));
      if (plan) return { value, plan };
    }
    return undefined;
  }

  /**
   * Checks that the nodes that the changes are about have other keys, all that comes after them too, and no others; gives
   * their addresses.
   */
  function checkChanged(before: Plan, plan: Plan, changes: readonly Change[]): string[] {
    const stale = new Set<string>();
    for (const node of before.nodes) {
      const isAfter = Object.values(node.parents).some((parent) => stale.has(parent));
      if (isAfter || changes.some((change) => change.isAbout(node))) stale.add(node.key);
    }
    const expected = before.nodes.filter((node) => stale.has(node.key)).map((node) => node.address);
    const keys = keysOf(before);
    const other = plan.nodes.filter((node) => node.key !== keys[node.address]).map((node) => node.address);
    assert.deepEqual(other, expected, changes.map(({ path, value }) => `${path.join('.')}: ${value}`).join('; '));
    assert.ok(expected.length > 0);
    return expected;
  }
});

async function valuesOf(name: string): Promise<unknown> {
  return parse(await readFile(fixture(name), 'utf8'));
}

/** The plan of a file with these values; undefined where they do not go together. */
async function planned(values: unknown): Promise<Plan | undefined> {
  await writeFile(file, JSON.stringify(values));
  const loaded = await loadLineage(file);
  const plan = loaded.ok ? await planLineage(loaded.lineage) : loaded;
  return plan.ok ? plan.plan : undefined;
}

function sortedKeys({ nodes }: Plan): string[] {
  return nodes.map((node) => node.key).sort();
}
