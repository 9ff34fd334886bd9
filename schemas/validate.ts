import { createRequire } from 'node:module';
import type { ErrorObject } from 'ajv/dist/2020.js';
import type { Ancestry } from './types/ancestry.ts';
import type { CheckpointState } from './types/checkpoint.ts';
import type { TrainerEvent } from './types/event.ts';
import type { Job } from './types/job.ts';
import type { Manifest } from './types/manifest.ts';
import type { PlanFile } from './types/plan.ts';

/**
 * A job, an event, a manifest, an ancestry, a checkpoint's state or a plan file that does not follow its schema. The message
 * says where and how.
 */
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
  return checked<Manifest>('manifest', value, validatorOf('manifest', '#'));
}

/**
 * What a model descends from, as the schema has it.
 * @throws ContractError that names every place that is wrong.
 */
export function validateAncestry(value: unknown): Ancestry {
  return checked<Ancestry>('ancestry', value, validatorOf('ancestry', '#'));
}

/**
 * How far a checkpoint is, as the schema has it.
 * @throws ContractError that names every place that is wrong.
 */
export function validateCheckpointState(value: unknown): CheckpointState {
  return checked<CheckpointState>('checkpoint', value, validatorOf('checkpoint', '#'));
}

/**
 * A plan file as the schema has it. What its nodes are is for the planner to check.
 * @throws ContractError that names every place that is wrong.
 */
export function validatePlanFile(value: unknown): PlanFile {
  return checked<PlanFile>('plan', value, validatorOf('plan', '#'));
}

/** A part of a schema, by the keys that lead there: `#/$defs/fileData`, and `#` for the whole. */
export type Pointer = `#${string}`;

/** A JSON Schema, as far as the planner reads it. */
export interface JsonSchema {
  $ref?: Pointer;
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
  /** Ajv's own errors, each with the value and the part of `schema` it failed; `pointer` names the whole or a choice's branch. */
  errors(value: unknown, pointer?: Pointer): ErrorObject[];
  /** The pointer of a part of `schema`, as `ErrorObject.parentSchema` gives it. */
  pointerOf(part: unknown): Pointer;
}

/** The lineage file's schema. */
export const lineageSchema: () => LineageSchema = once(() => {
  const { schema } = compiled('lineage');
  const pointers = new Map<unknown, Pointer>();
  notePointers(schema, '#', pointers);
  return {
    schema,
    errors(value, pointer = '#') {
      const validate = validatorOf('lineage', pointer);
      return validate(value) ? [] : (validate.errors ?? []);
    },
    pointerOf(part) {
      const pointer = pointers.get(part);
      if (pointer === undefined) throw new Error('not a part of schemas/lineage.schema.json');
      return pointer;
    },
  };
});

/** Whether a value is as a part of a schema has it; if not, `errors` are those of the last call. */
interface Validator {
  (value: unknown): boolean;
  errors?: ErrorObject[] | null;
}

/** What the build makes of a schema (scripts/setup/validators.mjs): to compile it at each start takes longer than most verbs. */
interface Compiled {
  schema: JsonSchema;
  [pointer: Pointer]: Validator;
}

/** Validators of a `oneOf` whose branches are told apart by the constant in one property. */
interface Branches {
  property: string;
  validators: Map<unknown, Validator>;
}

const require = createRequire(import.meta.url);
const jobBranches = once(() => branchesOf('job', 'type'));
const eventBranches = once(() => branchesOf('event', 'event'));

function compiled(name: string): Compiled {
  return require(`./validators/${name}.cjs`);
}

function validatorOf(name: string, pointer: Pointer): Validator {
  const validate = compiled(name)[pointer];
  if (!validate) throw new Error(`schemas/${name}.schema.json has no part ${pointer} that is validated by itself`);
  return validate;
}

function branchesOf(name: string, property: string): Branches {
  const { schema } = compiled(name);
  const validators = new Map<unknown, Validator>();
  for (const { $ref = '#' } of schema.oneOf ?? []) {
    const definition = $ref.split('/').pop() ?? '';
    const constant = schema.$defs?.[definition]?.properties?.[property]?.const;
    if (constant === undefined)
      throw new Error(`schemas/${name}.schema.json: ${definition} has no constant ${property}`);
    validators.set(constant, validatorOf(name, $ref));
  }
  return { property, validators };
}

function checked<T>(name: string, value: unknown, schema: Validator | Branches): T {
  const validate = typeof schema === 'function' ? schema : branchFor(name, value, schema);
  if (validate(value)) return value as T;
  throw broken(name, (validate.errors ?? []).map(sentence).join('; '));
}

function branchFor(name: string, value: unknown, { property, validators }: Branches): Validator {
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

function notePointers(part: unknown, pointer: Pointer, into: Map<unknown, Pointer>): void {
  if (typeof part !== 'object' || part === null) return;
  into.set(part, pointer);
  for (const [name, child] of Object.entries(part)) notePointers(child, `${pointer}/${name}`, into);
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
