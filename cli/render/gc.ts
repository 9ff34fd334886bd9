import type { Pin } from '../../store/pins.ts';
import { bytes, counted, shortKey } from '../../words/figures.ts';
import { columns } from './columns.ts';
import type { Colours } from './terminal.ts';

/** Something that goes. */
export interface GarbageLine {
  key: string;
  /** Null where all there is of the key goes. */
  attempt: number | null;
  /** The newest address that it was known by; null where nobody knows one. */
  address: string | null;
  /** Everywhere that a plan had it, the newest first. */
  places: { lineage: string; address: string }[];
  why: string;
  bytes: number;
}

/** What `descent gc` found or did; `--json` prints it as it is. */
export interface GcReport {
  applied: boolean;
  /** What the store is kept for, with how many of the store's nodes each needs. */
  roots: { lineage: string; file: string; nodes: number }[];
  /** Those that a root needs anyway, too. */
  pins: (Pin & { needed: boolean })[];
  /** Keys that are executed now: they stay, with what they need. */
  executed: string[];
  /** Keys whose folders are links, which are left alone. */
  links: string[];
  /** What goes, or has gone, the largest first. */
  remove: GarbageLine[];
  /** Of `remove`, in all. */
  bytes: number;
  /** What was to go and stayed, because it was pinned or claimed, or went otherwise, in the meantime. */
  spared: GarbageLine[];
  /** What an interrupted removal left before this one. */
  trash: { entries: number; bytes: number };
}

/** Addresses of one key that are shown. */
const mostAddresses = 3;

/** What goes, one a line, the sum, and why the rest stays. */
export function renderGc(report: GcReport, colours: Colours): string {
  const { applied, remove, spared, trash } = report;
  const { dim } = colours;
  const would = applied ? '' : 'would be ';
  const nodes = remove.filter(({ attempt }) => attempt === null).length;
  const parts = [counted(nodes, 'node'), counted(remove.length - nodes, 'older attempt')];
  const counts = parts.filter((part) => !part.startsWith('0 ')).join(' and ');
  const sum = `${counts}, ${bytes(report.bytes)} ${would}removed`;
  const lines = [
    ...(remove.length > 0 ? [columns([HEAD.map((name) => dim(name)), ...remove.map(row)], ['right']), ''] : []),
    remove.length > 0 ? colours.bold(sum) : 'nothing to remove: everything in the store is needed or kept',
  ];
  if (trash.entries > 0)
    lines.push(
      `${bytes(trash.bytes)} that an interrupted removal left ${applied ? 'is removed too' : 'would be removed too'}`,
    );
  for (const line of spared)
    lines.push(`stayed after all: ${line.address ?? shortKey(line.key)}, which somebody took up`);
  lines.push(...keptLines(report).map((line) => dim(line)));
  if (remove.length > 0)
    lines.push(dim('figures of what goes stay in results.duckdb, until it is rebuilt from the store'));
  if (!applied && remove.length + trash.entries > 0) lines.push('nothing is removed yet: --apply does it');
  return lines.join('\n');
}

const HEAD = ['size', 'node', 'lineage', 'key', 'why'];

function row({ bytes: size, address, places, key, why }: GarbageLine): string[] {
  const addresses = places.length > 0 ? [...new Set(places.map((place) => place.address))] : [address ?? '?'];
  const more = addresses.length > mostAddresses ? [`and ${addresses.length - mostAddresses} more`] : [];
  const lineages = [...new Set(places.map(({ lineage }) => lineage))];
  return [
    bytes(size),
    [...addresses.slice(0, mostAddresses), ...more].join('\n'),
    lineages.join('\n') || '-',
    shortKey(key),
    why,
  ];
}

function keptLines({ roots, pins, executed, links }: GcReport): string[] {
  return [
    ...roots.map(({ lineage, file, nodes }) => `kept: ${counted(nodes, 'node')} of ${lineage} (${file})`),
    ...pins.map(
      ({ key, address, reason, needed }) =>
        `kept: ${address || shortKey(key)} (${shortKey(key)}), pinned${needed ? ' and needed' : ''}: ${reason}`,
    ),
    ...executed.map((key) => `kept: ${shortKey(key)}, which is executed now, and what it needs`),
    ...links.map((key) => `left alone: ${shortKey(key)}, whose folder is a link`),
  ];
}
