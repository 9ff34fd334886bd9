import { join } from 'node:path';
import { isClaimed, isExecuted } from '../activities/claim.ts';
import { addressNow } from '../planner/moved.ts';
import { newestWhole } from '../store/artifact.ts';
import { findGarbage, type Garbage, isLink } from '../store/garbage.ts';
import { findHome, keysBeginning } from '../store/home.ts';
import { isPinned, readPins } from '../store/pins.ts';
import { watchPlans } from '../store/plans.ts';
import { emptyTrash, leftInTrash, moveToTrash } from '../store/trash.ts';
import { counted, shortKey } from '../words/figures.ts';
import { type Context, type ExitCode, exitCodes } from './context.ts';
import { CommandError, Refusal } from './failure.ts';
import { type History, readHistory } from './history.ts';
import { hostFolder, liveHolders, readHostState } from './host-state.ts';
import { giveBackLock, takeLock } from './lock.ts';
import { type GarbageLine, type GcReport, renderGc } from './render/gc.ts';
import { findRoots, type Root } from './roots.ts';

/** What is asked of `descent gc` beside the files. */
export interface GcOptions {
  apply?: true;
  attempts?: true;
  forget?: string[];
  json?: true;
}

/** `descent gc [FILE...]`: what of the store no lineage file needs and nobody pinned; with `--apply` it is removed. */
export async function gc(files: string[], options: GcOptions, context: Context): Promise<ExitCode> {
  const { terminal } = context;
  const home = findHome(context.cwd, context.env);
  const look = () => surveyStore(home, files, options, context);
  const report = options.apply ? await removeAlone(home, context, look) : (await look()).report;
  terminal.out(options.json ? JSON.stringify(report, null, 2) : renderGc(report, terminal.colours));
  return exitCodes.fine;
}

/** What would be removed, as it is told and as it is done. */
interface Survey {
  garbage: Garbage[];
  report: GcReport;
}

/** The one answer to what would be removed, of a dry run and of `--apply`, with why everything else stays. */
async function surveyStore(
  home: string,
  files: readonly string[],
  { attempts = false, forget = [] }: { attempts?: boolean; forget?: readonly string[] },
  context: Context,
): Promise<Survey> {
  // Before the plans are read: what is begun from now on may have a plan that is not among them, and is none of these keys.
  const keys = keysBeginning(home, '');
  const history = await readHistory(home, keys);
  const { lineages, unreadable } = history;
  if (keys.length > 0 && lineages.size + unreadable.length === 0 && files.length === 0)
    throw new Refusal(
      `nothing is removed: the store has ${counted(keys.length, 'node')}, and no plan in ${home} tells what lineages they are of`,
      'name the lineage files to keep the store for: descent gc FILE...',
    );
  const roots = await findRoots(files, forget, history, context);
  const needed = new Set<string>(roots.flatMap(({ plan }) => plan.nodes.map(({ key }) => key)));
  const pins = readPins(home, keys);
  const executed: string[] = [];
  for (const key of keys) if (isExecuted(home, key)) executed.push(key);
  const untouched = new Set([...pins.map(({ key }) => key), ...withNeeds(executed, history)]);
  const garbage = findGarbage(home, { keys, untouched, needed, attempts });
  const explain = explainer(home, roots, history, forget, files.length > 0);
  const report: GcReport = {
    applied: false,
    roots: roots.map(({ file, plan }) => ({ lineage: plan.lineage, file, nodes: storedOf(plan.nodes, keys) })),
    pins: pins.map((pin) => ({ ...pin, needed: needed.has(pin.key) })),
    executed,
    links: keys.filter((key) => isLink(home, key)),
    remove: garbage.map(explain),
    bytes: garbage.reduce((sum, { bytes }) => sum + bytes, 0),
    spared: [],
    trash: await leftInTrash(home),
  };
  return { garbage, report };
}

/** Looks, and removes what was found. Throws a CommandError unless nothing runs in this home and nobody else removes from it. */
async function removeAlone(home: string, context: Context, look: () => Promise<Survey>): Promise<GcReport> {
  await (await import('./idle.ts')).refuseWhileRunning(home, 'nothing is removed', context);
  const lock = join(hostFolder(home), 'gc');
  if (!(await takeLock(lock)))
    throw new CommandError('another `descent gc --apply` removes from this home', 'wait until it has ended');
  try {
    const isBegun = await watchBeginnings(home);
    return await remove(home, await look(), isBegun);
  } finally {
    await giveBackLock(lock);
  }
}

/** Removes what was found, but for what was pinned, claimed or begun since, and what an interrupted removal left. */
async function remove(
  home: string,
  { garbage, report }: Survey,
  isBegun: (key: string) => Promise<boolean>,
): Promise<GcReport> {
  const removed: GarbageLine[] = [];
  const spared: GarbageLine[] = [];
  for (const [at, one] of garbage.entries()) {
    const line = report.remove[at] as GarbageLine;
    const isHeld = async (folder: string) => isPinned(folder) || isClaimed(folder) || (await isBegun(one.key));
    ((await moveToTrash(home, one, isHeld)) ? removed : spared).push(line);
  }
  await emptyTrash(home);
  const bytes = removed.reduce((sum, line) => sum + line.bytes, 0);
  return { ...report, applied: true, remove: removed, bytes, spared };
}

/**
 * Watches what begins from now on: what it gives tells of a key whether a lineage may need it that was not there before.
 * That is known of a lineage whose plan is frozen; while another is followed, or another host takes up what an earlier one
 * left, it may be any key.
 */
async function watchBeginnings(home: string): Promise<(key: string) => Promise<boolean>> {
  const plannedSince = await watchPlans(home);
  const startOfHost = async () => (await readHostState(home))?.startedAt;
  const before = await startOfHost();
  return async (key) =>
    (await plannedSince()).has(key) ||
    (await startOfHost()) !== before ||
    (await liveHolders(home)).some(({ lineages }) => lineages.length > 0);
}

/** Keys with everything that they need, as far as plans tell: what is executed reads what it starts from. */
function withNeeds(keys: readonly string[], { nodes }: History): Set<string> {
  const found = new Set<string>();
  const open = [...keys];
  for (let key = open.pop(); key !== undefined; key = open.pop()) {
    if (found.has(key)) continue;
    found.add(key);
    open.push(...(nodes.get(key)?.needs ?? []));
  }
  return found;
}

function storedOf(nodes: Root['plan']['nodes'], keys: readonly string[]): number {
  const needed = new Set<string>(nodes.map(({ key }) => key));
  return keys.filter((key) => needed.has(key)).length;
}

/** Tells where something stood that is to go, and why nobody needs it. */
function explainer(
  home: string,
  roots: readonly Root[],
  history: History,
  forget: readonly string[],
  named: boolean,
): (garbage: Garbage) => GarbageLine {
  const addresses = roots.map(({ file, plan }) => ({
    file,
    plan,
    keys: new Map(plan.nodes.map((node) => [node.address, node.key])),
  }));
  const whyGone = (lineage: string, address: string): string => {
    const [root] = addresses.filter(({ plan }) => plan.lineage === lineage);
    if (root === undefined) {
      if (named) return 'no file that was named has it';
      return forget.includes(lineage) ? `${lineage} is forgotten` : `no file is of the lineage ${lineage} any more`;
    }
    const key = root.keys.get(addressNow(root.plan.declared.moved ?? [], address)) ?? root.keys.get(address);
    return key === undefined ? `no longer in ${root.file}` : `it is ${shortKey(key)} there now`;
  };
  return ({ key, attempt, replacedBy, bytes }) => {
    const places = history.nodes.get(key)?.places ?? [];
    const [newest] = places;
    const address = newest?.address ?? newestWhole(home, key)?.address ?? null;
    const told = { key, attempt, address, places, bytes };
    if (replacedBy !== null) return { ...told, why: `attempt ${replacedBy} replaces attempt ${attempt}` };
    return { ...told, why: newest ? whyGone(newest.lineage, newest.address) : 'no plan in this home has it' };
  };
}
