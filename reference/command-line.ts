import { readFileSync } from 'node:fs';
import type { Argument, Command, Option } from 'commander';
import { exitCodeMeanings, exitCodes } from '../cli/context.ts';
import { buildProgram } from '../cli/program.ts';
import { openTerminal } from '../cli/render/terminal.ts';
import { code, page, table } from './markdown.ts';

/** The page of every verb: its arguments, options and examples, as the program itself has them, and the exit codes. */
export function commandLinePage(): string {
  const said: string[] = [];
  const terminal = { ...openTerminal('never', {}), out: (text: string) => said.push(text) };
  const program = buildProgram({ terminal, cwd: '/', env: {}, debug: false }, () => {});
  const helpOf = (verb: Command) => {
    said.length = 0;
    verb.outputHelp();
    return said.join('');
  };
  const guide = readFileSync(new URL('../../docs/command-line.md', import.meta.url), 'utf8');
  const intro =
    'What `descent <verb>` takes; `descent help <verb>` prints the same. [The command line](../command-line.md) tells what each does.';
  return page('The command line, verb by verb', intro, [
    `## Exit codes\n\n${table(
      ['code', 'meaning'],
      Object.entries(exitCodes).map(([name, exitCode]) => [
        String(exitCode),
        exitCodeMeanings[name as keyof typeof exitCodes],
      ]),
    )}`,
    `## For all verbs\n\n${optionTable(program.options)}`,
    ...program.commands.map((verb) => tell(verb, helpOf(verb), guide.includes(`\n## ${verb.name()}\n`))),
  ]);
}

function tell(verb: Command, help: string, isInGuide: boolean): string {
  const usage = `descent ${verb.name()} ${verb.usage()}`;
  const [, examples = ''] = /\nExamples?:\n([\s\S]*)$/.exec(help) ?? [];
  const lines = [...examples.matchAll(/^ {2}\$ (.*)$/gm)].map(([, line]) => line);
  return [
    `## ${verb.name()}`,
    `${verb.description()}.${isInGuide ? ` [What it does](../command-line.md#${verb.name()}).` : ''}`,
    fenced([usage]),
    verb.registeredArguments.length === 0
      ? ''
      : table(
          ['argument', 'default', ''],
          verb.registeredArguments.map((argument) => argumentRow(argument)),
        ),
    verb.options.length === 0 ? '' : optionTable(verb.options),
    lines.length === 0 ? '' : fenced(lines),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function argumentRow(argument: Argument): string[] {
  const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
  const preset = argument.defaultValue === undefined ? '' : code(String(argument.defaultValue));
  return [code(name), argument.required ? 'required' : preset, argument.description];
}

function optionTable(options: readonly Option[]): string {
  return table(
    ['option', 'one of', 'default', ''],
    options.map((option) => [
      code(option.flags),
      (option.argChoices ?? []).map(code).join(', '),
      option.mandatory ? 'required' : typeof option.defaultValue === 'string' ? code(option.defaultValue) : '',
      option.description,
    ]),
  );
}

function fenced(lines: readonly (string | undefined)[]): string {
  return `\`\`\`\n${lines.join('\n')}\n\`\`\``;
}
