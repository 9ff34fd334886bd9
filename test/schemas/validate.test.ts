import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { PlanNode } from '../../planner/plan.ts';
import { ContractError, lineageSchema, validateEvent, validateJob, validateManifest } from '../../schemas/validate.ts';
import { fixture, planOf } from '../planner/plans.ts';

describe('jobs', async () => {
  const plan = await planOf(fixture('everything.yaml'));
  const trunks = await planOf(fixture('trunks.yaml'));
  /** A job as an activity writes it for a node. */
  const jobOf = (node: PlanNode) => ({
    contract: 1,
    type: node.type,
    key: node.key,
    address: node.address,
    attempt: 1,
    seed: node.seed,
    recipe: node.recipe,
    inputs: {
      data: Object.fromEntries(
        Object.keys(node.parents)
          .filter((role) => role.startsWith('data:'))
          .map((role) => [role, `/store/${role}`]),
      ),
      ...(node.parents.parent ? { parent: '/store/parent' } : {}),
      ...(node.parents.tokenizer ? { tokenizer: '/store/tokenizer' } : {}),
      ...(node.parents.trunk ? { trunk: { folder: '/store/trunk', steps: node.startsAt } } : {}),
    },
    output: '/store/attempt-1',
    placement: { device: 'cpu', threads: 1, checkpointEvery: node.placement.checkpointEvery },
    lease: { path: '/store/attempt-1/lease.json', token: 't' },
  });

  test('the recipe of every node of a plan is one that a trainer takes', () => {
    const types = new Set<string>();
    for (const node of [...plan.nodes, ...trunks.nodes]) {
      if (node.type === 'data') continue; // prepared by an activity, not by a trainer
      assert.deepEqual(validateJob(jobOf(node)), jobOf(node));
      types.add(node.type);
    }
    assert.deepEqual([...types].sort(), ['cpt', 'evaluate', 'overlap', 'pretrain', 'rl', 'sft', 'tokenizer', 'trunk']);
  });

  const node = plan.nodes.find((candidate) => candidate.type === 'pretrain');
  const job = jobOf(node ?? assert.fail());
  const broken: [string, unknown, RegExp][] = [
    [
      'another type',
      { ...job, type: 'distil' },
      /`type` must be one of tokenizer, overlap, pretrain, cpt, trunk, checkpoint, sft, rl, dpo, reward, generate, build, evaluate, and is "distil"/,
    ],
    ['no type', { ...job, type: undefined }, /and is missing/],
    ['no object', 'job', /and is missing/],
    ['a field too many', { ...job, secret: 1 }, /`secret`/],
    ['a field of another type', { ...job, recipe: { ...job.recipe, steps: '5' } }, /`recipe\.steps` must be integer/],
    ['two things', { ...job, seed: -1, attempt: 0 }, /`attempt` must be >= 1; `seed` must be >= 0/],
  ];
  for (const [name, value, message] of broken) {
    test(`${name}: refused with its place`, () =>
      assert.throws(
        () => validateJob(value),
        (error) => error instanceof ContractError && message.test(error.message),
      ));
  }
});

test('events: of their kind, and numbers that are numbers', () => {
  const metrics = { event: 'metrics', step: 1, tokens: 64, values: { loss: 2.5 } };
  assert.equal(validateEvent(metrics), metrics);
  assert.throws(
    () => validateEvent({ ...metrics, values: { loss: Number.NaN } }),
    /not a valid event \(schemas\/event\.schema\.json\): `values\.loss`/,
  );
  assert.throws(() => validateEvent({ event: 'metric' }), /`event` must be one of started, metrics/);
  assert.throws(() => validateEvent(null), ContractError);
});

test('manifests: whole, or refused', () => {
  const manifest = {
    manifest: 1,
    key: 'a'.repeat(64),
    type: 'pretrain',
    attempt: 1,
    address: 'base',
    preimage: {},
    parents: {},
    model: 'model',
    files: [{ path: 'model/config.json', bytes: 2, sha256: 'b'.repeat(64) }],
    facts: { parameters: 5 },
    provenance: {
      engine: 'descent',
      device: 'cpu',
      startedAt: '2026-09-12T08:00:00Z',
      finishedAt: '2026-09-12T08:00:01Z',
      executions: 1,
    },
  };
  assert.equal(validateManifest(manifest), manifest);
  assert.throws(() => validateManifest({ ...manifest, key: 'a' }), /`key` must match pattern/);
  assert.throws(() => validateManifest({ ...manifest, files: [{ path: 'x' }] }), /files\.0/);
});

test('each schema is one of JSON Schema 2020-12', async () => {
  const schemas = new URL('../../../schemas/', import.meta.url);
  const names = (await readdir(schemas)).filter((name) => name.endsWith('.schema.json'));
  assert.ok(names.length >= 4);
  const ajv = new Ajv2020();
  for (const name of names) {
    const schema = JSON.parse(await readFile(new URL(name, schemas), 'utf8'));
    assert.ok(ajv.validateSchema(schema), `${name}: ${ajv.errorsText()}`);
  }
});

test('the built validators say what Ajv says, of the same parts of the schema', () => {
  const { schema, errors, pointerOf } = lineageSchema();
  const ajv = new Ajv2020({
    allErrors: true,
    allowUnionTypes: true,
    verbose: true,
    ownProperties: true,
    keywords: ['unit'],
  });
  const broken = {
    axes: { lr: [], seed: { replicate: [1, 1] }, 'a b': [1, 2] },
    data: { math: { generate: 'sums', files: [] }, web: { files: 5, format: 'csv' } },
    tokenizer: { bytes: {}, length: 1 },
    stages: { base: { pretrain: { tokens: [], lr: '{lr' }, from: 1 }, mid: null },
    extra: true,
  };
  const found = errors(broken);
  assert.ok(ajv.compile(schema)(broken) === false && found.length > 10);
  assert.deepEqual(found, ajv.compile(schema).errors);
  for (const { parentSchema } of found) assert.match(pointerOf(parentSchema), /^#/);
});

test('a part of the lineage schema is found by its pointer', () => {
  const { schema, errors, pointerOf } = lineageSchema();
  assert.equal(pointerOf(schema.$defs?.count), '#/$defs/count');
  assert.deepEqual(errors(['*.txt'], '#/$defs/fileData/properties/files/anyOf/1'), []);
  assert.deepEqual(errors({ bytes: {} }, '#/$defs/ownTokenizer'), []);
  assert.ok(errors({ letters: {} }, '#/$defs/ownTokenizer').length > 0);
  for (const { anyOf, oneOf } of Object.values(schema.$defs ?? {})) {
    for (const branch of anyOf ?? oneOf ?? []) assert.doesNotThrow(() => errors({}, branch.$ref ?? pointerOf(branch)));
  }
  assert.throws(() => errors({}, '#/$defs/nothing'), /no part/);
  assert.throws(() => pointerOf({}), /not a part/);
});
