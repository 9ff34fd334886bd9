import { type Command, Option } from 'commander';
import type { Calls } from './calls.ts';
import { example, portNumber } from './options.ts';

/** Verbs of machines: what is there, and what keeps running. */
export function addMachineVerbs(program: Command, { context, finish }: Calls): void {
  program.commandsGroup('Machines:');

  program
    .command('doctor')
    .description('Check what Descent needs on this machine, with a remedy for what is missing')
    .option('--gpu', 'train on the GPU: compare with the CPU, repeat to the byte, measure the speed (minutes)')
    .option('--json', 'print the checks as JSON')
    .addHelpText('after', example('descent doctor', 'descent doctor --gpu'))
    .action(async (options) => finish(await (await import('../health.ts')).health(options, context())));

  program
    .command('up')
    .description('Keep the server and a worker running until Ctrl-C')
    .addOption(
      new Option('--metrics-port <port>', 'metrics of Temporal for Prometheus, on this port of 127.0.0.1').argParser(
        portNumber,
      ),
    )
    .addHelpText('after', example('descent up'))
    .action(async (options) => finish(await (await import('../up.ts')).up(options, context())));

  program
    .command('worker')
    .description('Run one worker on a queue, with the Temporal that is configured')
    .usage('--queue <class> [options]')
    .requiredOption('--queue <class>', 'device class: cpu, gpu, or one of temporal.config')
    .addOption(
      new Option('--metrics-port <port>', 'metrics of Temporal for Prometheus, on this port of 127.0.0.1').argParser(
        portNumber,
      ),
    )
    .addHelpText('after', example('descent worker --queue gpu'))
    .action(async (options) => finish(await (await import('../serve.ts')).serve(options, context())));
}
