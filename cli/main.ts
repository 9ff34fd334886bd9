#!/usr/bin/env node
import { subscribe } from 'node:diagnostics_channel';
import process from 'node:process';
import { CommanderError } from 'commander';
import { databaseWaits } from '../results/waits.ts';
import { type ExitCode, exitCodes } from './context.ts';
import { describeFailure, failureReport } from './failure.ts';
import { buildProgram } from './program.ts';
import { flushTerminal, openTerminal } from './render/terminal.ts';

/** Runs one command line and ends the process with its exit code; nothing may keep it alive after its verb is done. */
async function main(): Promise<void> {
  const [debug, json] = ['--debug', '--json'].map((option) => process.argv.includes(option)) as [boolean, boolean];
  const terminal = openTerminal(process.argv.includes('--no-color') ? 'never' : 'auto', process.env);
  const fail = (error: unknown): ExitCode => {
    const { text, exitCode } = describeFailure(error, terminal.errorColours, debug);
    terminal.err(text);
    if (json) terminal.out(JSON.stringify(failureReport(error)));
    return exitCode;
  };
  let uncaught = 0;
  const end = async (exitCode: number): Promise<never> => {
    await flushTerminal();
    process.exit(uncaught > 0 ? exitCodes.error : exitCode);
  };
  process.on('uncaughtException', (error) => {
    uncaught += 1;
    // What fails while a failure is told cannot be told either.
    if (uncaught > 1) process.exit(exitCodes.error);
    void end(fail(error));
  });
  subscribe(databaseWaits, (sentence) => terminal.err(String(sentence)));

  let exitCode: ExitCode = exitCodes.fine;
  const program = buildProgram({ terminal, cwd: process.cwd(), env: process.env, debug }, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(process.argv);
  } catch (error) {
    // Commander has printed its own message by now.
    if (error instanceof CommanderError) return end(error.exitCode === 0 ? exitCodes.fine : exitCodes.error);
    return end(fail(error));
  }
  return end(exitCode);
}

await main();
