import type { DuckDBConnection } from '@duckdb/node-api';
import { recordNodes } from './record.ts';
import { type IngestInput, stageAttempts } from './staging.ts';
import { updateWideView } from './wide.ts';

/** How many rows the attempts have now in each of the large tables. */
export interface Ingested {
  metrics: number;
  evaluations: number;
  samples: number;
}

/** Reads one attempt into the tables; see ingestAttempts. */
export async function ingestAttempt(connection: DuckDBConnection, input: IngestInput): Promise<Ingested> {
  return ingestAttempts(connection, [input]);
}

/**
 * Reads the `events.jsonl` of attempts into the tables, in place of what they held of them: doing it twice gives the
 * same as doing it once. What an execution reported after the checkpoint that a later one went on from is left out, so
 * each step counts once; so is half a line at the end. An attempt without events (prepared data) gets its row in
 * `attempts` only. Many at once are much faster than one by one.
 *
 * `connection` comes from `withDatabase(home, 'write', ...)`, which makes it one transaction. Throws an EventsError,
 * with file and line, for an event that does not follow the contract.
 */
export async function ingestAttempts(connection: DuckDBConnection, inputs: readonly IngestInput[]): Promise<Ingested> {
  const staged = await stageAttempts(connection, inputs);
  const grows = staged.evaluations + staged.facts > 0 && (await bringsNewColumns(connection));
  await recordNodes(
    connection,
    inputs.map(({ node }) => node),
  );
  const known = await connection.runAndReadAll(
    'FROM attempts SEMI JOIN incoming_attempts USING (key, attempt) LIMIT 1',
  );
  if (known.currentRowCount > 0) {
    for (const table of new Set(moves.map(({ table }) => table))) {
      await connection.run(
        `DELETE FROM ${table} WHERE (key, attempt) IN (SELECT (key, attempt) FROM incoming_attempts)`,
      );
    }
  }
  const ingested = { metrics: 0, evaluations: 0, samples: 0 };
  for (const { table, from, kept } of moves) {
    if (staged[from] === 0) continue;
    const { rowsChanged } = await connection.run(`INSERT INTO ${table} ${kept}`);
    if (table in ingested) ingested[table as keyof Ingested] += rowsChanged;
  }
  await connection.run(`
    INSERT OR REPLACE INTO attempts
    SELECT * EXCLUDE (source, steady) REPLACE (started_at::TIMESTAMPTZ AS started_at, finished_at::TIMESTAMPTZ AS finished_at),
      true AS latest
    FROM incoming_attempts`);
  await markLatest(connection, 'incoming_attempts');
  if (grows) await updateWideView(connection);
  return ingested;
}

/** Marks, of the nodes whose `key` a table has, the attempt that is the latest: the newest that is done, else the newest. */
export async function markLatest(connection: DuckDBConnection, table: string): Promise<void> {
  await connection.run(`
    UPDATE attempts SET latest = NOT attempts.latest
    FROM (
      SELECT key, attempt, latest,
        row_number() OVER (PARTITION BY key ORDER BY (state = 'done') DESC, attempt DESC) = 1 AS is_latest
      FROM attempts SEMI JOIN ${table} USING (key)
    ) AS ranked
    WHERE ranked.key = attempts.key AND ranked.attempt = attempts.attempt AND ranked.is_latest != ranked.latest`);
}

/**
 * SQL for the rows of `evaluations` of some figures: these, with what guessing would score by the figures that the same attempt
 * has. `rows` is SQL for the columns from key to high, and source and line, in whose order they come.
 */
export function withGuesses(rows: string): string {
  return `
    SELECT * EXCLUDE (source, line), any_value(value) FILTER (metric = 'chance') OVER task AS chance,
      any_value(value) FILTER (metric = 'majority') OVER task AS majority,
      min(task) OVER suite = max(task) OVER suite AS only_task
    FROM (${rows})
    WINDOW task AS (PARTITION BY key, attempt, suite, task), suite AS (PARTITION BY key, attempt, suite)
    ORDER BY source, line`;
}

/** SQL for the rows of `suites`, of the attempts that a table has by key and attempt, whose figures are in `evaluations`. */
export function suitesOf(attempts: string): string {
  return `
    SELECT key, attempt, suite, if(bool_and(only_task), min(task), NULL) AS only_task, bool_or(task = 'all') AS has_mean,
      max(try_cast(regexp_extract(metric, '^(pass|maj|rm)@(\\d+)$', 2) AS INTEGER))
        FILTER (task = 'all' OR evaluations.only_task) AS most
    FROM evaluations SEMI JOIN ${attempts} USING (key, attempt)
    GROUP BY key, attempt, suite
    ORDER BY key, attempt, suite`;
}

/**
 * Those of some attempts that the tables do not have as they are now: unfinished ones always, finished ones by when they
 * finished, since a node that was removed from the store and trained again counts its attempts from 1.
 */
export async function notIngested<Attempt>(
  connection: DuckDBConnection,
  attempts: readonly Attempt[],
  finishOf: (attempt: Attempt) => Finish | null,
): Promise<Attempt[]> {
  const reader = await connection.runAndReadAll(
    "SELECT key, attempt, epoch_ms(finished_at)::DOUBLE FROM attempts WHERE state = 'done'",
  );
  const known = new Set(reader.getRows().map(([key, attempt, at]) => `${key}/${attempt}/${at}`));
  return attempts.filter((each) => {
    const finish = finishOf(each);
    return finish === null || !known.has(`${finish.key}/${finish.attempt}/${Date.parse(finish.finishedAt)}`);
  });
}

/** When an attempt was published. */
export interface Finish {
  key: string;
  attempt: number;
  /** ISO 8601, UTC. */
  finishedAt: string;
}

/** When an attempt was published; null of one that was not. */
export function finishOf({ manifest }: IngestInput): Finish | null {
  return manifest && { key: manifest.key, attempt: manifest.attempt, finishedAt: manifest.provenance.finishedAt };
}

/** What DuckDB reads of a step's line. */
interface StepShape {
  /** As from_json takes it. */
  json: string;
  /** SQL for which of the runs have any of it. */
  runs: string;
}

const stepValues: StepShape = {
  json: '{"step":"BIGINT","tokens":"BIGINT","values":"MAP(VARCHAR,DOUBLE)"}',
  runs: 'true',
};
const stepData: StepShape = {
  json: '{"step":"BIGINT","data":{"digest":"VARCHAR","documents":"JSON","problems":"JSON"}}',
  runs: 'has_data',
};

/** DuckDB reads a table of so few rows in one thread: every share of the attempts is read by itself, and so in another. */
const shares = 4;

/** SQL for the steps of steady attempts: key, attempt, and s, what was read. */
function steadySteps({ json, runs }: StepShape): string {
  const share = (nth: number) => `
    SELECT key, attempt, from_json(text, '${json}') AS s
    FROM (
      SELECT key, attempt, unnest(string_split(lines, chr(10))) AS text
      FROM incoming_steps JOIN incoming_attempts USING (source)
      WHERE steady AND ${runs} AND source % ${shares} = ${nth}
    )`;
  return Array.from({ length: shares }, (_, nth) => share(nth)).join(' UNION ALL ');
}

/** SQL for the steps of all other attempts that no later start has voided: the same, with source and line. */
function unsteadySteps({ json, runs }: StepShape): string {
  return `
    SELECT * FROM (
      SELECT source, line + place - 1 AS line, key, attempt, from_json(text, '${json}') AS s
      FROM (
        SELECT source, line, key, attempt, unnest(string_split(lines, chr(10))) AS text,
          generate_subscripts(string_split(lines, chr(10)), 1) AS place
        FROM incoming_steps JOIN incoming_attempts USING (source)
        WHERE NOT steady AND ${runs}
      )
    ) AS i
    WHERE NOT EXISTS (
      FROM incoming_starts AS o WHERE o.source = i.source AND o.line > i.line AND coalesce(o.resumed_from, -1) < i.s.step)`;
}

/*
 * What counts of the incoming rows: not what a later start has voided, and of what was reported twice the last.
 * A start that goes on from step 100 voids all steps after it; a fresh start voids everything before it. Steps of steady
 * attempts, nearly all there are, count as they are: to look for what does not count takes twice as long as all else. They
 * are moved by themselves, since what is not to be in an order is written by several threads.
 */
const moves = [
  {
    table: 'metrics',
    from: 'steps',
    kept: `
      SELECT key, attempt, s.step, s.tokens, unnest(map_keys(s."values")), unnest(map_values(s."values"))
      FROM (${steadySteps(stepValues)})`,
  },
  {
    table: 'metrics',
    from: 'steps',
    kept: `
      SELECT key, attempt, s.step, s.tokens, metric, value
      FROM (
        SELECT *, unnest(map_keys(s."values")) AS metric, unnest(map_values(s."values")) AS value
        FROM (${unsteadySteps(stepValues)})
      )
      QUALIFY row_number() OVER (PARTITION BY source, s.step, metric ORDER BY line DESC) = 1
      ORDER BY source, s.step, metric`,
  },
  {
    table: 'batches',
    from: 'steps',
    kept: `
      SELECT key, attempt, s.step, s.data.digest, s.data.documents, s.data.problems
      FROM (${steadySteps(stepData)}) WHERE s.data IS NOT NULL`,
  },
  {
    table: 'batches',
    from: 'steps',
    kept: `
      SELECT key, attempt, s.step, s.data.digest, s.data.documents, s.data.problems
      FROM (${unsteadySteps(stepData)}) WHERE s.data IS NOT NULL
      QUALIFY row_number() OVER (PARTITION BY source, s.step ORDER BY line DESC) = 1
      ORDER BY source, s.step`,
  },
  {
    table: 'evaluations',
    from: 'evaluations',
    kept: withGuesses(`
      SELECT source, line, key, attempt, suite, task, metric, value, n, low, high
      FROM incoming_evaluations AS i JOIN incoming_attempts USING (source)
      WHERE NOT EXISTS (
        FROM incoming_starts AS s WHERE s.source = i.source AND s.line > i.line AND s.resumed_from IS NULL)
      QUALIFY row_number() OVER (PARTITION BY source, suite, task, metric ORDER BY line DESC) = 1`),
  },
  { table: 'suites', from: 'evaluations', kept: suitesOf('incoming_attempts') },
  {
    table: 'samples',
    from: 'samples',
    kept: `
      SELECT key, attempt, i.step, task, problem, sample, prompt, response, answer, expected, correct, reward, why,
        log_likelihoods::DOUBLE[] AS log_likelihoods, truncated
      FROM incoming_samples AS i JOIN incoming_attempts USING (source)
      SEMI JOIN (
        -- Without the texts, which may be more than fits into memory.
        SELECT source, max(line) AS line FROM incoming_samples AS i
        WHERE NOT EXISTS (
          FROM incoming_starts AS s
          WHERE s.source = i.source AND s.line > i.line AND coalesce(s.resumed_from, -1) < i.step)
        GROUP BY source, step, task, problem, sample
      ) AS kept ON kept.source = i.source AND kept.line = i.line`,
  },
  {
    table: 'overlap_counts',
    from: 'overlaps',
    kept: `
      SELECT key, attempt, trained, trained_problems, against, problems, exact, grams, common, most_exact, most_grams
      FROM incoming_overlaps AS i JOIN incoming_attempts USING (source)
      WHERE NOT EXISTS (FROM incoming_starts AS s WHERE s.source = i.source AND s.line > i.line)
      ORDER BY source, line`,
  },
  {
    table: 'executions',
    from: 'starts',
    kept: `
      SELECT key, attempt, execution, resumed_from, s.steps, s.device, s.engine
      FROM incoming_starts AS s JOIN incoming_attempts USING (source)
      ORDER BY source, line`,
  },
  {
    table: 'facts',
    from: 'facts',
    kept: 'SELECT key, attempt, name, kind, value, number FROM incoming_facts JOIN incoming_attempts USING (source)',
  },
] as const;

/** Whether there are figures or facts that no attempt had before: then `lineage_wide` needs columns for them. */
async function bringsNewColumns(connection: DuckDBConnection): Promise<boolean> {
  const found = await connection.runAndReadAll(`
    SELECT metric FROM incoming_evaluations ANTI JOIN evaluations USING (suite, task, metric)
    UNION ALL
    SELECT name FROM incoming_facts ANTI JOIN facts USING (name, kind)
    LIMIT 1`);
  return found.currentRowCount > 0;
}
