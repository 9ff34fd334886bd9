import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '../planner/key.ts';
import { attemptFolder } from '../store/home.ts';
import { runQuery } from './query.ts';

/*
 * OpenLineage (https://openlineage.io, spec 2-0-2): events about runs of jobs that read and write data sets. A node of a
 * lineage is a job, an attempt at it a run, and an artifact a data set, named by its key. Facets are of the spec alone.
 */

/** An event of a run, as the spec has it. */
export interface RunEvent {
  eventType: 'START' | 'COMPLETE' | 'FAIL' | 'ABORT';
  /** ISO 8601, UTC. */
  eventTime: string;
  run: { runId: string; facets: Facets };
  job: { namespace: string; name: string; facets: Facets };
  inputs: Dataset[];
  /** The artifact, of COMPLETE; none else. */
  outputs: Dataset[];
  producer: string;
  schemaURL: string;
}

type Facets = Record<string, { _producer: string; _schemaURL: string; [field: string]: unknown }>;

interface Dataset {
  namespace: string;
  name: string;
  facets: Facets;
}

/**
 * The events of every attempt at the nodes of a lineage's current version, in order of time: START, and COMPLETE where it
 * is done, FAIL where it failed, ABORT where it was interrupted; of one that runs there is START only. When an attempt
 * ended that left nothing is known from its record's file alone: where that is gone, it is when it started. What was
 * imported was not run, and has none. The same attempts have the same events, `runId`s too. Throws as `runQuery` does.
 */
export async function openLineageEvents(home: string, lineage: string): Promise<RunEvent[]> {
  const { columns, rows } = await runQuery(home, attemptsSql, { lineage });
  const attempts = rows.map(
    (row) => Object.fromEntries(columns.map(({ name }, at) => [name, row[at]])) as unknown as Attempt,
  );
  return attempts
    .flatMap((attempt) => eventsOf(home, lineage, attempt))
    .sort((a, b) => Date.parse(a.eventTime) - Date.parse(b.eventTime));
}

interface Attempt {
  address: string;
  type: string;
  key: string;
  attempt: number;
  state: 'done' | 'failed' | 'interrupted' | 'running';
  engine: string | null;
  started_at: string;
  finished_at: string | null;
  message: string | null;
  inputs: { key: string; type: string | null; address: string | null }[] | null;
}

const attemptsSql = `
  WITH places AS (
    SELECT n.place, n.address, n.type, n.key
    FROM lineage_nodes AS n JOIN latest_lineages AS l USING (plan)
    WHERE l.lineage = $lineage
    QUALIFY row_number() OVER (PARTITION BY n.key ORDER BY n.place) = 1
  ),
  inputs AS (
    SELECT child AS key, list({'key': parent, 'type': nodes.type, 'address': places.address} ORDER BY parent) AS inputs
    FROM (SELECT DISTINCT child, parent FROM edges) AS e
    LEFT JOIN nodes ON nodes.key = e.parent
    LEFT JOIN places ON places.key = e.parent
    GROUP BY child
  )
  SELECT p.address, p.type, p.key, a.attempt, a.state, a.engine, a.started_at, a.finished_at, a.message, i.inputs
  FROM places AS p
  JOIN attempts AS a ON a.key = p.key
  LEFT JOIN inputs AS i ON i.key = p.key
  WHERE a.started_at IS NOT NULL
  ORDER BY p.place, a.attempt`;

const namespace = 'descent';
const endings = { done: 'COMPLETE', failed: 'FAIL', interrupted: 'ABORT', running: undefined } as const;

function eventsOf(home: string, lineage: string, attempt: Attempt): RunEvent[] {
  const { address, type, key, state, started_at: startedAt, message } = attempt;
  const inputs = (attempt.inputs ?? []).map((input) => dataset(input.key, input.type, input.address));
  const facets = engineFacet(attempt.engine);
  const event = (eventType: RunEvent['eventType'], eventTime: string, more: Facets, outputs: Dataset[]): RunEvent => ({
    eventType,
    eventTime,
    run: { runId: runIdOf(attempt), facets: { ...facets, ...more } },
    job: {
      namespace,
      name: `${lineage}/${address}`,
      facets: {
        jobType: facet('2-0-4/JobTypeJobFacet', {
          processingType: 'BATCH',
          integration: 'DESCENT',
          jobType: type.toUpperCase(),
        }),
      },
    },
    inputs,
    outputs,
    producer: producer(),
    schemaURL: 'https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent',
  });
  const started = event('START', startedAt, {}, []);
  const ending = endings[state];
  if (ending === undefined) return [started];
  const failed: Facets =
    message === null
      ? {}
      : { errorMessage: facet('1-0-0/ErrorMessageRunFacet', { message, programmingLanguage: 'TypeScript' }) };
  return [started, event(ending, endOf(home, attempt), failed, state === 'done' ? [artifact(key, attempt)] : [])];
}

function endOf(home: string, { key, attempt, started_at, finished_at }: Attempt): string {
  if (finished_at !== null) return finished_at;
  const record = join(attemptFolder(home, key, attempt), 'events.jsonl');
  return existsSync(record) ? statSync(record).mtime.toISOString() : started_at;
}

function dataset(key: string, type: string | null, address: string | null): Dataset {
  const facets: Facets = {};
  if (type !== null) {
    facets.datasetType = facet('1-0-0/DatasetTypeDatasetFacet', { datasetType: kindOf(type), subType: type });
  }
  if (address !== null) facets.documentation = facet('1-0-0/DocumentationDatasetFacet', { description: address });
  return { namespace, name: key, facets };
}

function artifact(key: string, { type, address, attempt }: Attempt): Dataset {
  const made = dataset(key, type, address);
  made.facets.version = facet('1-0-0/DatasetVersionDatasetFacet', { datasetVersion: `attempt-${attempt}` });
  return made;
}

/** The spec names FILE, MODEL and JOB_OUTPUT among others. */
function kindOf(type: string): string {
  if (type === 'data' || type === 'build' || type === 'generate' || type === 'tokenizer') return 'FILE';
  return type === 'evaluate' || type === 'overlap' ? 'JOB_OUTPUT' : 'MODEL';
}

/** `descent 0.1.0` as name and version; nothing of what has no version, as what was adopted. */
function engineFacet(engine: string | null): Facets {
  const [, name, version] = /^(.+?) (\d\S*)/.exec(engine ?? '') ?? [];
  if (name === undefined || version === undefined) return {};
  return { processing_engine: facet('1-1-0/ProcessingEngineRunFacet', { name, version }) };
}

function facet(schema: string, fields: Record<string, unknown>): Facets[string] {
  const name = schema.split('/')[1];
  return {
    _producer: producer(),
    _schemaURL: `https://openlineage.io/spec/facets/${schema}.json#/$defs/${name}`,
    ...fields,
  };
}

/** A UUID of version 8 (RFC 9562), whose digits are of the attempt's own hash. */
function runIdOf({ key, attempt, started_at }: Attempt): string {
  const digits = sha256(`openlineage/${key}/${attempt}/${started_at}`);
  const variant = '89ab'[Number.parseInt(digits[16] ?? '', 16) % 4];
  return [
    digits.slice(0, 8),
    digits.slice(8, 12),
    `8${digits.slice(13, 16)}`,
    `${variant}${digits.slice(17, 20)}`,
    digits.slice(20, 32),
  ].join('-');
}

let producing: string | undefined;

/** Descent of this version, as a package URL. */
function producer(): string {
  producing ??= `pkg:npm/descent@${
    (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }).version
  }`;
  return producing;
}
