import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { parse } from 'yaml';
import { type Diagnostic, diagnosticCodes, formatDiagnostics } from '../../planner/diagnostic.ts';
import { planLineage } from '../../planner/expand.ts';
import { keyOf } from '../../planner/key.ts';
import { loadLineage } from '../../planner/load.ts';
import type { Plan } from '../../planner/plan.ts';
import { byteChange, changeBytes, changeText, changeValues, textChange, valueChange } from './mutate.ts';
import { fixture } from './plans.ts';

/** Most processor seconds that one file may take, however it was changed: a hundred times what they usually take. */
const longest = 2;

interface Valid {
  text: string;
  values: unknown;
}

/** Tests that no file, however it was changed, is anything but planned or told where it is wrong: each kind of change so many times. */
export function describeMutations(seed: number, runs: number): void {
  let folder: string;
  let file: string;
  const valid: Valid[] = [];
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'descent-mutations-'));
    file = join(folder, 'lineage.yaml');
    await cp(fixture(''), folder, { recursive: true });
    for (const from of [fixture(''), fileURLToPath(new URL('../../../lineage/', import.meta.url))]) {
      for (const name of (await readdir(from)).filter((each) => each.endsWith('.yaml')).sort()) {
        const text = await readFile(join(from, name), 'utf8');
        valid.push({ text, values: parse(text) });
      }
    }
  });
  after(() => rm(folder, { recursive: true }));

  describe('whatever is done to a valid file, it is planned or told where it is wrong', () => {
    test('to its text', async () => {
      await checkChanges(textChange, seed, ({ text }, changes) => changes.reduce(changeText, text));
    });

    test('to its values', async () => {
      await checkChanges(valueChange, seed + 1, ({ values }, changes) => changeValues(values, changes));
    });

    test('to its bytes', async () => {
      await checkChanges(byteChange, seed + 2, ({ text }, changes) => changes.reduce(changeBytes, Buffer.from(text)));
    });

    /** Makes one to three changes to a valid file, so many times. */
    async function checkChanges<Change>(
      change: fc.Arbitrary<Change>,
      changeSeed: number,
      changed: (valid: Valid, changes: readonly Change[]) => string | Buffer,
    ): Promise<void> {
      let [planned, refused] = [0, 0];
      await fc.assert(
        fc.asyncProperty(fc.nat(), fc.array(change, { minLength: 1, maxLength: 3 }), async (index, changes) => {
          const file = valid[index % valid.length] ?? assert.fail();
          if (await checkFile(changed(file, changes))) planned += 1;
          else refused += 1;
        }),
        { seed: changeSeed, numRuns: runs },
      );
      assert.ok(
        planned > runs / 50 && refused > runs / 4,
        `${planned} planned, ${refused} refused: the changes are too mild or too wild`,
      );
    }
  });

  test('any bytes at all are told to be no lineage', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (bytes) => {
        assert.ok(!(await checkFile(Buffer.from(bytes))));
      }),
      { seed: seed + 3, numRuns: runs },
    );
  });

  test('any value at all, written as JSON, is told to be no lineage', async () => {
    const sections = [
      'lineage',
      'models',
      'data',
      'stages',
      'axes',
      'zip',
      'include',
      'exclude',
      'evaluate',
      'placement',
    ];
    const parts = [
      'pretrain',
      'cpt',
      'from',
      'mix',
      'tokens',
      'bpe',
      'replicate',
      'files',
      'base',
      'nano',
      '__proto__',
    ];
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 5 },
        fc.constantFrom(null, true, 0, -1, 1.5, 'base', '{seed}', '5%', 'a/b', 'mid@x=1', ''),
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(fc.constantFrom(...sections, ...parts), tie('value'), { maxKeys: 6 }),
      ),
    }));
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.constantFrom(...sections, ...parts), value, { maxKeys: 8 }), async (root) => {
        assert.ok(!(await checkFile(JSON.stringify(root))));
      }),
      { seed: seed + 4, numRuns: runs },
    );
  });

  /** Whether a file is planned. Either way what comes of it is whole, and comes in time. */
  async function checkFile(content: string | Buffer): Promise<boolean> {
    writeFileSync(file, content); // thousands of times: the way through the thread pool would take longer
    const before = process.cpuUsage();
    const loaded = await loadLineage(file);
    const planned = loaded.ok ? await planLineage(loaded.lineage) : loaded;
    const { user } = process.cpuUsage(before);
    assert.ok(user < longest * 1e6, `it took ${user / 1e6} s`);
    if (planned.ok) checkPlan(planned.plan);
    else checkDiagnostics(planned.diagnostics, planned.text);
    return planned.ok;
  }
}

/** Every node has an address of its own and the key of its pre-image, and comes after its parents. */
function checkPlan({ nodes }: Plan): void {
  const keys = new Set<string>();
  for (const { key, preimage, parents } of nodes) {
    assert.equal(key, keyOf(preimage));
    for (const parent of Object.values(parents)) assert.ok(keys.has(parent));
    keys.add(key);
  }
  assert.equal(new Set(nodes.map((node) => node.address)).size, nodes.length);
}

/** Each has a place in the text, a sentence, and can be shown. */
function checkDiagnostics(diagnostics: readonly Diagnostic[], text: string): void {
  assert.ok(diagnostics.length > 0);
  const lines = text.split('\n');
  for (const diagnostic of diagnostics) {
    assert.ok(Object.hasOwn(diagnosticCodes, diagnostic.code));
    for (const { line, column, length, message } of [diagnostic, ...(diagnostic.related ?? [])]) {
      assert.ok(message.length > 5 && length >= 1);
      if (line === 0 && diagnostic.code === 'file-size') continue; // nothing is in the file
      assert.ok(
        line >= 1 && line <= lines.length && column >= 1 && column <= (lines[line - 1] ?? '').length + 1,
        `${line}:${column} is not in the text`,
      );
    }
    assert.doesNotMatch(
      `${diagnostic.message} ${diagnostic.expected ?? ''} ${diagnostic.hint ?? ''}`.replaceAll(/`[^`]*`/g, ''),
      /\[object|NaN|undefined|must NOT/,
    );
  }
  const shown = formatDiagnostics(diagnostics, text, { colour: false });
  assert.doesNotMatch(shown, /(?!\n)\p{Cc}/u, 'no control characters reach the terminal');
  const order = diagnostics.map(({ line, column }) => line * 1e7 + column);
  assert.deepEqual(
    order,
    order.toSorted((a, b) => a - b),
  );
}
