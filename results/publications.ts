import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Results of a paper that ship with Descent: a lineage file of its models, and a CSV of its figures. */
export interface Publication {
  /** Its lineage is `published/<name>`. */
  name: string;
  title: string;
  reference: string;
  /** When it came out, ISO 8601: its lineage counts as run then, and so never as the one that ran last. */
  date: string;
}

/** One figure that a publication reports, in one of its tables or figures. */
export interface PublishedFigure {
  /** `Table 1`, `Figure 8a`. */
  source: string;
  reading: 'printed' | 'digitised';
  /** By about how much a digitised value may be off, either way; null where it is printed, and where that is not known. */
  error: number | null;
  approximate: boolean;
  /** The model as the publication names it. */
  model: string;
  /** Its address in the publication's lineage; null where there is no such node. */
  address: string | null;
  suite: string;
  task: string;
  metric: string;
  /** A fraction, or a score as it is. */
  value: number;
  note: string | null;
}

/** All publications that ship with Descent. */
export const publications: readonly Publication[] = [
  {
    name: 'evolm',
    title: 'EvoLM: In Search of Lost Language Model Training Dynamics',
    reference: 'arXiv 2506.16029',
    date: '2025-06-01T00:00:00Z', // the month that its number says
  },
];

/** The lineage that a publication is in the results: a name that no lineage file can have. */
export function lineageOf({ name }: Publication): string {
  return `published/${name}`;
}

/** The publication that a lineage in the results is of; undefined of one's own. */
export function publicationIn(lineage: string): string | undefined {
  return /^published\/(.+)$/.exec(lineage)?.[1];
}

/** Absolute path of the lineage file that declares a publication's models. */
export function modelsPath({ name }: Publication): string {
  return fileURLToPath(new URL(`../../results/published/${name}.yaml`, import.meta.url));
}

/** The figures of a publication, in the order of its file. Throws for a line that cannot be read. */
export function figuresOf({ name }: Publication): PublishedFigure[] {
  const path = new URL(`../../results/published/${name}.csv`, import.meta.url);
  const lines = readFileSync(path, 'utf8').split('\n');
  const rows = lines.flatMap((line, index) => (line === '' || line.startsWith('#') ? [] : [{ line, at: index + 1 }]));
  return rows.slice(1).map(({ line, at }) => figureOf(line, `results/published/${name}.csv:${at}`));
}

/** `Table 1,printed,,false,1B-80BT,1B-80BT,id,all,pass@1,percent,14.1,`: there are no commas within cells. */
function figureOf(line: string, place: string): PublishedFigure {
  const cells = line.split(',');
  const [source = '', reading, error = '', approximate, model = '', address, suite = '', task = '', ...rest] = cells;
  const [metric = '', unit = '', value = '', note] = rest;
  const number = value === '' ? Number.NaN : inUnit(value, unit);
  if (cells.length !== 12 || !isReading(reading) || !Number.isFinite(number))
    throw new Error(`${place}: no published figure: ${line}`);
  return {
    source,
    reading,
    error: error === '' ? null : inUnit(error, unit),
    approximate: approximate === 'true',
    model,
    address: address || null,
    suite,
    task,
    metric,
    value: number,
    note: note || null,
  };
}

const exponents: Readonly<Record<string, number>> = { percent: -2, score: 0 };

function isReading(text: string | undefined): text is PublishedFigure['reading'] {
  return text === 'printed' || text === 'digitised';
}

/** `14.1` percent is the double that is nearest to 0.141, which 14.1 / 100 need not be. */
function inUnit(text: string, unit: string): number {
  return Number(`${text}e${exponents[unit]}`);
}
