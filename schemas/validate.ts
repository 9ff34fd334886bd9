import { readFileSync } from 'node:fs';
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import type { TrainerEvent } from './types/event.ts';
import type { Job } from './types/job.ts';
import type { Manifest } from './types/manifest.ts';
import type { PlanFile } from './types/plan.ts';

/** Whether the schemas themselves are valid is for the tests: to look at it each time takes as long as all the rest. */
const usual = { allErrors: true, allowUnionTypes: true, validateSchema: false } as const;

/** A job, an event, a manifest or a plan file that does not follow its schema. The message says where and how. */
export class ContractError extends Error {
  override name = 'ContractError';
}

/**
 * A job as the schema has it.
 * @throws ContractError that names every place that is wrong.
 */
export function validateJob(value: unknown): Job {
  return checked<Job>('job', value, jobBranches());
}

/**
 * An event as the schema has it.
 * @throws ContractError that names every place that is wrong.
 */
export function validateEvent(value: unknown): TrainerEvent {
  return checked<TrainerEvent>('event', value, eventBranches());
}

/**
 * A manifest as the schema has it.
 * @throws ContractError that names every place that is wrong.
 */
export function validateManifest(value: unknown): Manifest {
  return checked<Manifest>('manifest', value, manifestValidator());
}

/**
 * A plan file as the schema has it. What its nodes are is for the planner to check.
 * @throws ContractError that names every place that is wrong.
 */
export function validatePlanFile(value: unknown): PlanFile {
  return checked<PlanFile>('plan', value, planValidator());
}

/** A JSON Schema, as far as the planner reads it. */
export interface JsonSchema {
  $ref?: string;
  $defs?: Record<string, JsonSchema>;
  type?: string | string[];
  description?: string;
  pattern?: string;
  enum?: unknown[];
  const?: unknown;
  minimum?: number;
  maximum?: number;
  properties?: Record<string, JsonSchema>;
  propertyNames?: JsonSchema;
  required?: string[];
  additionalProperties?: boolean | JsonSchema;
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
}

/** The schema of the lineage file, and what Ajv says of a value under it or under a part of it. */
export interface LineageSchema {
  schema: JsonSchema;
  /** Ajv's own errors, each with the value and the schema it failed; `pointer` names a part, `#/$defs/fileData`. */
  errors(value: unknown, pointer?: string): ErrorObject[];
  /** The pointer of a part of `schema`, as `ErrorObject.parentSchema` gives it. */
  pointerOf(part: unknown): string;
}

/** The lineage file's schema, compiled once. */
export const lineageSchema: () => LineageSchema = once(() => {
  const schema = readSchema('lineage');
  // A lineage is validated once: code that is optimized for speed would not win back its time.
  const ajv = new Ajv2020({ ...usual, verbose: true, ownProperties: true, code: { optimize: false } });
  ajv.addSchema(schema, 'lineage');
  const pointers = new Map<unknown, string>();
  notePointers(schema, '#', pointers);
  return {
    schema,
    errors(value, pointer = '#') {
      const validate = ajv.getSchema(`lineage${pointer}`);
      if (!validate) throw new Error(`schemas/lineage.schema.json has no part ${pointer}`);
      return validate(value) ? [] : (validate.errors ?? []);
    },
    pointerOf(part) {
      const pointer = pointers.get(part);
      if (pointer === undefined) throw new Error('not a part of schemas/lineage.schema.json');
      return pointer;
    },
  };
});

/** Validators of a `oneOf` whose branches are told apart by the constant in one property. */
interface Branches {
  property: string;
  validators: Map<unknown, ValidateFunction>;
}

const contracts = once(() => new Ajv2020(usual));
const jobBranches = once(() => branchesOf('job', 'type'));
const eventBranches = once(() => branchesOf('event', 'event'));
const manifestValidator = once(() => contracts().compile(readSchema('manifest')));
const planValidator = once(() => contracts().compile(readSchema('plan')));

function branchesOf(name: string, property: string): Branches {
  const schema = readSchema(name);
  contracts().addSchema(schema, name);
  const validators = new Map<unknown, ValidateFunction>();
  for (const branch of schema.oneOf ?? []) {
    const definition = branch.$ref?.split('/').pop() ?? '';
    const constant = schema.$defs?.[definition]?.properties?.[property]?.const;
    const validate = contracts().getSchema(`${name}${branch.$ref}`);
    if (constant === undefined || !validate)
      throw new Error(`schemas/${name}.schema.json: ${definition} has no constant ${property}`);
    validators.set(constant, validate);
  }
  return { property, validators };
}

function checked<T>(name: string, value: unknown, schema: ValidateFunction | Branches): T {
  const validate = typeof schema === 'function' ? schema : branchFor(name, value, schema);
  if (validate(value)) return value as T;
  throw broken(name, (validate.errors ?? []).map(sentence).join('; '));
}

function branchFor(name: string, value: unknown, { property, validators }: Branches): ValidateFunction {
  const constant =
    typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[property] : undefined;
  const validate = validators.get(constant);
  if (validate) return validate;
  const known = [...validators.keys()].join(', ');
  throw broken(name, `\`${property}\` must be one of ${known}, and is ${JSON.stringify(constant) ?? 'missing'}`);
}

function broken(name: string, what: string): ContractError {
  return new ContractError(`not a valid ${name} (schemas/${name}.schema.json): ${what}`);
}

function sentence(error: ErrorObject): string {
  const place = error.instancePath.slice(1).replaceAll('/', '.');
  const extra = error.keyword === 'additionalProperties' ? ` (\`${error.params.additionalProperty}\`)` : '';
  return `${place ? `\`${place}\` ` : ''}${error.message ?? error.keyword}${extra}`;
}

function notePointers(part: unknown, pointer: string, into: Map<unknown, string>): void {
  if (typeof part !== 'object' || part === null) return;
  into.set(part, pointer);
  for (const [name, child] of Object.entries(part)) notePointers(child, `${pointer}/${name}`, into);
}

function readSchema(name: string): JsonSchema {
  return JSON.parse(readFileSync(new URL(`../../schemas/${name}.schema.json`, import.meta.url), 'utf8'));
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
