import { type Command, Option } from 'commander';
import type { Calls } from './calls.ts';
import { collect, example } from './options.ts';

/** Verbs of lineage files: what they say, and what would run. */
export function addLineageFileVerbs(program: Command, { context, finish }: Calls): void {
  program.commandsGroup('Lineage files:');

  program
    .command('init')
    .argument('[folder]', 'where to write it', '.')
    .description('Write a commented lineage file to start from')
    .addHelpText('after', example('descent init my-lineage'))
    .action(async (folder) => finish(await (await import('../init.ts')).init(folder, context())));

  program
    .command('validate')
    .argument('<file...>', 'lineage files')
    .description('Check lineage files, and say at which line and column what is wrong')
    .option('--json', 'print the findings as JSON')
    .addHelpText('after', example('descent validate lineage.yaml'))
    .action(async (files, options) =>
      finish(await (await import('../validate.ts')).validate(files, options, context())),
    );

  program
    .command('plan')
    .argument('<file>', 'lineage file')
    .description('Show what would run, and why; nothing is started')
    .option('--json', 'print the plan as JSON')
    .option('--select <selector>', 'only these nodes, for example `rl+` or `seed:2`; may be repeated', collect)
    .option('--force <selector>', 'run these nodes again, though they are done; may be repeated', collect)
    .option('-o, --output <file>', 'write the plan to a JSON file, for `run --plan`')
    .option('--detailed-exitcode', 'exit with 2 when something would run, 0 when nothing would')
    .addHelpText(
      'after',
      example(
        'descent plan lineage.yaml',
        'descent plan lineage.yaml --select stage:mid,seed:2 --select rl',
        'descent plan lineage.yaml --json --detailed-exitcode',
        'descent plan lineage.yaml -o plan.json',
      ),
    )
    .action(async (file, options) => finish(await (await import('../plan.ts')).plan(file, options, context())));

  program
    .command('graph')
    .argument('<file>', 'lineage file')
    .description('Draw what needs what, with its verdicts; nothing is started')
    .addOption(
      new Option('--format <format>', 'a tree to read, or a graph for Mermaid or Graphviz')
        .choices(['text', 'mermaid', 'dot'])
        .default('text'),
    )
    .addOption(new Option('--json', 'print nodes and edges as JSON').conflicts('format'))
    .option('--select <selector>', 'only these nodes, for example `rl+` or `seed:2`; may be repeated', collect)
    .addHelpText(
      'after',
      example(
        'descent graph lineage.yaml',
        'descent graph lineage.yaml --select +rl@seed=2',
        'descent graph lineage.yaml --format dot | dot -Tsvg -o lineage.svg',
      ),
    )
    .action(async (file, options) => finish(await (await import('../graph.ts')).graph(file, options, context())));

  program
    .command('why')
    .argument('<node>', 'address (`mid@replay=10%`) or the beginning of a key')
    .description('Show whether a node would run and what decides it: every change since it was run last, and its key')
    .option('--file <lineage file>', 'the file to look in; without it, the files of the lineages that were run')
    .option('--json', 'print it as JSON')
    .addHelpText('after', example('descent why rl', 'descent why tuned@lr=1e-5 --file lineage.yaml'))
    .action(async (node, options) => finish(await (await import('../why.ts')).why(node, options, context())));

  program
    .command('diff')
    .argument('<a>', 'a node, or a lineage: its name, its file, or a plan')
    .argument('<b>', 'what to compare it with')
    .description('Show where two nodes or two lineages part, and which fields make them differ')
    .option('--json', 'print it as JSON')
    .addHelpText(
      'after',
      example(
        'descent diff mid@replay=0% mid@replay=10%',
        'descent diff old.yaml:rl new.yaml:rl',
        'descent diff quickstart lineage/quickstart.yaml',
      ),
    )
    .action(async (a, b, options) => finish(await (await import('../diff.ts')).diff(a, b, options, context())));
}
