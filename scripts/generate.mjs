// Generates schemas/types/*.ts from schemas/*.schema.json: `npm run generate`. With --check nothing is written, and the
// exit code is 1 where a file is not what its schema says.
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { compileFromFile } from 'json-schema-to-typescript';
import { runCommand } from './setup/command.mjs';
import { SetupFailure } from './setup/failure.mjs';
import { packageRoot } from './setup/places.mjs';
import { writeWhole } from './setup/whole.mjs';

const schemas = join(packageRoot, 'schemas');
const types = join(schemas, 'types');
const ending = '.schema.json';

await runCommand(async () => {
  const drifted = await findDrift(await generate());
  if (process.argv.includes('--check')) {
    for (const { file, why } of drifted)
      console.error(`${relative(packageRoot, file)} ${why}: run \`npm run generate\``);
    if (drifted.length > 0) process.exitCode = 1;
    return;
  }
  await mkdir(types, { recursive: true });
  for (const { file, text } of drifted) {
    await (text === undefined ? rm(file) : writeWhole(file, text));
    console.log(`${text === undefined ? 'removed' : 'wrote'} ${relative(packageRoot, file)}`);
  }
});

/** @returns {Promise<Map<string, string>>} what each file of types is to hold, by its name */
async function generate() {
  const expected = new Map();
  for (const name of (await readdir(schemas)).filter((file) => file.endsWith(ending)).sort()) {
    try {
      expected.set(`${name.slice(0, -ending.length)}.ts`, await compileFromFile(join(schemas, name), options(name)));
    } catch (error) {
      throw new SetupFailure(`schemas/${name} gives no types: ${error.message}`, 'mend the schema', error);
    }
  }
  return expected;
}

/** @param {string} schema the name of the schema's file */
function options(schema) {
  return {
    cwd: schemas,
    additionalProperties: false,
    bannerComment: `// Generated from ${schema} by \`npm run generate\`: change the schema, not this file.`,
    style: { singleQuote: true, printWidth: 120 },
  };
}

/**
 * @param {Map<string, string>} expected
 * @returns {Promise<{file: string, why: string, text?: string}[]>} the files that are not what they should be
 */
async function findDrift(expected) {
  const present = existsSync(types) ? await readdir(types) : [];
  const superfluous = present
    .filter((name) => name.endsWith('.ts') && !expected.has(name))
    .map((name) => ({ file: join(types, name), why: 'has no schema' }));
  const changed = [];
  for (const [name, text] of expected) {
    const file = join(types, name);
    if (!existsSync(file)) changed.push({ file, text, why: 'is missing' });
    else if ((await readFile(file, 'utf8')) !== text) changed.push({ file, text, why: 'differs from its schema' });
  }
  return [...superfluous, ...changed];
}
