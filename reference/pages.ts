import { readFileSync } from 'node:fs';
import { catalogueSections } from './catalogue.ts';
import { commandLinePage } from './command-line.ts';
import { environmentPage } from './environment.ts';
import { fieldSections } from './fields.ts';
import { page } from './markdown.ts';
import { resultsPage } from './results.ts';
import type { Schema } from './schema.ts';

/** The pages of docs/reference/, by the names of their files: made from the schemas, the command line, the results' SQL and the list of variables. */
export async function referencePages(): Promise<ReadonlyMap<string, string>> {
  return new Map([
    ['lineage-file.md', lineagePage()],
    ['command-line.md', commandLinePage()],
    ['results.md', await resultsPage()],
    ['environment.md', environmentPage()],
    ...contracts.map(({ file, schema, title, intro }): [string, string] => [
      file,
      schemaPage(schema, title, `${schemaOf(schema).description} ${intro}`),
    ]),
  ]);
}

/** The files that programs write for each other. */
const contracts = [
  {
    file: 'job.md',
    schema: 'job',
    title: 'Job',
    intro:
      "It is `job.json` in the attempt's folder, whose path is the trainer's last argument. [The trainer](../trainer.md) tells what recipes do.",
  },
  {
    file: 'events.md',
    schema: 'event',
    title: 'Events',
    intro:
      'Each is a JSON object on a line of its own. All of them, without progress, are `events.jsonl` of the attempt.',
  },
  {
    file: 'manifest.md',
    schema: 'manifest',
    title: 'Manifest',
    intro: '[The store](../store.md) says what is done with it.',
  },
  {
    file: 'plan-file.md',
    schema: 'plan',
    title: 'Plan file',
    intro: '[`plan -o`](../command-line.md#plan) writes it.',
  },
  { file: 'checkpoint.md', schema: 'checkpoint', title: 'Checkpoint', intro: '' },
  { file: 'ancestry.md', schema: 'ancestry', title: 'Ancestry', intro: '' },
];

function lineagePage(): string {
  const intro = `Every field of a lineage file, from its schema, and what ships with Descent that fields name. [The lineage file](../lineage-file.md) explains it. Fields without a default may be left out where nothing says *required*. In an editor that knows YAML schemas the same stands beside what you write.`;
  const sections = [...fieldSections(schemaOf('lineage'), 'The file'), ...catalogueSections()];
  return page('The lineage file, field by field', intro, sections);
}

function schemaPage(schema: string, title: string, intro: string): string {
  return page(
    title,
    `${intro.trim()} From [schemas/${schema}.schema.json](../../schemas/${schema}.schema.json).`,
    fieldSections(schemaOf(schema), 'The whole'),
  );
}

function schemaOf(name: string): Schema {
  return JSON.parse(readFileSync(new URL(`../../schemas/${name}.schema.json`, import.meta.url), 'utf8')) as Schema;
}
