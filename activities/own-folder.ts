/** What activities make themselves, without a trainer: in a folder of the execution's own until all of it is there. */
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Attempt } from '../store/attempt.ts';
import { fenced, holdsLease } from '../store/lease.ts';

/**
 * Has an attempt's `model/` made, as `model/` in a folder of this execution's own, and puts it in its place when it is whole.
 * The folder is that of the execution before it, with all that this one had got, so that it is gone on with; once the model
 * is in its place, what else is in it is removed. `make` gives up when its signal is aborted: by the caller's, or because
 * another execution has taken the lease.
 *
 * @throws FencedError when another execution has the lease, and `model/` is left to that one; what `make` throws
 */
export async function makeModel<Made>(
  attempt: Attempt,
  outside: AbortSignal,
  make: (own: string, signal: AbortSignal) => Promise<Made>,
): Promise<Made> {
  const losing = new AbortController();
  const checkLease = (): void => {
    if (!holdsLease(attempt.leasePath, attempt.token)) throw fenced(attempt.folder);
  };
  const watching = setInterval(() => {
    if (!holdsLease(attempt.leasePath, attempt.token)) losing.abort(fenced(attempt.folder));
  }, lookEveryMs);
  try {
    const own = await takeOver(attempt, checkLease);
    const made = await make(own, AbortSignal.any([outside, losing.signal]));
    const model = join(attempt.folder, 'model');
    checkLease();
    await rm(model, { recursive: true, force: true });
    await rename(join(own, 'model'), model);
    await rm(own, { recursive: true, force: true });
    return made;
  } catch (error) {
    // What failed may be that who took over has the folder now.
    checkLease();
    throw error;
  } finally {
    clearInterval(watching);
  }
}

/** How often it is looked whether the lease is still held. */
const lookEveryMs = 1000;

/** How the folders of executions end. The store takes what ends in `.tmp` for no part of an artifact. */
const incoming = '.incoming.tmp';

/**
 * This execution's own folder, with what the one before it had got. The lease is asked when the others' folders have been
 * listed: what is listed then is of executions that this one has replaced, and never the other way round.
 */
async function takeOver({ folder, token }: Attempt, checkLease: () => void): Promise<string> {
  const own = join(folder, `${token}${incoming}`);
  const others = (await readdir(folder)).filter((name) => name.endsWith(incoming));
  checkLease();
  for (const [at, name] of others.entries()) {
    if (at === 0) await rename(join(folder, name), own);
    else await rm(join(folder, name), { recursive: true, force: true });
  }
  await mkdir(own, { recursive: true });
  return own;
}
