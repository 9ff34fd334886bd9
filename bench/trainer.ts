import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { findPeer, installPeer, leftOut } from './peers/peer.ts';
import {
  decoded,
  precisions,
  raceDecoding,
  raceProducts,
  raceTraining,
  type Setting,
  sequences,
  writeModel,
} from './trainer/contests.ts';
import { threads } from './trainer/engine.ts';
import { pytorch } from './trainer/pytorch.ts';
import { type Size, sizes } from './trainer/sizes.ts';
import { decodingTable, type Peaks, peakTable, type TrainingRace, trainingTable } from './trainer/tables.ts';

// How fast models are trained and texts written: `npm run bench -- trainer [--peers] [--rounds N] [SIZE ...]`. Descent
// stands beside PyTorch, eager and with torch.compile, and its decoding beside transformers' generate, where they are
// installed: `--peers` installs them. Weights, batches, optimizer and threads are the same. All engines of a race are
// there at once, each in a process of its own, and take turns; figures are medians of the rounds. Compiling is not
// counted, and shown with the first step. "Descent’s speed" says how many times as fast as that engine Descent is, and
// "busy" that other programs ran meanwhile: it is then no measure, for they slow PyTorch down far more than Descent.

const { values, positionals } = parseArgs({
  options: { peers: { type: 'boolean' }, rounds: { type: 'string', default: '9' } },
  allowPositionals: true,
});
const unknown = positionals.find((name) => !sizes.some((size) => size.name === name));
if (unknown !== undefined) {
  refuse(`there is no size ${unknown}`, `one of ${sizes.map(({ name }) => name).join(', ')}`);
} else if (!/^[1-9]\d*$/.test(values.rounds)) {
  refuse(`${values.rounds} is no number of rounds`, '9 where nothing is said');
} else {
  const asked = sizes.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  if (values.peers) await installPeer(pytorch);
  const folder = await mkdtemp(join(tmpdir(), 'descent-bench-'));
  try {
    await report(asked, { rounds: Number(values.rounds), pytorch: await findPeer(pytorch), folder });
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function report(asked: readonly Size[], setting: Setting): Promise<void> {
  print(
    `${threads} threads, median of ${setting.rounds} rounds; training: ${sequences} sequences a batch; decoding: ` +
      `${decoded.sequences} prompts of ${decoded.prompt} tokens, ${decoded.length} written to each`,
  );
  const policy = process.env.OMP_WAIT_POLICY;
  const waiting = policy === undefined ? '' : `, OMP_WAIT_POLICY=${policy}`;
  print(setting.pytorch === undefined ? leftOut(pytorch, 'trainer') : setting.pytorch.found + waiting);

  const [float32, bfloat16] = [await raceProducts(setting, 'float32'), await raceProducts(setting, 'bfloat16')];
  const peaks: Peaks = { float32, bfloat16 };
  print(peakTable(peaks));

  for (const size of asked) {
    const model = await writeModel(setting, size);
    const trainings: TrainingRace[] = [];
    for (const precision of precisions) {
      trainings.push({ precision, raced: await raceTraining(setting, size, model, precision) });
    }
    print(trainingTable(size, trainings, peaks));
    print(decodingTable(size, await raceDecoding(setting, size, model)));
  }
}

function print(text: string): void {
  process.stdout.write(`${text}\n\n`);
}

function refuse(what: string, hint: string): void {
  process.stderr.write(`error: ${what}\n  hint: ${hint}\n`);
  process.exitCode = 1;
}
