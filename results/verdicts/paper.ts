import type { DuckDBConnection } from '@duckdb/node-api';
import { defaultTesting } from '../../planner/claims.ts';
import type { Key } from '../../planner/plan.ts';
import { ResultsError } from '../errors.ts';
import { sqlFiles } from '../sql-files.ts';
import type { Part, Point, Question, Reading, Saying } from './question.ts';

/** A takeaway of EvoLM: a file of results/takeaways. */
export interface PaperTakeaway {
  number: number;
  /** `01-pretraining-saturates` is `pretraining-saturates`. */
  name: string;
  claim: string;
  /** Where the paper has it. */
  source: string;
  parts: { name: string; saying: Saying; needs: string }[];
  sql: string;
}

/**
 * The twelve takeaways of EvoLM (arXiv 2506.16029). A file begins with comments: `-- claim:`, `-- source:`, and for each
 * part `-- part NAME = SAYING: what a lineage needs to be asked it`. Its SQL gives, for `$lineage`, a row for each model of each
 * part: part, x, setting, replicate, address, key, metric, less (the key of a model whose figure is taken off), beside (the
 * metric that it goes with), and perhaps rival (the metric that it is claimed to go with less).
 */
export function paperTakeaways(): PaperTakeaway[] {
  return sqlFiles('takeaways').map(({ name, sql }) => read(name, sql));
}

function read(file: string, text: string): PaperTakeaway {
  const [, number, name] = /^(\d+)-(.+)$/.exec(file) ?? [];
  const line = (word: string) => new RegExp(`^-- ${word}: (.+)$`, 'm').exec(text)?.[1];
  const [claim, source] = [line('claim'), line('source')];
  const parts = [...text.matchAll(/^-- part (.+) = (\w+): (.+)$/gm)].map(([, part = '', saying = '', needs = '']) => ({
    name: part,
    saying: sayingOf(saying),
    needs,
  }));
  if (number === undefined || name === undefined || claim === undefined || source === undefined || parts.length === 0)
    throw new ResultsError(`results/takeaways/${file}.sql lacks its number, claim, source or parts`);
  const sql = text.replace(/^(--[^\n]*\n)+/, '');
  return { number: Number(number), name, claim, source, parts, sql };
}

/** What of a rise may be left where the paper's claims call it over. */
const share = 0.05;

function sayingOf(word: string): Saying {
  switch (word) {
    case 'higher':
    case 'lower':
      return { kind: 'contrast', direction: word };
    case 'up':
    case 'down':
      return { kind: 'trend', direction: word };
    case 'saturates':
      return { kind: 'trend', direction: word, share };
    case 'positive':
    case 'negative':
    case 'closer':
      return { kind: 'correlation', direction: word };
    default:
      throw new ResultsError(`results/takeaways has a part that is claimed to be ${word}, which is nothing to test`);
  }
}

/** The twelve asked of a lineage, by what its results have. */
export async function paperQuestions(connection: DuckDBConnection, lineage: string): Promise<Question[]> {
  const evaluations = await evaluationsOf(connection, lineage);
  const waiting = await unfinished(connection, lineage);
  const warnings = waiting > 0 ? [`${waiting} evaluations of the lineage are not done: they are in no verdict`] : [];
  const questions: Question[] = [];
  for (const { number, name, claim, source, parts, sql } of paperTakeaways()) {
    const reader = await connection.runAndReadAll(sql, { lineage });
    const rows = reader.getRowObjectsJson() as unknown as Row[];
    const asked = parts.map((part): Part & { needs: string } => ({
      name: part.name,
      saying: part.saying,
      points: rows.filter((row) => row.part === part.name).map((row) => pointOf(row, evaluations)),
      needs: part.needs,
    }));
    questions.push({
      number,
      name,
      claim: `${claim} (${source})`,
      testing: defaultTesting,
      parts: asked.filter((part) => isAsked(part)).map(({ needs: _, ...part }) => part),
      warnings,
      missing: asked.filter((part) => !isAsked(part)).map((part) => part.needs),
    });
  }
  return questions;
}

interface Row {
  part: string;
  x: number;
  setting: string;
  replicate: string;
  address: string;
  key: string;
  metric: string;
  less: string | null;
  beside: string | null;
  rival?: string | null;
}

function pointOf(row: Row, evaluations: ReadonlyMap<string, Key>): Point {
  const { setting, address, metric, replicate } = row;
  const read = (key: string, of: string): Reading => ({
    evaluation: evaluations.get(`${key} ${of.split('.')[0]}`) ?? null,
    metric: of,
  });
  return {
    address,
    x: Number(row.x),
    setting,
    seed: replicate,
    reading: read(row.key, metric),
    ...(row.less && { less: read(row.less, metric) }),
    ...(row.beside && { beside: read(row.key, row.beside) }),
    ...(row.rival && { rival: read(row.key, row.rival) }),
  };
}

/** Whether a lineage has what a part is about: two arms, as many levels as a trend takes, or four models. */
function isAsked({ saying, points }: Part): boolean {
  const levels = new Map<string, Set<number>>();
  for (const { setting, x } of points) levels.set(setting, (levels.get(setting) ?? new Set()).add(x));
  const most = Math.max(0, ...[...levels.values()].map((found) => found.size));
  switch (saying.kind) {
    case 'contrast':
      return most === 2;
    case 'trend':
      return most >= (saying.direction === 'saturates' ? 4 : 3);
    case 'correlation':
      return new Set(points.map(({ address }) => address)).size >= 4;
    default:
      return saying satisfies never;
  }
}

/** The evaluations of a lineage's current version, by `model suite`: of several the last in the plan, as in model_figures. */
async function evaluationsOf(connection: DuckDBConnection, lineage: string): Promise<Map<string, Key>> {
  const reader = await connection.runAndReadAll(
    `SELECT edges.parent, e.suite, max_by(n.key, n.place)
     FROM lineage_nodes AS n
     JOIN latest_lineages AS l USING (plan)
     JOIN (SELECT DISTINCT key, suite FROM latest_evaluations) AS e USING (key)
     JOIN edges ON edges.child = n.key AND edges.role = 'parent'
     WHERE l.lineage = $lineage
     GROUP BY edges.parent, e.suite`,
    { lineage },
  );
  return new Map(reader.getRows().map(([model, suite, key]) => [`${model} ${suite}`, String(key) as Key]));
}

/** How many evaluations of a lineage are not done; of a published one all is there that will ever be. */
async function unfinished(connection: DuckDBConnection, lineage: string): Promise<number> {
  const reader = await connection.runAndReadAll(
    `SELECT if(bool_or(a.state = 'imported'), 0, count(*) FILTER (a.key IS NULL))::DOUBLE FROM lineage_nodes AS n JOIN latest_lineages AS l USING (plan)
     LEFT JOIN latest_attempts AS a ON a.key = n.key AND a.state IN ('done', 'imported')
     WHERE l.lineage = $lineage AND n.type = 'evaluate'`,
    { lineage },
  );
  return Number(reader.getRows()[0]?.[0]);
}
