import type { Client } from '@temporalio/client';
import type { Context } from './context.ts';
import { CommandError } from './failure.ts';
import { hostElsewhere, isAlive, liveHolders, readHostState } from './host-state.ts';
import { connectIfAlive } from './open-lineages.ts';

/**
 * Throws a CommandError while a lineage of this home runs, or may begin to: what it needs or writes must not be taken from
 * under it. `what` is what cannot be done meanwhile, as in `nothing is removed`.
 */
export async function refuseWhileRunning(home: string, what: string, context: Context): Promise<void> {
  for (const { process, lineages } of await liveHolders(home)) {
    if (lineages === 'all') continue;
    throw new CommandError(
      `${what} while a lineage runs: process ${process.pid} follows ${lineages.join(', ')}`,
      'wait until it has ended, or press Ctrl-C there: its checkpoints are saved; then try again',
    );
  }
  const machine = await hostElsewhere(home);
  if (machine !== undefined)
    throw new CommandError(
      `${what} while the Temporal server of ${home} runs on another machine, ${machine}`,
      'wait until it has ended there, or end what uses it; then try again',
    );
  const state = await readHostState(home);
  if (state && (state.state === 'starting' || state.state === 'stopping') && isAlive(state))
    throw new CommandError(`${what} while the server of ${home} is ${state.state}`, 'try again in a moment');
  const connected = await connectIfAlive(home, context);
  try {
    const workflow = connected && (await openWorkflow(connected.client));
    if (workflow !== undefined)
      throw new CommandError(
        `${what} while something runs on Temporal: ${workflow} is open`,
        'wait until it has ended, or end it with `descent cancel`; then try again',
      );
  } finally {
    await connected?.close();
  }
}

/** The id of a workflow of a lineage or a node that has not ended. */
async function openWorkflow(client: Client): Promise<string | undefined> {
  const query = "ExecutionStatus = 'Running' AND WorkflowType IN ('lineageWorkflow', 'nodeWorkflow')";
  for await (const { workflowId } of client.workflow.list({ query })) return workflowId;
  return undefined;
}
