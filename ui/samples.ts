import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { NodeType, PlanNode } from '../planner/plan.ts';
import type { TrainerEvent } from '../schemas/types/event.ts';
import { attemptFolder, attemptNumbers } from '../store/home.ts';
import { askedNode } from './nodes.ts';
import type { Sample } from './protocol.ts';
import { readResults, rowsOf } from './reading.ts';
import { type Route, wholeOf } from './router.ts';
import { sampleOf } from './sample.ts';
import type { Shown } from './shown.ts';

/** Samples that are given where no number is asked for, and at most. */
const samples = { usual: 20, most: 200 };

/** Types of nodes whose trainers tell of samples; of the others nothing need be read. */
const sampling: ReadonlySet<NodeType> = new Set(['rl', 'evaluate']);

const chunkBytes = 256 * 1024;

/** What a model was given and wrote, the newest first. */
export function sampleRoutes(shown: Shown): Route[] {
  return [
    {
      method: 'GET',
      path: '/api/nodes/:key/samples',
      async answer(request): Promise<Sample[]> {
        const { node } = await askedNode(shown, request);
        const before = wholeOf(request.query, 'before', Number.MAX_SAFE_INTEGER, 0, Number.MAX_SAFE_INTEGER);
        const limit = wholeOf(request.query, 'limit', samples.usual, 1, samples.most);
        if (!sampling.has(node.type)) return [];
        const newest = attemptNumbers(shown.home, node.key)[0];
        if (newest !== undefined) {
          const path = join(attemptFolder(shown.home, node.key, newest), 'events.jsonl');
          return await readSamples(path, before, limit, request.signal);
        }
        return await recordedSamples(shown.home, node, before, limit, request.signal);
      },
    },
  ];
}

/**
 * The last samples of a record that begin before a byte, newest first: read from its end, as a record has hundreds of
 * thousands. Left out is what a later start has voided.
 */
export async function readSamples(path: string, before: number, limit: number, signal: AbortSignal): Promise<Sample[]> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (file === undefined) return [];
  try {
    const { size } = await file.stat();
    let counts = await leastResumed(file, before, size);
    const found: Sample[] = [];
    for await (const { at, text } of linesBackwards(file, Math.min(before, size))) {
      if (signal.aborted || found.length >= limit) break;
      if (!/"(sample|started)"/.test(text)) continue;
      const event = eventOf(text);
      if (event?.event === 'started') counts = Math.min(counts, event.resumedFrom ?? -1);
      if (event?.event === 'sample' && event.step <= counts) found.push(sampleOf(event, at));
    }
    return found;
  } finally {
    await file.close();
  }
}

/** The least step that an execution which began at or after a byte goes on from: samples of later steps before it are void. */
async function leastResumed(file: FileHandle, from: number, size: number): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  if (from >= size) return least;
  for await (const { at, text } of linesBackwards(file, size)) {
    if (at < from) break;
    const event = text.includes('"started"') ? eventOf(text) : undefined;
    if (event?.event === 'started') least = Math.min(least, event.resumedFrom ?? -1);
  }
  return least;
}

/** The whole lines of a file that begin before a byte, at which a line begins or the file ends; the last first. */
async function* linesBackwards(file: FileHandle, before: number): AsyncGenerator<{ at: number; text: string }> {
  // The beginning of a line whose end has been read; none before the first line feed, as what is behind it is half a line.
  let rest: Buffer | undefined;
  for (let end = before; end > 0; ) {
    const start = Math.max(0, end - chunkBytes);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(end - start), 0, end - start, start);
    const read = buffer.subarray(0, bytesRead);
    const data: Buffer = rest === undefined ? read : Buffer.concat([read, rest]);
    let stop = rest === undefined ? undefined : data.length;
    for (let feed = data.lastIndexOf(0x0a); feed >= 0; feed = feed === 0 ? -1 : data.lastIndexOf(0x0a, feed - 1)) {
      if (stop !== undefined) yield { at: start + feed + 1, text: data.toString('utf8', feed + 1, stop) };
      stop = feed;
    }
    rest = stop === undefined ? undefined : data.subarray(0, stop);
    end = start;
  }
  if (rest !== undefined) yield { at: 0, text: rest.toString('utf8') };
}

function eventOf(line: string): TrainerEvent | undefined {
  try {
    return JSON.parse(line) as TrainerEvent;
  } catch {
    return undefined;
  }
}

/** Those of a node whose attempts the store no longer has. */
async function recordedSamples(
  home: string,
  node: PlanNode,
  before: number,
  limit: number,
  signal: AbortSignal,
): Promise<Sample[]> {
  const rows = await readResults(
    home,
    [],
    (connection) => rowsOf(connection, recorded, { key: node.key, before, limit }),
    signal,
  );
  return rows.map(([at, step, task, problem, index, prompt, response, answer, expected, correct, why, reward]) => ({
    at: Number(at),
    step: task === 'rollout' ? Number(step) : null,
    task: String(task),
    problem: String(problem),
    index: Number(index),
    prompt: String(prompt),
    response: String(response),
    answer: answer === null ? null : String(answer),
    expected: String(expected),
    right: correct === true,
    why: why === null ? null : String(why),
    reward: reward === null ? null : Number(reward),
  }));
}

const recorded = `
  WITH own AS (
    SELECT row_number() OVER (ORDER BY step, task, problem, sample) AS place, * FROM latest_samples WHERE key = $key
  )
  SELECT place, step, task, problem, sample, prompt, response, answer, expected, correct, why, reward
  FROM own WHERE place < $before ORDER BY place DESC LIMIT $limit`;
