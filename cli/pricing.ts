import { existsSync } from 'node:fs';
import { totalmem } from 'node:os';
import { type DeviceClass, type Estimate, estimate } from '../planner/estimate.ts';
import type { Key, PlanNode } from '../planner/plan.ts';
import { type FinishedRuns, measuredSpeed, type Speed } from '../planner/speed.ts';
import { type Verdict, verdictOf } from '../planner/verdict.ts';
import { isGpuClass } from '../schemas/device-class.ts';
import { databasePath, findHome } from '../store/home.ts';
import type { SlotSpeed, TemporalConfig } from '../temporal.config.ts';
import { bytes, counted, duration } from '../words/figures.ts';
import { autoDevice, isElsewhere, loadConfig } from './config.ts';
import type { Context } from './context.ts';
import { programNotes } from './programs.ts';
import { walltimeNotes, walltimeOf } from './walltime.ts';

/** What nodes cost, and what a person should know of how that was found. */
export interface Pricing {
  estimate: Estimate;
  /** A sentence each. */
  notes: string[];
}

/** Prices nodes of one plan. */
export type Pricer = (nodes: readonly PlanNode[], verdicts: ReadonlyMap<Key, Verdict>) => Pricing;

/**
 * What prices nodes of a plan on the devices that are configured, and whether it is known of any how much memory they have. Speeds are those that the home's results have measured,
 * of each kind of work, else those that temporal.config states. DuckDB is loaded only where there are results, which are
 * read once; results that cannot be read are a note.
 */
export async function openPricer(context: Context): Promise<{ price: Pricer; knowsMemory: boolean }> {
  const { config } = await loadConfig(context.cwd, context.env);
  const auto = autoDevice(config, context.env);
  const classOf = ({ placement }: PlanNode) => (placement.device === 'auto' ? auto : placement.device);
  const { runs, note } = await readRuns(findHome(context.cwd, context.env));
  const knowsMemory = Object.values(config.devices).some(({ memory }) => memory !== undefined);
  const price: Pricer = (nodes, verdicts) => {
    const notes = note === null ? [] : [note];
    const classes = new Map<string, DeviceClass>();
    for (const name of new Set(nodes.map(classOf))) {
      const configured = config.devices[name];
      if (configured === undefined) notes.push(`temporal.config has no device class ${name}: one device is assumed`);
      classes.set(name, {
        slots: configured?.slots ?? 1,
        speeds: configured === undefined ? [] : speedsOf(name, configured.speed, runs),
        memoryKind: isGpuClass(name) ? 'gpu' : 'machine',
        ...(configured?.memory !== undefined && { memory: configured.memory }),
      });
    }
    const found = estimate(nodes, (node) => verdictOf(node, verdicts), classOf, classes);
    const left = found.nodes.filter(({ part, same }) => part > 0 && same === null).map(({ node }) => node);
    const onDevices = [
      ...programNotes(left, config),
      ...memoryNotes(found, config.devices, totalmem()),
      ...walltimeNotes(found, config.devices),
      ...timeoutNotes(found, config.devices),
    ];
    return { estimate: found, notes: [...notes, ...onDevices] };
  };
  return { price, knowsMemory };
}

/**
 * Where temporal.config does not say what a slot has, that nodes take more memory than this machine: one alone, or as many at
 * once as there are slots. Of GPUs, whose memory is not the machine's, nothing.
 */
function memoryNotes({ memory: most }: Estimate, devices: TemporalConfig['devices'], machine: number): string[] {
  return most.flatMap(({ device, largest, together }) => {
    const configured = devices[device];
    if (configured === undefined || configured.memory !== undefined) return [];
    if (isElsewhere(configured) || isGpuClass(device)) return [];
    const most = largest.memory?.peak ?? 0;
    if (Math.max(most, together) <= machine) return [];
    return most > machine
      ? [`${largest.node.address} takes more memory than this machine has (${bytes(machine)})`]
      : [
          `all ${device} slots at work take more memory than this machine has (${bytes(machine)}): fewer \`slots\` in temporal.config`,
        ];
  });
}

/**
 * That a node takes longer than the `timeout` of its placement, which ends it: the longest of them. Where Slurm ends jobs before,
 * each has that time for itself.
 */
function timeoutNotes({ nodes }: Estimate, devices: TemporalConfig['devices']): string[] {
  const over = nodes.flatMap(({ node, device, time, part, same }) => {
    const left = same === null ? (time?.seconds ?? 0) * part : 0;
    const allowed = node.placement.timeoutSeconds;
    const limit = walltimeOf(devices[device]);
    return left > allowed && (limit === null || limit > allowed) ? [{ node, left, allowed }] : [];
  });
  const [first, ...others] = over.sort((one, other) => other.left - one.left);
  if (first === undefined) return [];
  const more = others.length > 0 ? `, as it does ${counted(others.length, 'other node')}` : '';
  return [
    `${first.node.address} takes about ${duration(first.left)}, and its \`timeout\` ends it after ${duration(first.allowed)}${more}: raise it in the placement`,
  ];
}

/** Measured before stated: what a device does here goes before what its data sheet says. */
function speedsOf(name: string, stated: SlotSpeed | undefined, runs: readonly FinishedRuns[]): Speed[] {
  const measured = measuredSpeed(runs, isGpuClass(name) ? 'gpu' : 'cpu');
  return [
    ...(measured.measurements.length > 0 ? [measured] : []),
    ...(stated === undefined ? [] : [{ kind: 'stated' as const, ...stated }]),
  ];
}

/** Shorter than it takes until a person is told of waiting: a plan can do without. */
const patienceSeconds = 1.5;

async function readRuns(home: string): Promise<{ runs: FinishedRuns[]; note: string | null }> {
  if (!existsSync(databasePath(home))) return { runs: [], note: null };
  try {
    const { finishedRuns } = await import('../results/speeds.ts');
    return { runs: await finishedRuns(home, { patienceSeconds }), note: null };
  } catch (error) {
    // Whatever is wrong with them: what would run does not depend on it, and who asks them is told in full.
    const [reason] = (error instanceof Error ? error.message : String(error)).split('\n');
    return { runs: [], note: `the results cannot be read, so no speed that was measured counts: ${reason}` };
  }
}
