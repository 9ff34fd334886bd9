import { spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { onEarlyExit } from './cleanup.mjs';

/**
 * Runs a program to its end, without a shell, so that paths may contain anything.
 *
 * @param {string} program
 * @param {string[]} args
 * @param {{cwd?: string, env?: NodeJS.ProcessEnv, timeoutSeconds: number}} options the process is killed after
 *   `timeoutSeconds`
 * @returns {Promise<{status: number | undefined, stdout: string, stderr: string, timedOut: boolean}>} `status` is
 *   undefined where the program could not be started or was ended by a signal
 */
export function run(program, args, { cwd, env = process.env, timeoutSeconds }) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const callOff = onEarlyExit(() => child.kill());
    let stdout = '';
    let stderr = '';
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, timeoutSeconds * 1000);
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text;
    });
    child.on('error', (error) => {
      clearTimeout(timer);
      callOff();
      resolve({ status: undefined, stdout, stderr: stderr + error.message, timedOut });
    });
    child.on('close', (status) => {
      clearTimeout(timer);
      callOff();
      resolve({ status: status ?? undefined, stdout, stderr, timedOut });
    });
  });
}

/**
 * @param {string} program a bare name
 * @returns {string | undefined} the path of the first executable file of that name on PATH
 */
export function onPath(program) {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, program))
    .find(isExecutableFile);
}

/** @param {string} path */
function isExecutableFile(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false; // absent, or not for us: the search goes on
  }
}
