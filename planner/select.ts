import { meaning } from './axes.ts';
import { didYouMean, listed } from './diagnostic.ts';
import { childrenIn, type Kin, parentsIn, reach } from './kinship.ts';
import type { Key, Plan, PlanNode } from './plan.ts';
import { locate, type Pick, parseSelector, type SelectorProblem, type Term, type Word } from './selector.ts';
import { plainAddress } from './signature.ts';

/** How a node stands while nothing runs, as `descent status` says it. */
export const restStates = ['done', 'failed', 'blocked', 'interrupted', 'waiting'] as const;
export type RestState = (typeof restStates)[number];

/** The nodes that selectors name, in the plan's order, or what is wrong with each selector that names none. */
export type Selected = { ok: true; nodes: PlanNode[] } | { ok: false; problems: SelectorProblem[] };

/**
 * The nodes that any of the selectors names; `parseSelector` has their grammar. `rl` names the models of that stage, `rl/id`
 * their evaluations, `rl/*` all of these, `base/trunk` the trunks of a stage, and `stage:rl` all that is of it. Values match by what they mean (`5%` is `5.0%`), with a `*` in them as they are
 * written. Nodes that are the same (one key under two addresses) have the same ancestors and descendants. A selector that
 * names nothing is a problem, at the part that does. `stateOf` is asked for `state:` only.
 */
export function select(plan: Plan, selectors: readonly string[], stateOf: (node: PlanNode) => RestState): Selected {
  const survey: Survey = {
    plan,
    places: plan.nodes.map(placeOf),
    stateOf,
    parents: parentsIn(plan.nodes),
    children: childrenIn(plan.nodes),
  };
  const chosen = new Set<PlanNode>();
  const problems: SelectorProblem[] = [];
  for (const selector of selectors) {
    const parsed = parseSelector(selector);
    const found = parsed.ok ? intersection(selector, parsed.terms, survey) : parsed;
    if (found.ok) for (const node of found.nodes) chosen.add(node);
    else problems.push(found.problem);
  }
  if (problems.length > 0) return { ok: false, problems };
  return { ok: true, nodes: plan.nodes.filter((node) => chosen.has(node)) };
}

/** Whether one of the selectors asks how nodes stand. */
export function asksForStates(selectors: readonly string[]): boolean {
  return selectors.some((selector) => {
    const parsed = parseSelector(selector);
    return parsed.ok && parsed.terms.some(({ pick }) => pick.by === 'property' && pick.property.text === 'state');
  });
}

/** The plan of some of its nodes and of everything that they need, in the plan's order. */
export function restrict(plan: Plan, nodes: readonly PlanNode[]): Plan {
  const needed = reach(nodes, parentsIn(plan.nodes), Number.POSITIVE_INFINITY);
  const kept = new Set([...nodes, ...needed]);
  return { ...plan, nodes: plan.nodes.filter((node) => kept.has(node)) };
}

/** A node and the parts of its address. */
interface Place {
  node: PlanNode;
  /** The declared stage; null for data, tokenizers and certificates. */
  stage: string | null;
  /** The values of its axes as the file spells them. */
  written: ReadonlyMap<string, string>;
  /** Of an evaluation; `trunk` of a trunk. */
  suite: string | null;
}

/** A plan as selectors look at it. */
interface Survey {
  plan: Plan;
  places: Place[];
  stateOf: (node: PlanNode) => RestState;
  parents: Kin;
  children: Kin;
}

/** Nodes that something names, or why there are none. */
type Found = { nodes: PlanNode[] } | { word: Word; message: string; expected?: string; hint?: string | undefined };

function placeOf(node: PlanNode): Place {
  if (node.type === 'data' || node.type === 'tokenizer' || node.type === 'overlap') {
    return { node, stage: null, written: new Map(), suite: null };
  }
  const suite = node.type === 'evaluate' ? node.recipe.suite : node.type === 'trunk' ? node.type : null;
  const model = suite === null ? node.address : node.address.slice(0, -`/${suite}`.length);
  const setting = model.slice(node.stage.length + '@'.length);
  const written = setting === '' ? [] : setting.split(',').map((part) => part.split('=') as [string, string]);
  return { node, stage: node.stage, written: new Map(written), suite };
}

/** What all terms name. */
function intersection(
  selector: string,
  terms: readonly Term[],
  survey: Survey,
): { ok: true; nodes: Iterable<PlanNode> } | { ok: false; problem: SelectorProblem } {
  let both: Set<PlanNode> | undefined;
  for (const { word, pick, ancestors, descendants } of terms) {
    const found = pick.by === 'address' ? byAddress(pick, survey) : byProperty(pick, survey);
    if (!('nodes' in found)) return { ok: false, problem: locate(selector, found.word, found.message, found) };
    const named = new Set([
      ...found.nodes,
      ...reach(found.nodes, survey.parents, ancestors),
      ...reach(found.nodes, survey.children, descendants),
    ]);
    const before: Set<PlanNode> = both ?? named;
    both = new Set([...before].filter((node) => named.has(node)));
    if (both.size === 0) {
      const earlier = selector
        .slice(0, word.start)
        .replace(/[\s,]+$/, '')
        .trimStart();
      const message = `\`${earlier}\` names ${nodesIn(before)} and \`${word.text}\` ${nodesIn(named)}, but none is in both`;
      const hint = 'a comma asks for what is in both; for what is in either, give two selectors';
      return { ok: false, problem: locate(selector, word, message, { hint }) };
    }
  }
  return { ok: true, nodes: both ?? [] };
}

function byAddress({ stage, axes, suite }: Extract<Pick, { by: 'address' }>, { plan, places }: Survey): Found {
  const matches = stageGlob(stage.text);
  const ofStage = places.filter(
    (place) => place.stage !== null && matches(place.stage) && (suite !== null || place.suite === null),
  );
  if (ofStage.length === 0) return noStage(stage, places);
  let left = ofStage;
  for (const { name, value } of axes) {
    const varying = ofStage.filter((place) => place.written.has(name.text));
    if (varying.length === 0) return noAxis(name, stage, plan, ofStage);
    const found = ofAxis(name.text, value, varying);
    if ('message' in found) return found;
    left = left.filter((place) => found.places.has(place));
  }
  if (left.length === 0) return { word: stage, message: 'no node has all of these values' };
  if (suite === null) return { nodes: left.map(({ node }) => node) };
  return evaluations(suite, stage, left, places);
}

function evaluations(suite: Word, stage: Word, models: readonly Place[], places: readonly Place[]): Found {
  const matches = glob(suite.text);
  // A trunk is no evaluation: its own name names it, and no pattern.
  const parts = models.filter(({ node }) => node.type === 'evaluate' || !suite.text.includes('*'));
  const nodes = parts.filter((place) => place.suite !== null && matches(place.suite)).map(({ node }) => node);
  if (nodes.length > 0) return { nodes };
  const suites = distinct(parts.map((place) => place.suite));
  if (suites.length > 0) {
    const message = `\`${stage.text}\` has no evaluation \`${suite.text}\``;
    return { word: suite, message, expected: listed(suites), hint: didYouMean(suite.text, suites) };
  }
  const evaluated = distinct(places.filter(({ node }) => node.type === 'evaluate').map((place) => place.stage));
  const expected = evaluated.length > 0 ? { expected: listed(evaluated) } : {};
  return { word: stage, message: `\`${stage.text}\` is not evaluated`, ...expected };
}

function byProperty({ property, value }: Extract<Pick, { by: 'property' }>, survey: Survey): Found {
  const { plan, places } = survey;
  const named = (test: (place: Place) => boolean) => places.filter(test).map(({ node }) => node);
  switch (property.text) {
    case 'stage': {
      const matches = stageGlob(value.text);
      const nodes = named(({ stage }) => stage !== null && matches(stage));
      return nodes.length > 0 ? { nodes } : noStage(value, places);
    }
    case 'type': {
      const matches = glob(value.text);
      const nodes = named(({ node }) => matches(node.type));
      const types = distinct(places.map(({ node }) => node.type));
      return nodes.length > 0 ? { nodes } : nothing(value, `no node is of the type \`${value.text}\``, types);
    }
    case 'tokenizer':
    case 'overlap':
    case 'data': {
      const prefix = `${property.text}:`;
      const matches = stageGlob(prefix + value.text);
      const nodes = named(({ node }) => node.type === property.text && matches(node.address));
      const names = places
        .filter(({ node }) => node.type === property.text)
        .map(({ node }) => node.address.slice(prefix.length));
      const noun = nouns[property.text];
      return nodes.length > 0 ? { nodes } : nothing(value, `there is no ${noun} \`${value.text}\``, names);
    }
    case 'key': {
      if (!/^[0-9a-f]{4,64}$/.test(value.text))
        return { word: value, message: 'the beginning of a key is 4 to 64 digits of 0-9 and a-f' };
      const nodes = named(({ node }) => node.key.startsWith(value.text));
      return nodes.length > 0 ? { nodes } : { word: value, message: `no key begins with \`${value.text}\`` };
    }
    case 'state':
      return byState(value, survey);
    case 'seed':
      return bySeed(value, survey);
    default:
      return byAxis(property, value, plan, places);
  }
}

/** What `tokenizer:`, `overlap:` and `data:` name. */
const nouns = { tokenizer: 'tokenizer', overlap: 'overlap certificate', data: 'data set of files' };

function byState(value: Word, { plan, stateOf }: Survey): Found {
  const state = restStates.find((one) => one === value.text);
  if (state === undefined) {
    const hint = /^(running|blocked)$/.test(value.text) ? '`descent status` says what runs' : undefined;
    return nothing(value, `there is no state \`${value.text}\``, restStates, hint);
  }
  const states = new Map(plan.nodes.map((node) => [node, stateOf(node)]));
  const nodes = plan.nodes.filter((node) => states.get(node) === state);
  if (nodes.length > 0) return { nodes };
  const others = restStates.flatMap((one) => {
    const count = [...states.values()].filter((other) => other === one).length;
    return count > 0 ? [`${count} ${one}`] : [];
  });
  return { word: value, message: `no node is ${state}: ${others.join(', ')}` };
}

/** By the value of the axis of seeds, whatever it is called; a model that does not vary over it by the seed it has. */
function bySeed(value: Word, { plan, places }: Survey): Found {
  const axis = Object.entries(plan.axes).find(([name, { replicate }]) => replicate || name === 'seed')?.[0] ?? 'seed';
  const models = places.filter(({ node, stage }) => stage !== null && node.type !== 'evaluate');
  const seeds = new Map(models.map(({ node }) => [node.key, String(node.seed)]));
  const seeded = places.flatMap((place) => {
    const { node, written } = place;
    const seed = written.get(axis) ?? seeds.get(node.type === 'evaluate' ? (node.parents.parent as Key) : node.key);
    return seed === undefined ? [] : [{ ...place, written: new Map([[axis, seed]]) }];
  });
  const found = ofAxis(axis, value, seeded);
  return 'message' in found ? found : { nodes: [...found.places].map(({ node }) => node) };
}

function byAxis(name: Word, value: Word, plan: Plan, places: readonly Place[]): Found {
  const varying = places.filter(({ written }) => written.has(name.text));
  if (varying.length === 0) {
    const known = ['stage', 'type', 'seed', 'state', 'key', 'tokenizer', 'overlap', 'data', ...Object.keys(plan.axes)];
    return nothing(name, `there is no property or axis \`${name.text}\``, [...new Set(known)]);
  }
  const found = ofAxis(name.text, value, varying);
  return 'message' in found ? found : { nodes: [...found.places].map(({ node }) => node) };
}

/** Of nodes that vary over an axis, those with a value. */
function ofAxis(
  axis: string,
  value: Word,
  varying: readonly Place[],
): { places: Set<Place> } | { word: Word; message: string; expected: string; hint?: string | undefined } {
  const writtenIn = (place: Place) => place.written.get(axis) ?? '';
  const values = distinct(varying.map(writtenIn));
  const matches = glob(value.text);
  const meant = meaning(value.text);
  const right = new Set(values.filter((written) => matches(written) || meaning(written) === meant));
  if (right.size > 0) return { places: new Set(varying.filter((place) => right.has(writtenIn(place)))) };
  const message = `no node has the value \`${value.text}\` of \`${axis}\``;
  // The number next to a number is not what was meant.
  const hint = /\d/.test(value.text) ? undefined : didYouMean(value.text, values);
  return { word: value, message, expected: listed(values), hint };
}

function noStage(word: Word, places: readonly Place[]): Found {
  const stages = distinct(places.map(({ stage }) => stage));
  return nothing(word, `there is no stage \`${word.text}\``, stages, otherReading(word.text, places));
}

/** What somebody may have meant who took something else for a stage. */
function otherReading(text: string, places: readonly Place[]): string | undefined {
  if (/\s/.test(text)) return 'several selectors are given one by one, not in one text';
  if (places.some(({ node }) => node.type === text)) return `the nodes of that type are \`type:${text}\``;
  if (restStates.some((state) => state === text)) return `the nodes in that state are \`state:${text}\``;
  const keyed = text.length < 4 ? undefined : places.find(({ node }) => node.key.startsWith(text))?.node;
  if (keyed) return `\`key:${text}\` is ${keyed.address}`;
  if (/[@/]/.test(text)) return `an address stands alone: \`${text}\``;
  return /^[0-9]/.test(text) ? 'for several values of one axis, give several selectors' : undefined;
}

function noAxis(axis: Word, stage: Word, plan: Plan, ofStage: readonly Place[]): Found {
  const names = distinct(ofStage.flatMap(({ written }) => [...written.keys()]));
  const message = Object.hasOwn(plan.axes, axis.text)
    ? `\`${stage.text}\` does not vary over \`${axis.text}\``
    : `there is no axis \`${axis.text}\``;
  if (names.length > 0) return nothing(axis, message, names);
  return { word: axis, message, hint: `\`${stage.text}\` has one variant: leave out the part after @` };
}

/** Nothing has that name; here are those that there are. */
function nothing(word: Word, message: string, names: readonly string[], hint?: string): Found {
  const expected = names.length > 0 ? { expected: listed(names) } : {};
  return { word, message, ...expected, hint: hint ?? didYouMean(word.text, names) };
}

/** As `glob`, for a stage: a signature may be spelled in any way, also as the name of a published model. */
function stageGlob(pattern: string): (stage: string) => boolean {
  const [asWritten, plain] = [glob(pattern), plainAddress(pattern)];
  return (stage) => asWritten(stage) || stage === plain;
}

/** Whether a text is like a pattern, in which `*` stands for any characters. In linear time, whatever the pattern. */
function glob(pattern: string): (text: string) => boolean {
  const [first = '', ...middle] = pattern.split('*');
  const last = middle.pop();
  if (last === undefined) return (text) => text === pattern;
  return (text) => {
    if (!text.startsWith(first)) return false;
    let at = first.length;
    for (const part of middle) {
      const found = text.indexOf(part, at);
      if (found < 0) return false;
      at = found + part.length;
    }
    return text.length - last.length >= at && text.endsWith(last);
  };
}

function nodesIn(nodes: ReadonlySet<PlanNode>): string {
  return nodes.size === 1 ? '1 node' : `${nodes.size} nodes`;
}

function distinct(texts: Iterable<string | null>): string[] {
  return [...new Set(texts)].filter((text) => text !== null);
}
