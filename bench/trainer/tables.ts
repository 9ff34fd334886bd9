import { columns } from '../../cli/render/columns.ts';
import { trainingFlops, wholeSequences } from '../../planner/flops.ts';
import type { Precision } from '../../schemas/types/job.ts';
import { decoded, type Peak, sequences } from './contests.ts';
import type { Raced } from './race.ts';
import type { Size } from './sizes.ts';

/** The highest rates of matrix products, by precision. */
export type Peaks = Record<Precision, Peak[]>;

/** A race in training. */
export interface TrainingRace {
  precision: Precision;
  raced: Raced[];
}

/** How much faster Descent is to be than others. */
const aims: Record<string, string> = { 'torch.compile': '≥ 1.25', transformers: '≥ 2' };

/** What the processor reaches in matrix products, the measure of utilisation. */
export function peakTable(peaks: Peaks): string {
  const rows = Object.entries(peaks).flatMap(([precision, reached]) =>
    reached.map(({ name, flops, disturbed }) => [precision, name, marked((flops / 1e9).toFixed(0), disturbed)]),
  );
  return columns([['matrix products', 'engine', 'GFLOP/s'], ...rows], ['left', 'left', 'right']);
}

/**
 * A row an engine. Utilisation is of the highest rate of matrix products, whoever reached it: in bfloat16, where nothing
 * has to be rounded, of both precisions; some processors multiply faster in float32.
 */
export function trainingTable(size: Size, races: readonly TrainingRace[], peaks: Peaks): string {
  const { architecture, name, floor } = size;
  const flops = trainingFlops(architecture, wholeSequences(sequences, architecture.context));
  const rows = races.flatMap(({ precision, raced }) => {
    const reached = precision === 'float32' ? peaks.float32 : [...peaks.float32, ...peaks.bfloat16];
    const peak = Math.max(...reached.map(({ flops }) => flops));
    const unsure = reached.some(({ disturbed }) => disturbed);
    return raced.map((each) => [
      name,
      precision,
      each.name,
      milliseconds(each.seconds),
      milliseconds(each.cpuSeconds),
      rate((sequences * architecture.context) / each.seconds),
      marked(`${((100 * flops) / each.seconds / peak).toFixed(0)}%`, each.disturbed || unsure),
      ...restOf(each, floor && each.name === 'PyTorch' ? '≥ 1' : aims[each.name]),
    ]);
  });
  const head = ['training', 'precision', 'engine', 'ms a step', 'CPU ms', 'tokens/s', 'MFU', ...restOfHead];
  return columns([head, ...rows], ['left', 'left', 'left', ...right(8)]);
}

/** A row an engine, of what a token of all sequences together takes. */
export function decodingTable({ name }: Size, raced: readonly Raced[]): string {
  const rows = raced.map((each) => [
    name,
    each.name,
    milliseconds(each.seconds / decoded.length),
    milliseconds(each.cpuSeconds / decoded.length),
    rate((decoded.sequences * decoded.length) / each.seconds),
    ...restOf(each, aims[each.name]),
  ]);
  const head = ['decoding', 'engine', 'ms a token', 'CPU ms', 'tokens/s', ...restOfHead];
  return columns([head, ...rows], ['left', 'left', ...right(7)]);
}

const restOfHead = ['first s', 'peak MB', 'Descent’s speed', 'aim'];

function restOf({ first, peakMegabytes, ratio, disturbed }: Raced, aim = ''): string[] {
  const speed = marked(`${ratio.toFixed(2)}×`, disturbed);
  return [first.seconds.toFixed(1), peakMegabytes?.toFixed(0) ?? '', speed, aim];
}

/** A figure that other programs disturbed says so wherever its row is copied to. */
function marked(figure: string, disturbed: boolean): string {
  return disturbed ? `busy ${figure}` : figure;
}

function milliseconds(seconds: number): string {
  return (seconds * 1000).toFixed(1);
}

function rate(tokens: number): string {
  return Math.round(tokens).toLocaleString('en');
}

function right(count: number): 'right'[] {
  return Array(count).fill('right');
}
