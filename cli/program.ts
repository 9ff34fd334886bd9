import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Command } from 'commander';
import type { Context, ExitCode } from './context.ts';
import { addLineageFileVerbs } from './verbs/lineage-files.ts';
import { addMachineVerbs } from './verbs/machines.ts';
import { example } from './verbs/options.ts';
import { addResultVerbs } from './verbs/results.ts';
import { addRunVerbs } from './verbs/runs.ts';
import { addStoreVerbs } from './verbs/store.ts';

/**
 * The command line: every verb with its options, help and example. A verb's own file is loaded when it is called, so
 * that `--help` costs nothing. `finish` gets the verb's exit code. Throws CommanderError after it has printed what is
 * wrong with the command line itself, and for `--help` and `--version`.
 */
export function buildProgram(outer: Context, finish: (exitCode: ExitCode) => void): Command {
  const program = new Command('descent');
  program
    .description(
      'Runs language-model training lineages - pretraining, fine-tuning, RL, preferences, the data that models make for them, and every evaluation - from one YAML file.',
    )
    .version(ownVersion(), '-V, --version', 'print the version')
    .option('--home <folder>', 'where models, results and state are kept (default: DESCENT_HOME, else .descent)')
    .option('--no-color', 'no colours (NO_COLOR works too)')
    .option('--debug', 'show stack traces')
    .helpOption('-h, --help', 'print this help')
    .usage('<verb> [options]')
    .helpCommand(false)
    .configureHelp({ showGlobalOptions: true, subcommandTerm: (command) => command.name() })
    .configureOutput({
      writeOut: outer.terminal.out,
      writeErr: outer.terminal.err,
      outputError: (text, write) => write(text.replace(/^error:/, outer.terminal.errorColours.red('error:'))),
    })
    .exitOverride()
    .addHelpText(
      'after',
      example('descent init my-lineage', 'descent plan my-lineage/lineage.yaml', 'descent run my-lineage/lineage.yaml'),
    );

  /** What a verb is handed: the outer context with the global options applied. */
  const context = (): Context => {
    const { home } = program.opts<{ home?: string }>();
    return home === undefined ? outer : { ...outer, env: { ...outer.env, DESCENT_HOME: resolve(outer.cwd, home) } };
  };

  const calls = { context, finish };
  addLineageFileVerbs(program, calls);
  addRunVerbs(program, calls);
  addResultVerbs(program, calls);
  addStoreVerbs(program, calls);
  addMachineVerbs(program, calls);

  // Commander's own prints the general help for a verb that is not there.
  program
    .command('help')
    .argument('[verb]')
    .description('Print the help of a verb')
    .helpGroup('Help:')
    .action((name?: string) => {
      if (name === undefined) return program.help();
      const verb = program.commands.find((command) => command.name() === name);
      if (verb === undefined) return program.error(`error: unknown command '${name}'\n(descent help lists them)`);
      return verb.help();
    });

  for (const verb of program.commands)
    verb.showHelpAfterError(`usage: descent ${verb.name()} ${verb.usage()}\n(descent help ${verb.name()} says more)`);
  return program;
}

function ownVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
