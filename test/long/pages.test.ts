// What the tutorial and the how-tos have their reader do, done: every command ends as the page says, and says what it has but for figures.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { packageRoot, temporaryFolder } from '../cli/support.ts';
import { give, readPage, stepsOf, writeStep } from '../docs/page.ts';
import { surround } from '../docs/surroundings.ts';

const howTos = readdirSync(join(packageRoot, 'docs', 'how-to')).map((file) => join('how-to', file));

for (const name of ['tutorial.md', ...howTos]) {
  test(`docs/${name} can be followed to its end`, { timeout: 1_800_000 }, async (t) => {
    const folder = await temporaryFolder(t);
    const env = await surround(t, name, folder);
    for (const step of stepsOf(await readPage(name))) {
      if (step.kind === 'file') {
        await writeStep(folder, step);
        continue;
      }
      const { exitCode, output } = await give(folder, step.command, env);
      assert.equal(exitCode, step.exitCode, `${step.command}\n${output}`);
      const found = [...verdictsIn(output), ...wordsIn(output)];
      for (const said of [...verdictsIn(step.output), ...wordsIn(step.output)])
        assert.ok(found.includes(said), `${step.command} says\n${output}\nand the page has ${said}`);
    }
  });
}

/** The lines of an output that no figure is in, nor which way one points, each with single blanks. */
function wordsIn(output: string): string[] {
  return output
    .split('\n')
    .map((line) => line.trim().replaceAll(/\s+/g, ' '))
    .filter((line) => !['', '...'].includes(line) && !/\d|^points /.test(line));
}

/** The takeaways in what `run` or `takeaways` printed, each with its number and its verdict. */
function verdictsIn(output: string): string[] {
  const verdicts = 'supported|contradicted|inconclusive|underpowered|stale|not asked';
  return [...output.matchAll(new RegExp(`^(\\d+) {2}(?:.* {2})?(${verdicts})(?: |$)`, 'gm'))].map(
    ([, number, verdict]) => `${number} ${verdict}`,
  );
}
