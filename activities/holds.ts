import {
  type Client,
  type WorkflowExecutionDescription,
  type WorkflowHandle,
  WorkflowNotFoundError,
} from '@temporalio/client';
import { defineSearchAttributeKey, type SearchAttributePair, SearchAttributeType } from '@temporalio/common';
import type { PlanNode } from '../planner/plan.ts';
import { judgeAlone, type VerdictWord, verdictWord } from '../planner/verdict.ts';
import { inspectNode } from '../store/artifact.ts';
import { cutToBytes, widest } from '../workflows/details.ts';
import {
  holdSignal,
  type NodeInput,
  type NodeWorkflow,
  nodesFinishedSignal,
  type RunSettings,
  releaseSignal,
} from '../workflows/messages.ts';
import { nodeWorkflowId, type searchAttributeTypes } from '../workflows/names.ts';
import { codeDigest, codeMemo } from './code.ts';
import { gatherEnds } from './gather.ts';
import { deviceOf, priorityOf } from './pages.ts';
import type { PlanReader } from './plans.ts';

/** Nodes that a lineage asks for or lets go of at once. */
export interface HeldNodes {
  planDigest: string;
  indexes: number[];
  /** Id of the lineage's workflow. */
  lineage: string;
}

/** Nodes that a lineage asks for. */
export interface RequestedNodes extends HeldNodes {
  settings: RunSettings;
  /** Whether only those are asked for whose workflow has ended, or is not there. */
  unlessRunning: boolean;
}

/**
 * The search attributes of a workflow that works for a lineage, and what the plan said of it when it was started; of a
 * node's, with what it trains.
 */
export function searchAttributes(lineage: string, verdict: VerdictWord, node?: PlanNode): SearchAttributePair[] {
  const keyword = (name: keyof typeof searchAttributeTypes, value: string): SearchAttributePair => ({
    key: defineSearchAttributeKey(name, SearchAttributeType.KEYWORD),
    value,
  });
  const every = [keyword('LineageId', lineage), keyword('Verdict', verdict)];
  if (node === undefined) return every;
  const seed = { key: defineSearchAttributeKey('Seed', SearchAttributeType.INT), value: node.seed };
  return [...every, keyword('Stage', node.stage), keyword('NodeKey', node.key), seed];
}

/**
 * The activities that ask for training nodes and let go of them. They go through a client and not through child
 * workflows: a child that runs already cannot be joined, and ends with its parent.
 */
export function holdActivities(home: string, plans: PlanReader, client: () => Client) {
  const verdictNow = (node: PlanNode) => verdictWord(judgeAlone(node, inspectNode(home, node.key, node.attempt)));
  return {
    /**
     * Starts the workflow of each node, or joins it where it runs. Doing it again changes nothing, but for two events in the
     * history of each that runs: with `unlessRunning` those are left alone.
     */
    async requestNodes({ planDigest, indexes, lineage, settings, unlessRunning }: RequestedNodes): Promise<void> {
      await Promise.all(
        indexes.map(async (index) => {
          const node = await plans.node(planDigest, index);
          if (unlessRunning && (await isRunningWorkflow(client().workflow.getHandle(nodeWorkflowId(node))))) return;
          const input: NodeInput = {
            planDigest,
            index,
            address: node.address,
            device: deviceOf(node, settings.device),
            timeoutSeconds: node.placement.timeoutSeconds,
            priority: priorityOf(node),
            settings,
          };
          await client().workflow.signalWithStart<NodeWorkflow, [{ lineage: string; index: number }]>('nodeWorkflow', {
            workflowId: nodeWorkflowId(node),
            taskQueue: settings.queue,
            args: [input],
            signal: holdSignal,
            signalArgs: [{ lineage, index }],
            memo: { [codeMemo]: codeDigest() },
            staticSummary: cutToBytes(node.address, widest.summary),
            staticDetails: details(node),
            ...(settings.searchAttributes
              ? { typedSearchAttributes: searchAttributes(lineage, verdictNow(node), node) }
              : {}),
          });
        }),
      );
    },

    /** Takes a lineage's holds back. A node that has ended needs none. */
    async releaseNodes({ planDigest, indexes, lineage }: HeldNodes): Promise<void> {
      await Promise.all(
        indexes.map(async (index) => {
          const node = await plans.node(planDigest, index);
          try {
            await client().workflow.getHandle(nodeWorkflowId(node)).signal(releaseSignal, { lineage });
          } catch (error) {
            if (!(error instanceof WorkflowNotFoundError)) throw error;
          }
        }),
      );
    },

    /** Tells a lineage that a node it holds has ended. One that has ended itself needs no telling. */
    tellLineage: gatherEnds(async (lineage, ends) => {
      try {
        await client().workflow.getHandle(lineage).signal(nodesFinishedSignal, ends);
      } catch (error) {
        if (!(error instanceof WorkflowNotFoundError)) throw error;
      }
    }),

    /** Which of these lineages no longer run: a lineage that was terminated could not let go of its nodes. */
    async endedLineages(lineages: string[]): Promise<string[]> {
      const running = await Promise.all(
        lineages.map((lineage) => isRunningWorkflow(client().workflow.getHandle(lineage))),
      );
      return lineages.filter((_, at) => !running[at]);
    },
  };
}

/** Whether a workflow is there and has not ended. */
export async function isRunningWorkflow(handle: Pick<WorkflowHandle, 'describe'>): Promise<boolean> {
  return (await describeRunning(handle)) !== undefined;
}

/**
 * What the server says of a workflow that has not ended; undefined of any other. One that an operator has paused on the
 * server will go on.
 */
export async function describeRunning(
  handle: Pick<WorkflowHandle, 'describe'>,
): Promise<WorkflowExecutionDescription | undefined> {
  try {
    const description = await handle.describe();
    const { name } = description.status;
    return name === 'RUNNING' || name === 'PAUSED' ? description : undefined;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

function details(node: PlanNode): string {
  const settings = Object.entries(node.settings).map(([name, value]) => `| ${name} | ${value} |`);
  const lines = [`**${node.address}** \`${node.key}\``, '', '| setting | value |', '|---|---|', ...settings];
  return cutToBytes(lines.join('\n'), widest.details);
}
