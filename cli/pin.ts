import { isReason } from '../planner/checks/accept.ts';
import { findHome } from '../store/home.ts';
import { pinKey, readPins, unpinKey } from '../store/pins.ts';
import { shortKey } from '../words/figures.ts';
import { type Context, type ExitCode, exitCodes } from './context.ts';
import { CommandError } from './failure.ts';
import { findNode } from './find-node.ts';
import { renderPins } from './render/pins.ts';

/** `descent pin [NODE --reason TEXT]`: keeps what the store has of a node from `descent gc`; without a node, lists what is kept. */
export async function pin(
  text: string | undefined,
  options: { reason?: string; json?: true },
  context: Context,
): Promise<ExitCode> {
  const { terminal } = context;
  const home = findHome(context.cwd, context.env);
  if (text === undefined) {
    if (options.reason !== undefined) throw new CommandError('a reason is given, and no node', 'name the node to pin');
    const pins = readPins(home);
    terminal.out(options.json ? JSON.stringify(pins, null, 2) : renderPins(pins));
    return exitCodes.fine;
  }
  const { reason } = options;
  if (reason === undefined || !isReason(reason))
    throw new CommandError(
      reason === undefined
        ? 'a pin has a reason'
        : `${JSON.stringify(reason)} is no reason that somebody else could follow`,
      'say in some words what it is kept for: --reason "the model of the demo in May"',
    );
  const { node } = await findNode(home, text, null);
  const made = await pinKey(home, node.key, node.address, reason);
  terminal.out(
    options.json
      ? JSON.stringify(made, null, 2)
      : `pinned ${node.address} (${shortKey(node.key)}), and not what it was made from`,
  );
  return exitCodes.fine;
}

/** `descent unpin NODE`: lets `descent gc` have a node again. */
export async function unpin(text: string, context: Context): Promise<ExitCode> {
  const home = findHome(context.cwd, context.env);
  const { node } = await findNode(home, text, null);
  if (!(await unpinKey(home, node.key)))
    throw new CommandError(`${node.address} (${shortKey(node.key)}) is not pinned`, '`descent pin` lists what is');
  context.terminal.out(`${node.address} (${shortKey(node.key)}) is no longer pinned`);
  return exitCodes.fine;
}
