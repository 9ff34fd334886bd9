import type { LineageCounts, Page, PageNode } from './messages.ts';

export type NodeState = keyof LineageCounts;

/** The letter of each state, as histories and status queries carry them. */
export const stateLetters: Readonly<Record<NodeState, string>> = {
  waiting: '.',
  running: '>',
  done: 'd',
  reused: 'r',
  failed: 'f',
  blocked: 'b',
};

const letterStates = Object.fromEntries(Object.entries(stateLetters).map(([state, letter]) => [letter, state]));

/** What a letter of `LineageStatus.states` stands for. */
export function stateOfLetter(letter: string | undefined): NodeState {
  const state = letterStates[letter ?? ''];
  if (state === undefined) throw new RangeError(`no node state has the letter ${JSON.stringify(letter)}`);
  return state as NodeState;
}

/** Pages are asked for while fewer nodes than this are loaded and unfinished. */
const lookahead = 1000;

/**
 * Which node of a plan may start next. Pure and deterministic: no clock, no I/O, no promises.
 *
 * The plan comes in pages, parents before children; of a node that is finished only its letter stays. Ready nodes are
 * handed out first come, first served, each exactly once.
 */
export class Schedule {
  readonly #states: NodeState[];
  readonly #counts: LineageCounts = { waiting: 0, running: 0, done: 0, reused: 0, failed: 0, blocked: 0 };
  /** Loaded nodes that are waiting or running. */
  readonly #open = new Map<number, PageNode>();
  /** Of a waiting node, how many of its parents are not done. */
  readonly #missing = new Map<number, number>();
  /** Waiting nodes by each parent that is not done. */
  readonly #dependants = new Map<number, number[]>();
  #ready: number[] = [];
  #cursor = 0;

  /** A schedule of `total` nodes; `states` goes on from what `states()` gave. */
  constructor(total: number, states = stateLetters.waiting.repeat(total)) {
    this.#states = [...states].map(stateOfLetter);
    if (this.#states.length !== total) throw new RangeError(`${this.#states.length} states for ${total} nodes`);
    for (const state of this.#states) this.#counts[state] += 1;
    this.#cursor = this.#states.findIndex(isOpen);
    if (this.#cursor < 0) this.#cursor = total;
  }

  /** Where the next page starts, or undefined where none is wanted now. */
  get nextPage(): number | undefined {
    return this.#cursor < this.#states.length && this.#open.size < lookahead ? this.#cursor : undefined;
  }

  /** Whether every node has ended. */
  get finished(): boolean {
    return this.#counts.waiting === 0 && this.#counts.running === 0;
  }

  get counts(): LineageCounts {
    return { ...this.#counts };
  }

  /** One letter a node. */
  states(): string {
    return this.#states.map((state) => stateLetters[state]).join('');
  }

  stateOf(index: number): NodeState | undefined {
    return this.#states[index];
  }

  /** A node that is loaded and has not ended. */
  node(index: number): PageNode | undefined {
    return this.#open.get(index);
  }

  /** Places of all running nodes, in order. */
  running(): number[] {
    return this.#places((state) => state === 'running');
  }

  /** Places of all nodes that left something: done, reused or failed. */
  ended(): number[] {
    return this.#places((state) => state === 'done' || state === 'reused' || state === 'failed');
  }

  /** Addresses of the first running nodes that are loaded, at most so many, in the order of the plan's pages. */
  runningAddresses(most: number): string[] {
    const addresses: string[] = [];
    for (const [index, { address }] of this.#open) {
      if (addresses.length >= most) break;
      if (this.#states[index] === 'running') addresses.push(address);
    }
    return addresses;
  }

  /** Takes in the page that starts at `nextPage`; any other (asked for before a restart) is ignored. */
  load(page: Page): void {
    if (page.from !== this.#cursor) return;
    for (const [offset, node] of page.nodes.entries()) this.#loadNode(page.from + offset, node);
    this.#cursor += page.nodes.length;
  }

  /** The next node to start, now running; undefined where none is ready. */
  take(): number | undefined {
    const index = this.#ready.shift();
    if (index !== undefined) this.#set(index, 'running');
    return index;
  }

  /** A running node has ended. What depends on one that failed is blocked. */
  settle(index: number, state: 'done' | 'failed'): void {
    if (this.#states[index] !== 'running') return;
    this.#set(index, state);
    this.#open.delete(index);
    const dependants = this.#dependants.get(index) ?? [];
    this.#dependants.delete(index);
    for (const dependant of dependants) {
      if (state === 'failed') {
        this.#block(dependant);
        continue;
      }
      const missing = (this.#missing.get(dependant) ?? 0) - 1;
      this.#missing.set(dependant, missing);
      if (missing === 0 && this.#states[dependant] === 'waiting') this.#ready.push(dependant);
    }
  }

  /** A running node was stopped, and is to start again before all others. */
  putBack(index: number): void {
    if (this.#states[index] !== 'running' || !this.#open.has(index)) return;
    this.#set(index, 'waiting');
    this.#ready.unshift(index);
  }

  /** Forgets what is known of all nodes but the running ones: the plan is paged in again from its start. */
  restart(): void {
    for (const [index, state] of this.#states.entries()) {
      if (state === 'running') continue;
      this.#set(index, 'waiting');
      this.#open.delete(index);
    }
    this.#missing.clear();
    this.#dependants.clear();
    this.#ready = [];
    this.#cursor = 0;
  }

  #loadNode(index: number, node: PageNode): void {
    const state = this.#states[index];
    if (state === 'running') this.#open.set(index, node);
    // One that is open was put back before its page came again.
    if (state !== 'waiting' || this.#open.has(index)) return;
    if (node.published) {
      this.#set(index, 'reused');
      return;
    }
    const parents = [...new Set(node.parents)];
    const missing = parents.filter((parent) => !isAvailable(this.#states[parent]));
    if (missing.some((parent) => !isOpen(this.#states[parent]))) {
      this.#set(index, 'blocked');
      return;
    }
    this.#open.set(index, node);
    this.#missing.set(index, missing.length);
    for (const parent of missing) this.#dependants.set(parent, [...(this.#dependants.get(parent) ?? []), index]);
    if (missing.length === 0) this.#ready.push(index);
  }

  #block(index: number): void {
    if (this.#states[index] !== 'waiting') return;
    this.#set(index, 'blocked');
    this.#open.delete(index);
    const dependants = this.#dependants.get(index) ?? [];
    this.#dependants.delete(index);
    for (const dependant of dependants) this.#block(dependant);
  }

  #places(wanted: (state: NodeState) => boolean): number[] {
    return this.#states.flatMap((state, index) => (wanted(state) ? [index] : []));
  }

  #set(index: number, state: NodeState): void {
    const before = this.#states[index];
    if (before === undefined) throw new RangeError(`the plan has no node ${index}`);
    this.#counts[before] -= 1;
    this.#counts[state] += 1;
    this.#states[index] = state;
  }
}

function isOpen(state: NodeState | undefined): boolean {
  return state === 'waiting' || state === 'running';
}

function isAvailable(state: NodeState | undefined): boolean {
  return state === 'done' || state === 'reused';
}
