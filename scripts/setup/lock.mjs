import { rmSync } from 'node:fs';
import { mkdir, open, readFile, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { onEarlyExit } from './cleanup.mjs';
import { SetupFailure } from './failure.mjs';

const touchEverySeconds = 10;
const staleAfterSeconds = 60;
const giveUpAfterSeconds = 3600;

/**
 * Holds a lock file while `work` runs, so that two set-ups do not do the same work side by side. The file names its
 * owner and is touched while the owner lives; a lock whose owner is dead is taken over. Two that take over the same
 * dead lock in the same instant may both go on: nothing relies on the lock to be correct (folders appear by rename),
 * it only saves work.
 *
 * @template Result
 * @param {string} file
 * @param {(text: string) => void} update told, while waiting, for whom
 * @param {() => Promise<Result>} work
 * @returns {Promise<Result>}
 * @throws {SetupFailure} where a living owner has not let go for an hour
 */
export async function withLock(file, update, work) {
  await acquire(file, update);
  const callOff = onEarlyExit(() => rmSync(file, { force: true }));
  const touching = setInterval(() => {
    const now = new Date();
    utimes(file, now, now).catch(() => undefined); // taken over by another: see above
  }, touchEverySeconds * 1000);
  try {
    return await work();
  } finally {
    clearInterval(touching);
    callOff();
    await rm(file, { force: true });
  }
}

/**
 * @param {string} file
 * @param {(text: string) => void} update
 */
async function acquire(file, update) {
  await mkdir(dirname(file), { recursive: true });
  const deadline = performance.now() + giveUpAfterSeconds * 1000;
  while (!(await create(file))) {
    const owner = await readOwner(file);
    if (owner === undefined) continue; // released in between
    if (owner.dead) {
      await rm(file, { force: true });
    } else if (performance.now() > deadline) {
      throw new SetupFailure(
        `another set-up (process ${owner.pid} on ${owner.host}) has held ${file} for an hour`,
        `end that process, or delete ${file} if it is no set-up of Descent`,
      );
    } else {
      update(`waiting for another set-up (process ${owner.pid} on ${owner.host}) ...`);
      await sleep(200);
    }
  }
}

/** @param {string} file */
async function create(file) {
  try {
    const handle = await open(file, 'wx');
    await handle.writeFile(JSON.stringify({ pid: process.pid, host: hostname() }));
    await handle.close();
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

/** @param {string} file */
async function readOwner(file) {
  try {
    const text = await readFile(file, 'utf8');
    const untouchedSeconds = (Date.now() - (await stat(file)).mtimeMs) / 1000;
    const { pid, host } = text === '' ? { pid: 0, host: 'this machine' } : JSON.parse(text); // empty: being written
    const gone = text !== '' && host === hostname() && !isAlive(pid);
    return { pid, host, dead: gone || untouchedSeconds > staleAfterSeconds };
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    if (error instanceof SyntaxError) return { pid: 0, host: 'unknown', dead: true };
    throw error;
  }
}

/**
 * @param {number} pid
 * @returns {boolean} whether a process of this id exists on this machine
 */
export function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM'; // exists, and belongs to somebody else
  }
}
