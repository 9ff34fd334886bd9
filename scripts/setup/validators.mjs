import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { packageRoot } from './places.mjs';
import { writeWhole } from './whole.mjs';

/**
 * A JSON Schema or a part of one, as far as the choices in it go.
 * @typedef {{[key: string]: unknown, $id?: string, $ref?: string, anyOf?: Schema[], oneOf?: Schema[]}} Schema
 */

const schemas = join(packageRoot, 'schemas');
const ending = '.schema.json';

/** Whether the schemas themselves are valid is for the tests. `unit` says what a number counts, for people. */
const usual = {
  allErrors: true,
  allowUnionTypes: true,
  validateSchema: false,
  keywords: ['unit'],
  code: { source: true },
};

/** The planner words Ajv's errors anew, from the values and the parts of the schema that they are about. */
const forPlanner = { ...usual, verbose: true, ownProperties: true };

/** @returns {Promise<string[]>} the names of the schemas, in a stable order: `event`, `job`, `lineage` */
export async function findSchemas() {
  if (!existsSync(schemas)) return [];
  const files = (await readdir(schemas)).filter((file) => file.endsWith(ending));
  return files.map((file) => file.slice(0, -ending.length)).sort();
}

/** @param {string} name */
export function schemaFile(name) {
  return join(schemas, name + ending);
}

/**
 * Writes each schema's validators into a folder, as `<name>.cjs`: a module that exports the schema and, by
 * their pointers, the validators of its parts. Nothing but schemas/validate.ts loads it.
 *
 * @param {string} folder
 */
export async function writeValidators(folder) {
  await mkdir(folder, { recursive: true });
  for (const name of await findSchemas()) {
    const load = `"use strict";\nexports.schema = require("${relative(folder, schemaFile(name))}");\n`;
    await writeWhole(join(folder, `${name}.cjs`), `${load}${await compileSchema(name)}\n`);
  }
}

/**
 * @param {string} name
 * @returns {Promise<string>} the code of its validators, for where `exports.schema` is set
 */
async function compileSchema(name) {
  const { Ajv2020, _ } = await import('ajv/dist/2020.js');
  const { default: standalone } = await import('ajv/dist/standalone/index.js');
  /** @type {Schema} */
  const schema = JSON.parse(await readFile(schemaFile(name), 'utf8'));
  const ajv = new Ajv2020(name === 'lineage' ? forPlanner : usual);
  // Else Ajv writes a copy of each part that the code speaks of; so that an error's part is known, it is one of the schema.
  for (const [part, keys] of partsOf(schema)) {
    const code = keys.reduce((place, key) => _`${place}[${key}]`, _`exports.schema`);
    ajv.scope.value('schema', { ref: part, code });
  }
  ajv.addSchema(schema);
  const validated = Object.fromEntries(pointersOf(schema).map((pointer) => [pointer, schema.$id + pointer]));
  return standalone.default(ajv, validated);
}

/**
 * What is validated by itself: of a schema that is a choice its branches, of which the caller knows the one; else the
 * whole, and the branches of every choice in it, of which the planner finds out which was meant.
 *
 * @param {Schema} schema
 * @returns {string[]} pointers
 */
function pointersOf(schema) {
  if (schema.oneOf) return branchesOf(schema, []);
  return ['#', ...new Set([...partsOf(schema)].flatMap(([part, keys]) => branchesOf(part, keys)))];
}

/**
 * @param {Schema} part
 * @param {string[]} keys where it is
 * @returns {string[]} pointers
 */
function branchesOf({ anyOf, oneOf }, keys) {
  return Object.entries({ anyOf, oneOf }).flatMap(([choice, branches]) =>
    Array.isArray(branches) ? branches.map(({ $ref }, at) => $ref ?? `#/${[...keys, choice, at].join('/')}`) : [],
  );
}

/**
 * @param {Schema} part
 * @param {string[]} keys where it is
 * @returns {Generator<[Schema, string[]]>} it, and the objects and lists in it
 */
function* partsOf(part, keys = []) {
  yield [part, keys];
  for (const [key, child] of Object.entries(part)) {
    if (typeof child === 'object' && child !== null) yield* partsOf(/** @type {Schema} */ (child), [...keys, key]);
  }
}
