import { type Command, Option } from 'commander';
import type { Calls } from './calls.ts';
import { collect, example, portNumber, wholeNumber } from './options.ts';

/** Verbs of runs: what starts, shows and ends them. */
export function addRunVerbs(program: Command, { context, finish }: Calls): void {
  program.commandsGroup('Runs:');

  program
    .command('run')
    .argument('[file]', 'lineage file')
    .description(
      'Run what is not done yet, follow it, and show what came out; Ctrl-C saves and stops, and `run` goes on',
    )
    .option('--device <class>', 'where stages with `device: auto` run: cpu, gpu, or a class of temporal.config')
    .addOption(new Option('--plain', 'lines instead of a live view').conflicts('json'))
    .option('--json', 'one JSON object a line for each thing that happens')
    .option(
      '--select <selector>',
      'run these nodes and what they need, and nothing else of the file, for example `rl/id` or `seed:2`; may be repeated',
      collect,
    )
    .option('--force <selector>', 'run these nodes again, though they are done; may be repeated', collect)
    .option('--plan <file>', 'in place of a lineage file: run exactly what `plan -o` wrote, or refuse')
    .addOption(
      new Option('--metrics-port <port>', 'metrics of Temporal for Prometheus, on this port of 127.0.0.1').argParser(
        portNumber,
      ),
    )
    .option(
      '--ui',
      'serve the page of `descent ui` for as long as it runs (default: where a terminal shows the live view)',
    )
    .option('--no-ui', 'do not serve it')
    .option(
      '--smoke',
      'everything at toy size, in a home of its own: the same steps in minutes, to see that each works before the lineage itself is run',
    )
    .option('--fail-fast', 'end at the first node that fails; without it, all goes on that does not need it')
    .addHelpText(
      'after',
      example(
        'descent run lineage.yaml',
        'descent run lineage.yaml --smoke',
        'descent run lineage.yaml --device gpu --plain',
        'descent run lineage.yaml --select tuned@seed=2',
        'descent run lineage.yaml --force base@seed=1',
        'descent run --plan plan.json',
      ),
    )
    .action(async (file, options) => finish(await (await import('../run.ts')).run(file, options, context())));

  program
    .command('status')
    .argument('[lineage]', 'name of a lineage; without it, every lineage of this home')
    .description('Show what is running and what is finished')
    .option('-w, --watch', 'show it again whenever it changes, until nothing runs any more')
    .option('--json', 'print it as JSON')
    .addHelpText('after', example('descent status', 'descent status quickstart', 'descent status quickstart -w'))
    .action(async (lineage, options) =>
      finish(await (await import('../status.ts')).status(lineage, options, context())),
    );

  program
    .command('logs')
    .argument('<node>', 'address (`mid@replay=10%`) or the beginning of a key')
    .description('Show what the trainer of a node said, a line an event, and what it wrote on standard error')
    .option('-f, --follow', 'go on until the node is done or has failed')
    .addOption(new Option('-n, --lines <number>', 'only the last lines of what is there').argParser(wholeNumber))
    .addOption(new Option('--attempt <number>', 'another attempt than the newest').argParser(wholeNumber))
    .option('--lineage <name>', 'the lineage to look in, where several know the address')
    .option('--json', 'print the events as they are, one JSON object a line')
    .addHelpText('after', example('descent logs rl', 'descent logs mid@replay=10% -f -n 20'))
    .action(async (node, options) => finish(await (await import('../logs.ts')).logs(node, options, context())));

  program
    .command('cancel')
    .argument('[subject]', 'a lineage or a training node that runs; without it, the one lineage that does')
    .description('End a lineage or a training: checkpoints are saved, and `descent run` goes on from them')
    .addHelpText('after', example('descent cancel quickstart', 'descent cancel mid@replay=10%'))
    .action(async (subject) => finish(await (await import('../control.ts')).cancel(subject, context())));

  program
    .command('pause')
    .argument('[subject]', 'a lineage or a training node that runs; without it, the one lineage that does')
    .description('Save checkpoints and free the devices, until `unpause`')
    .addHelpText('after', example('descent pause quickstart', 'descent pause mid@replay=10%'))
    .action(async (subject) => finish(await (await import('../control.ts')).pause(subject, context())));

  program
    .command('unpause')
    .argument('[subject]', 'a lineage or a training node that was paused; without it, the one lineage that runs')
    .description('Go on with what was paused, from its newest checkpoints')
    .addHelpText('after', example('descent unpause quickstart'))
    .action(async (subject) => finish(await (await import('../control.ts')).unpause(subject, context())));
}
