import type { Estimate, NodeCost, UnknownWork } from '../../planner/estimate.ts';
import { allFlops, type Price, partOfPrice } from '../../planner/price.ts';
import type { Measurement, Work } from '../../planner/speed.ts';
import { engineEntry } from '../../schemas/engines.ts';
import type { Engine } from '../../schemas/types/job.ts';
import { amount, bytes, counted, duration, operations, percent } from '../../words/figures.ts';
import type { Pricing } from '../pricing.ts';
import { columns } from './columns.ts';
import type { Colours } from './terminal.ts';

/**
 * The cells of a plan's row that say what its node costs: how many tokens, what becomes of them, operations, device time,
 * and whether that is what is `left` or what its reuse `saves`. `≤` is an upper bound.
 */
export function costCells({ price, part, time, same }: NodeCost): [string, string, string, string, string] {
  if (same !== null) return ['', `the same node as ${same.address}`, '', '', ''];
  const shown = part > 0 ? partOfPrice(price, part) : price;
  const flops = allFlops(shown);
  const [count, what] = tokensOf(shown);
  return [
    count === 0 ? '' : `${bound(price)}${amount(count)}`,
    count === 0 ? '' : what,
    flops === 0 ? '' : `${bound(price)}${operations(flops)} FLOP`,
    time === null || time.seconds === 0 ? '' : duration(time.seconds * (part > 0 ? part : 1)),
    flops === 0 && !time?.seconds ? '' : part === 1 ? '' : part > 0 ? 'left' : 'saved',
  ];
}

/** `16.4K tokens · 3.10e19 FLOP · 12 h 42 min (1 d 17 h without sharing) · 5 h 10 min on 2 cpu slots`, as far as it is known. */
export function leftText(estimate: Estimate): string {
  const { left, alone, unknown, elapsedSeconds, rough, slots } = estimate;
  const flops = allFlops(left.price);
  const { trained } = left.price.tokens;
  const toDo = toDoOf(estimate);
  const hours = left.seconds !== null && left.seconds > 0 ? left.seconds : null;
  const dearer = alone.flops > flops * 1.0001;
  // A rough time is no lower bound, whatever else is not in it.
  const least = rough ? 'roughly ' : unknown.length > 0 ? 'at least ' : '';
  const parts = [
    trained === 0 ? '' : `${boundOf(toDo, ({ tokens }) => tokens.trained)}${amount(trained)} tokens`,
    flops === 0
      ? ''
      : `${boundOf(toDo, allFlops)}${operations(flops)} FLOP${hours === null && dearer ? ` (${operations(alone.flops)} without sharing)` : ''}`,
    hours === null
      ? ''
      : `${least}${duration(hours)}${alone.seconds !== null && dearer ? ` (${duration(alone.seconds)} without sharing)` : ''}`,
    hours === null || elapsedSeconds === null ? '' : `${least}${duration(elapsedSeconds)} on ${slotsText(slots)}`,
  ];
  return parts.filter((part) => part !== '').join(' · ');
}

/** What a plan's price is made of, a line for each thing that there is to say. */
export function renderPrice({ estimate, notes }: Pricing, colours: Colours): string {
  const { left, disk } = estimate;
  const toDo = toDoOf(estimate);
  const { trained, generated, scored } = left.price.tokens;
  const kinds = [
    [trained, 'trained', boundOf(toDo, ({ tokens }) => tokens.trained)],
    [generated, 'sampled', boundOf(toDo, ({ tokens }) => tokens.generated)],
    [scored, 'scored', boundOf(toDo, ({ tokens }) => tokens.scored)],
  ] as const;
  const several = generated + scored > 0;
  const tokens = kinds.flatMap(([count, what, most]) => (count === 0 ? [] : [`${most}${amount(count)} ${what}`]));
  const lines: [string, string][] = [
    ['tokens', several ? tokens.join(', ') : ''],
    ['disk', disk.published === 0 ? '' : diskText(disk)],
    ['memory', memoryText(estimate)],
    ['longest', longestText(estimate)],
    ['engines', enginesText(estimate)],
    ['speed', speedText(estimate)],
    ['reused', reusedText(estimate)],
    ['sharing', sharingText(estimate)],
    ['trunks', trunksText(estimate)],
    ...[...roughNote(estimate), ...speedNotes(estimate), ...notes, ...boundNote(estimate)].map(
      (note): [string, string] => ['note', note],
    ),
  ];
  return columns(lines.flatMap(([name, text]) => (text === '' ? [] : [[colours.dim(`  ${name}`), text]])));
}

function tokensOf({ tokens: { trained, scored, generated } }: Price): [count: number, what: string] {
  if (trained > 0) return [trained, 'tokens'];
  return scored > 0 ? [scored, 'tokens scored'] : [generated, 'tokens sampled'];
}

function bound({ exact }: Price): string {
  return exact ? '' : '≤ ';
}

/** Whether a sum over nodes is an upper bound: where one that adds to it is. */
function boundOf(costs: readonly NodeCost[], quantity: (price: Price) => number): string {
  return costs.some(({ price }) => !price.exact && quantity(price) > 0) ? '≤ ' : '';
}

function toDoOf({ nodes }: Estimate): NodeCost[] {
  return nodes.filter(({ part, same }) => part > 0 && same === null);
}

function slotsText(slots: ReadonlyMap<string, number>): string {
  return [...slots].map(([name, count]) => counted(count, `${name} slot`)).join(' and ');
}

function diskText({ published, checkpoints }: Estimate['disk']): string {
  return `${bytes(published)} of models, and at most ${bytes(checkpoints)} of checkpoints while they are trained`;
}

/** `≈ 759 MB, of base@seed=1; ≈ 1.52 GB with 2 cpu slots at work`, for each class. */
function memoryText({ memory, slots }: Estimate): string {
  const texts = memory.map(({ device, largest: { node, memory }, together }) => {
    const peak = memory?.peak ?? 0;
    const count = slots.get(device) ?? 1;
    const most = `≈ ${bytes(peak)}, of ${node.address}`;
    return together > peak ? `${most}; ≈ ${bytes(together)} with ${counted(count, `${device} slot`)} at work` : most;
  });
  return texts.join('; ');
}

function longestText({ critical: { nodes, by, length } }: Estimate): string {
  if (nodes.length < 2 || length === 0) return '';
  const chain = nodes.map(({ address }) => address).join(' → ');
  return by === 'seconds'
    ? `${chain}: ${duration(length)}, however many devices there are`
    : `${chain}: ${operations(length)} FLOP, the most that have to come one after another`;
}

/** `LitGPT 1.90e20 FLOP, 132 h of gpu; Descent 3.20e18 FLOP of cpu`: each engine's part, where another than the built-in trainer has one. */
function enginesText({ engines: works }: Estimate): string {
  if (works.every(({ engine }) => engine === undefined)) return '';
  const texts = works.map(({ engine, device, flops, seconds }) => {
    const amounts = [
      ...(flops > 0 ? [`${operations(flops)} FLOP`] : []),
      ...(seconds !== null && seconds > 0 ? [`${duration(seconds)}`] : []),
    ];
    return amounts.length === 0 ? '' : `${titleOf(engine)} ${amounts.join(', ')} of ${device}`;
  });
  return texts.filter((text) => text !== '').join('; ');
}

function titleOf(engine: Engine | undefined): string {
  return engine === undefined ? 'Descent' : engineEntry(engine).title;
}

/** Where the hours come from: `cpu: as measured in this home (training on text from 41K tokens of a 44K-parameter model)`. */
function speedText({ nodes }: Estimate): string {
  const timed = nodes.filter(({ time, part, same }) => time !== null && time.seconds > 0 && part > 0 && same === null);
  return [...new Set(timed.map(({ device }) => device))]
    .map((device) => {
      const times = timed.filter((cost) => cost.device === device).flatMap(({ time }) => time ?? []);
      const from = [...new Set(times.map((time) => speedNames[time.from]))].sort().join(', else ');
      const by = [...new Set(times.map((time) => measuredText(time.by)))].filter((text) => text !== '');
      return `${device}: ${from}${by.length > 0 ? ` (${by.join('; ')})` : ''}`;
    })
    .join('; ');
}

/** What a time was measured by; nothing of work without a price, which takes what it took. */
function measuredText(by: Measurement | null): string {
  if (by === null || by.tokens === 0) return '';
  return `${nameOf(by.work)} from ${amount(by.tokens)} tokens of a ${amount(by.parameters)}-parameter model`;
}

const speedNames = { measured: 'as measured in this home', stated: 'as stated in temporal.config' };

function reusedText({ done }: Estimate): string {
  if (done.flops === 0) return '';
  const time = done.seconds === null || done.seconds === 0 ? '' : `${duration(done.seconds)}, `;
  return `${time}${operations(done.flops)} FLOP are done already`;
}

function sharingText({ sharing: { models, shared, alone, saved }, alone: { seconds } }: Estimate): string {
  if (saved.flops === 0) return '';
  const each = `to train ${counted(models, 'final model')} each on its own`;
  const share = percent(saved.flops / alone.flops);
  return seconds === null
    ? `${operations(shared.flops)} FLOP of training instead of ${operations(alone.flops)} ${each}: ${share} less`
    : `${duration(shared.seconds)} of training instead of ${duration(alone.seconds)} ${each}: ${share} less FLOP`;
}

function trunksText({ trunks }: Estimate): string {
  if (trunks === null || trunks.saved.flops === 0) return '';
  const { runs, branched, separate, saved } = trunks;
  const share = percent(saved.flops / separate.flops);
  return `${amount(branched.tokens)} tokens for ${counted(runs, 'run')} under wsd instead of ${amount(separate.tokens)} apart, as under cosine: ${share} less FLOP`;
}

function roughNote({ rough }: Estimate): string[] {
  return rough
    ? ['times are rough: some of this is more than ten times larger or smaller than what its speed was measured by']
    : [];
}

function speedNotes({ left, unknown }: Estimate): string[] {
  if (unknown.length === 0) return [];
  const devices = [...new Set(unknown.map(({ device }) => device))];
  if (left.seconds === null) {
    const named = devices.length === 1 ? `the device class ${devices[0]}` : `the device classes ${devices.join(', ')}`;
    return [`no measured speed of ${named} yet, and none stated in temporal.config: no hours`];
  }
  return devices.map((device) => unknownText(device, unknown));
}

function unknownText(device: string, unknown: readonly UnknownWork[]): string {
  const here = unknown.filter((one) => one.device === device);
  const nodes = here.reduce((sum, one) => sum + one.nodes, 0);
  const works = here.map(({ work }) => nameOf(work)).join(', ');
  return `${counted(nodes, 'node')} not in the hours: no measured speed of ${works} on ${device} yet, and none stated`;
}

/** `SFT in bfloat16 by LitGPT`. */
function nameOf(work: Work): string {
  const [kind = '', engine] = work.split(' by ') as [string, Engine?];
  const [done = '', ...precision] = kind.split(/(?= in )/);
  const by = engine === undefined ? '' : ` by ${titleOf(engine)}`;
  return `${workNames[done as keyof typeof workNames]}${precision.join('')}${by}`;
}

const workNames: Record<Exclude<Work, `${string} ${string}`>, string> = {
  data: 'preparing data',
  tokenizer: 'training tokenizers',
  overlap: 'looking for overlaps',
  adopt: 'taking models over',
  text: 'training on text',
  sft: 'SFT',
  dpo: 'DPO',
  rl: 'RL',
  reward: 'training reward models',
  generate: 'generating responses',
  build: 'building data',
  heldout: 'held-out loss',
  cloze: 'scoring choices',
  problems: 'answering problems',
};

function boundNote({ nodes }: Estimate): string[] {
  const bounded = nodes.some(({ price }) => !price.exact);
  return bounded ? ['≤ is an upper bound: how long examples and responses are shows only when they are tokenized'] : [];
}
