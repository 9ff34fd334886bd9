import { join } from 'node:path';
import type { PlanNode } from '../planner/plan.ts';
import { readEvents } from '../results/events.ts';
import type { EvaluationEvent, MetricsEvent } from '../schemas/types/event.ts';
import { findArtifact } from '../store/artifact.ts';
import type { Artifact } from '../store/inspect.ts';
import { mainFigures } from '../words/summary.ts';
import type { Figure } from './render/run-event.ts';

/** What a finished node left: its main figures, and how long it took where nothing interrupted it. */
export interface NodeResult {
  figures: Figure[];
  /** Null where it was started more than once. */
  seconds: number | null;
}

/** Reads a finished node's figures from the store: the last loss or reward, the evaluations, the size of a vocabulary. */
export async function readNodeResult(home: string, node: PlanNode): Promise<NodeResult> {
  const artifact = await findArtifact(home, node.key);
  if (artifact === undefined) return { figures: [], seconds: null };
  const { executions, startedAt, finishedAt } = artifact.provenance;
  const seconds = executions === 1 ? (Date.parse(finishedAt) - Date.parse(startedAt)) / 1000 : null;
  return { figures: await figuresOf(node, artifact), seconds };
}

async function figuresOf(node: PlanNode, artifact: Artifact): Promise<Figure[]> {
  switch (node.type) {
    case 'data':
    case 'tokenizer':
    case 'adopt':
    case 'generate':
    case 'build':
      return ['vocab', 'parameters', 'documents', 'problems', 'pairs', 'responses', 'right', 'kept', 'dropped'].flatMap(
        (name) => {
          const value = artifact.facts[name];
          return typeof value === 'number' ? [{ name, value, share: false }] : [];
        },
      );
    case 'overlap':
      return ['exact', 'grams'].flatMap((name) => {
        const value = artifact.facts[name];
        return typeof value === 'number' ? [{ name, value, share: false }] : [];
      });
    case 'pretrain':
    case 'cpt':
    case 'trunk':
    case 'checkpoint':
    case 'sft':
      return lastValues(artifact, 'loss');
    case 'rl':
      return lastValues(artifact, 'reward');
    case 'dpo':
    case 'reward': {
      const { heldoutAccuracy: value } = artifact.facts;
      const judged = typeof value === 'number' ? [{ name: 'held-out accuracy', value, share: true }] : [];
      return [...(await lastValues(artifact, 'loss')), ...judged];
    }
    case 'evaluate':
      return evaluated(artifact);
    default:
      return node satisfies never;
  }
}

async function lastValues(artifact: Artifact, name: string): Promise<Figure[]> {
  let last: MetricsEvent | undefined;
  for await (const lines of readEvents(join(artifact.folder, 'events.jsonl'))) {
    for (const { event } of lines) if (event.event === 'metrics') last = event;
  }
  const value = last?.values[name];
  return value === undefined ? [] : [{ name, value, share: false }];
}

async function evaluated(artifact: Artifact): Promise<Figure[]> {
  const events: EvaluationEvent[] = [];
  for await (const lines of readEvents(join(artifact.folder, 'events.jsonl'))) {
    for (const { event } of lines) if (event.event === 'evaluation') events.push(event);
  }
  return mainFigures(events).map(({ metric, task, value }) =>
    metric === 'loss' ? { name: `loss ${task}`, value, share: false } : { name: metric, value, share: true },
  );
}
