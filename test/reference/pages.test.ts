// The pages of docs/reference/ are what they are made from, and that says enough of itself.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { buildProgram } from '../../cli/program.ts';
import { openTerminal } from '../../cli/render/terminal.ts';
import { referencePages } from '../../reference/pages.ts';
import { describeResults } from '../../reference/results.ts';
import { descriptionOf, fieldsOf, formsOf, type Schema } from '../../reference/schema.ts';
import { descent, packageRoot } from '../cli/support.ts';

test('docs/reference/ is what `npm run generate` makes', async () => {
  const folder = join(packageRoot, 'docs', 'reference');
  const pages = await referencePages();
  assert.deepEqual(readdirSync(folder).sort(), [...pages.keys()].sort(), 'run `npm run generate`');
  for (const [name, text] of pages)
    assert.equal(
      readFileSync(join(folder, name), 'utf8'),
      text,
      `docs/reference/${name} is out of date: npm run generate`,
    );
});

describe('each schema says of every field', () => {
  const names = ['lineage', 'job', 'event', 'manifest', 'plan', 'checkpoint', 'ancestry'];
  for (const name of names) {
    const schema = JSON.parse(readFileSync(join(packageRoot, 'schemas', `${name}.schema.json`), 'utf8')) as Schema;
    test(`what it is: ${name}`, () => {
      const silent = mapsOf(schema).flatMap((map) =>
        fieldsOf(schema, map).filter(
          (field) => field.schema.const === undefined && descriptionOf(schema, field.schema) === '',
        ),
      );
      assert.deepEqual(silent, []);
    });
  }

  test('what holds without it, where it may be left out of a stage, a data set, evaluations or placement', () => {
    const schema = JSON.parse(readFileSync(join(packageRoot, 'schemas', 'lineage.schema.json'), 'utf8')) as Schema;
    const parts = [
      'model',
      'dataset',
      'adopt',
      'pretrain',
      'cpt',
      'sft',
      'dpo',
      'rl',
      'reward',
      'generate',
      'evaluate',
      'placement',
      'takeaway',
    ];
    const silent = parts.flatMap((part) =>
      formsOf(schema, schema.$defs?.[part] ?? {}).flatMap((map) =>
        fieldsOf(schema, map)
          .filter((field) => !field.isRequired && field.default === '' && !alternatives.includes(field.name))
          .map((field) => `${part}.${field.name}`),
      ),
    );
    assert.deepEqual(silent, []);
  });

  test('what it counts, where it counts something', () => {
    const schema = JSON.parse(readFileSync(join(packageRoot, 'schemas', 'lineage.schema.json'), 'utf8')) as Schema;
    const counts = ['#/$defs/count', '#/$defs/tokens', '#/$defs/extent'];
    const silent = mapsOf(schema).flatMap((map) =>
      fieldsOf(schema, map)
        .filter((field) => counts.includes(field.schema.$ref ?? '') && field.unit === '')
        .map((field) => field.name),
    );
    assert.deepEqual(silent, ['maxSamplings']);
  });
});

/** Of several fields one is given, and none of them has a default. */
const alternatives = ['data', 'mix', 'from', 'endpoint', 'contrast', 'trend'];

/** Every map of a schema, wherever it stands. */
function mapsOf(part: unknown): Schema[] {
  if (typeof part !== 'object' || part === null) return [];
  const own = 'properties' in part && typeof (part.properties as Schema).type !== 'string' ? [part as Schema] : [];
  return [...own, ...Object.values(part).flatMap(mapsOf)];
}

test('every table, view and column of the results says what it is', async () => {
  const all = await describeResults();
  assert.ok(all.length > 20);
  for (const { name, comment, columns } of all) {
    assert.match(comment, /^[A-Z].*\.$/, name);
    for (const column of columns) assert.match(column.comment, /\w.*\.$/, `${name}.${column.name}`);
  }
});

test('every verb shows an example in its help, and the program itself prints it', async () => {
  const said: string[] = [];
  const terminal = { ...openTerminal('never', {}), out: (text: string) => said.push(text) };
  const program = buildProgram({ terminal, cwd: packageRoot, env: {}, debug: false }, () => {});
  for (const verb of program.commands.filter((command) => command.name() !== 'help')) {
    said.length = 0;
    verb.outputHelp();
    assert.match(said.join(''), new RegExp(`^ {2}\\$ descent ${verb.name()}\\b`, 'm'), verb.name());
  }
  const { exitCode, stdout } = await descent(['help', 'worker'], packageRoot);
  assert.equal(exitCode, 0);
  assert.match(stdout, /--queue <class>/);
});

test('the guide to the command line has a section a verb at most, and none of what the reference has', () => {
  const guide = readFileSync(join(packageRoot, 'docs', 'command-line.md'), 'utf8');
  const sections = [...guide.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading ?? '');
  assert.deepEqual(sections, [...new Set(sections)]);
  assert.doesNotMatch(guide, /^Usage: |^ {2}-h, --help/m);
});
