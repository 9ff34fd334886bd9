import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keysOf, lineage, nodeAt, planningOf, planOfText } from './plans.ts';

const asked = (more: string) => lineage({ evaluate: `{each: [rl], suites: [heldout, id]${more}}` });

test('a repetition penalty and stop strings are in the keys of evaluations that write, and off in none', async () => {
  const usual = keysOf(await planOfText(asked('')));
  assert.deepEqual(keysOf(await planOfText(asked(', repetitionPenalty: 1'))), usual);
  const changed = async (more: string) =>
    Object.entries(keysOf(await planOfText(asked(more)))).flatMap(([address, key]) =>
      usual[address] === key ? [] : [address],
    );
  assert.deepEqual(await changed(', repetitionPenalty: 1.1'), ['rl/id']);
  assert.deepEqual(await changed(', stop: [Human, "Human:"]'), ['rl/id']);
  const { recipe, settings } = nodeAt(await planOfText(asked(', repetitionPenalty: 1.1, stop: [Human]')), 'rl/id');
  assert.ok('samples' in recipe && 'tasks' in recipe);
  assert.deepEqual([recipe.repetitionPenalty, recipe.stop], [1.1, ['Human']]);
  assert.deepEqual([settings.repetitionPenalty, settings.stop], [1.1, 'Human']);
});

test('a penalty of 0 and an empty stop string are refused, and both are idle where nothing is written', async () => {
  for (const more of [', repetitionPenalty: 0', ', stop: [""]', ', stop: []'])
    assert.equal((await planningOf(asked(more))).ok, false, more);
  const planned = await planningOf(
    lineage({ evaluate: '{each: [rl], suites: [heldout], repetitionPenalty: 1.1, stop: [Human]}' }),
  );
  assert.ok(planned.ok);
  assert.deepEqual(
    planned.warnings.map(({ message }) => message),
    ['repetitionPenalty', 'stop'].map((name) => `\`${name}\` changes nothing: no suite asks problems`),
  );
});
