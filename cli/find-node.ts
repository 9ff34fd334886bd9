import { didYouMean, listed } from '../planner/diagnostic.ts';
import { addressNow } from '../planner/moved.ts';
import type { Plan, PlanNode } from '../planner/plan.ts';
import { plainAddress } from '../planner/signature.ts';
import { readImport } from '../results/imports.ts';
import { publicationIn } from '../results/publications.ts';
import { runQuery } from '../results/query.ts';
import { readPlan } from '../store/plans.ts';
import { shortKey } from '../words/figures.ts';
import { CommandError } from './failure.ts';

/** A node, and a plan that has it. */
export interface FoundNode {
  plan: Plan;
  node: PlanNode;
}

/** Fewer digits of a key are not taken for one. */
const shortestPrefix = 4;
/** Variants of a stage that an error names. */
const mostVariants = 5;

/**
 * The node that a person means: an address in the newest plan of a lineage (of `lineage`, where one is named), the
 * beginning of a key that any plan has, or an address from before a rename. One of an imported lineage is meant where none
 * of one's own is, or where that lineage is named. Throws CommandError, with near names, when
 * there is none or more than one.
 */
export async function findNode(home: string, text: string, lineage: string | null): Promise<FoundNode> {
  const named = await places(home, 'n.address IN ($text, $plain) AND l.plan IN (SELECT plan FROM latest_lineages)', {
    text,
    plain: plainAddress(text),
  });
  const own = named.filter((one) => publicationIn(one.lineage) === undefined);
  const inLineage = lineage === null ? (own.length > 0 ? own : named) : named.filter((one) => one.lineage === lineage);
  if (inLineage.length === 0 && lineage === null && isPrefix(text)) {
    const keyed = await places(home, 'starts_with(n.key, $text)', { text });
    if (keyed.length > 0) return theOne(home, text, keyed, 'give more of the key');
  }
  if (inLineage.length > 0) return theOne(home, text, inLineage, 'give one of these keys');
  const renamed = await findRenamed(home, text, lineage);
  if (renamed) return renamed;
  throw await unknownNode(home, text, lineage);
}

/** The node that a text was the address of before a rename that the newest plan of some lineage tells of. */
async function findRenamed(home: string, text: string, lineage: string | null): Promise<FoundNode | undefined> {
  const { rows } = await runQuery(home, 'SELECT plan, lineage FROM latest_lineages ORDER BY last_recorded DESC');
  for (const [digest, name] of rows) {
    if (lineage !== null && name !== lineage) continue;
    const plan = await readRecorded(home, String(name), String(digest));
    const renamed = [text, plainAddress(text)].map((name) => addressNow(plan.declared.moved ?? [], name));
    const node = renamed.flatMap((address) => plan.nodes.find((one) => one.address === address) ?? [])[0];
    if (node) return { plan, node };
  }
  return undefined;
}

/** Where a node stands in a plan that was run. */
interface Place {
  lineage: string;
  plan: string;
  place: number;
  address: string;
  key: string;
}

async function places(home: string, condition: string, parameters: Record<string, string>): Promise<Place[]> {
  const { rows } = await runQuery(
    home,
    `SELECT l.lineage, l.plan, n.place, n.address, n.key FROM lineage_nodes AS n JOIN lineages AS l USING (plan)
     WHERE ${condition} ORDER BY l.last_recorded DESC, n.place`,
    parameters,
  );
  return rows.map(([name, plan, place, address, key]) => ({
    lineage: String(name),
    plan: String(plan),
    place: Number(place),
    address: String(address),
    key: String(key),
  }));
}

async function theOne(home: string, text: string, found: readonly Place[], hint: string): Promise<FoundNode> {
  const distinct = found.filter((one, index) => found.findIndex(({ key }) => key === one.key) === index);
  const [first, second] = distinct;
  if (first === undefined) throw new Error(`nothing was found for ${text}`);
  if (second !== undefined) {
    const list = distinct.slice(0, 10).map((one) => `  ${shortKey(one.key)}  ${one.address} of ${one.lineage}`);
    throw new CommandError(`${text} is ${distinct.length} nodes:\n${list.join('\n')}`, hint);
  }
  const plan = await readRecorded(home, first.lineage, first.plan);
  const node = plan.nodes[first.place];
  if (node?.key !== first.key)
    throw new Error(`the results and the plan ${first.plan} disagree about ${first.address}`);
  return { plan, node };
}

/** A plan that the results have: one that was run, or that of an imported lineage. */
async function readRecorded(home: string, lineage: string, digest: string): Promise<Plan> {
  const publication = publicationIn(lineage);
  return publication === undefined ? await readPlan(home, digest) : (await readImport(home, publication)).plan;
}

async function unknownNode(home: string, text: string, lineage: string | null): Promise<CommandError> {
  const { rows } = await runQuery(
    home,
    `SELECT n.address, l.lineage FROM lineage_nodes AS n JOIN latest_lineages AS l USING (plan)
     ORDER BY l.last_recorded DESC, n.place`,
  );
  const lineages = [...new Set(rows.map((row) => String(row[1])))];
  if (lineage !== null && !lineages.includes(lineage)) return unknownLineage(lineage, lineages);
  const addresses = rows.filter((row) => lineage === null || row[1] === lineage).map((row) => String(row[0]));
  const where = lineage === null ? 'no lineage of this home' : `the lineage ${lineage}`;
  const message = lineage === null ? `${where} has a node ${text}` : `${where} has no node ${text}`;
  if (addresses.length === 0) return new CommandError(message, 'run a lineage first: descent run <file>');
  const keyHint = /^[0-9a-f]+$/.test(text) && !isPrefix(text) ? `of a key, give ${shortestPrefix} digits or more;` : '';
  const head = /^([a-zA-Z][\w-]*):./.exec(text)?.[1];
  const isOfLineage = head !== undefined && !addresses.some((address) => address.startsWith(`${head}:`));
  const lineageHint = isOfLineage ? `a lineage ${head} was not run here: ${listed(lineages)};` : '';
  const hints = [nearby(text, [...new Set(addresses)]), keyHint, lineageHint, '`descent status <lineage>` lists all'];
  return new CommandError(message, hints.filter((hint) => hint !== '').join(' '));
}

/** The variants of a stage that was named without its axes, or else what is spelled much the same; empty for neither. */
function nearby(text: string, addresses: readonly string[]): string {
  const variants = addresses.filter((address) => address.replace(/@[^/]*/, '') === text);
  if (variants.length === 0) return didYouMean(text, addresses) ?? '';
  const more = variants.length > mostVariants ? ` (or ${variants.length - mostVariants} more)` : '';
  return `did you mean ${variants.slice(0, mostVariants).join(', ')}${more}?`;
}

/** The error for a lineage that this home does not know. */
export function unknownLineage(name: string, known: readonly string[]): CommandError {
  const message = `there is no lineage ${name}`;
  if (known.length === 0) return new CommandError(`${message}: none was run in this home yet`, 'descent run <file>');
  if (known.length === 1) return new CommandError(message, `the only one is ${known[0]}`);
  return new CommandError(message, [didYouMean(name, known) ?? '', `there are ${listed(known)}`].join(' ').trim());
}

function isPrefix(text: string): boolean {
  return text.length >= shortestPrefix && /^[0-9a-f]+$/.test(text);
}
