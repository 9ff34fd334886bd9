import { basename } from 'node:path';
import type { Plan } from '../planner/plan.ts';
import { groupBy } from '../results/group-by.ts';
import { counted, figure, whole } from '../words/figures.ts';
import { type Block, heading, number, paragraph, type Section, tableOf, text } from './document.ts';
import { marksReader } from './models.ts';
import type { Attempt, Certificate, ReportRows } from './read.ts';
import { once, standings } from './stages.ts';

/** What whoever reads the rest has to know: what failed or is missing, overlaps, and where figures are not one's own. */
export function warningsSection(
  plan: Plan,
  { attempts, figures, certificates, collapses, sources }: ReportRows,
): Section {
  const standingOf = standings(attempts);
  const nodes = once(plan.nodes);
  const failed = nodes.flatMap((node) => {
    const { standing, latest } = standingOf(node);
    return standing === 'failed' ? [`${node.address} failed (${latest?.failure}): ${latest?.message ?? ''}`] : [];
  });
  const open = nodes.filter((node) => !['done', 'imported', 'failed'].includes(standingOf(node).standing));
  const marksOf = marksReader(plan, figures, collapses);
  const models = [...new Map(figures.map((one) => [one.address, marksOf(one)]))];
  const marked = groupBy(
    models.filter(([, marks]) => marks !== ''),
    ([, marks]) => marks,
  );
  const unknown = figures.filter(({ n }) => n === null).length;
  const warnings = [
    ...failed,
    ...(open.length > 0 && sources.length === 0
      ? [`${counted(open.length, 'node')} of ${whole(nodes.length)} not done yet.`]
      : []),
    ...(unknown > 0 ? [`${counted(unknown, 'figure')} without count and interval, which were not published.`] : []),
    ...[...groupBy(collapses, ({ ancestor }) => ancestor)].map(
      ([ancestor, own]) =>
        `${ancestor} collapsed (${own[0]?.kind}): its figures, and those of what comes after it, are of a model that no longer learned.`,
    ),
    ...[...marked].map(
      ([marks, own]) => `${whole(own.length)} of ${counted(models.length, 'evaluated model')}: ${marks}.`,
    ),
    ...[...new Set(certificates.filter(({ state }) => state === 'failed').map(({ address }) => address))].map(
      (address) => `${address} found more overlaps than may be.`,
    ),
  ];
  const told: Block = warnings.length > 0 ? { kind: 'list', items: warnings } : paragraph('There are none.');
  return { title: 'Warnings', blocks: [told, ...overlaps(certificates)] };
}

function overlaps(certificates: readonly Certificate[]): Block[] {
  if (certificates.length === 0) return [];
  const columns = [
    text('certificate'),
    text('trained on'),
    text('must not hold'),
    number('problems'),
    number('word for word'),
    number('13 words in common'),
    number('common phrases only'),
    text('allowed because'),
  ];
  const rows = certificates.map(({ address, trained, against, problems, exact, grams, common, allowed }) => [
    address,
    trained,
    against,
    ...[problems, exact, grams, common].map(whole),
    allowed ?? '',
  ]);
  const outcome = certificates.some(({ state }) => state === 'failed')
    ? 'Warnings name what is too much'
    : 'None is too much';
  return [heading('Overlaps'), tableOf(`What is trained on beside what is tested. ${outcome}.`, columns, rows)];
}

/** Which plan, made by which programs on which devices, and the key of every node. */
export function provenanceSection(plan: Plan, digest: string, { attempts, sources }: ReportRows): Section {
  const standingOf = standings(attempts);
  const nodes = plan.nodes.flatMap((node) => {
    const { standing, latest } = standingOf(node);
    // Of a publication there is nothing beyond what it reports.
    if (sources.length > 0 && standing === 'not done') return [];
    return [
      [
        node.address,
        node.type,
        node.key.slice(0, 12),
        standing,
        latest ? String(latest.attempt) : '',
        latest?.finished ?? '',
      ],
    ];
  });
  return {
    title: 'Provenance',
    blocks: [
      { kind: 'list', items: [`Lineage: ${plan.lineage}`, `File: ${basename(plan.file)}`, `Plan: ${digest}`] },
      ...engines(attempts),
      ...(sources.length === 0 ? [] : [sourcesTable(sources)]),
      tableOf(
        'Nodes: a key is the digest of all that a node is made of, and tells it from any other by its beginning.',
        [text('address'), text('type'), text('key'), text('standing'), number('attempt'), text('finished')],
        nodes,
      ),
    ],
  };
}

function engines(attempts: readonly Attempt[]): Block[] {
  const ran = attempts.filter(({ engine, state }) => engine !== null && state !== 'imported');
  if (ran.length === 0) return [];
  const rows = [...groupBy(ran, ({ engine, device }) => `${engine}\n${device}`).values()].map((own) => [
    own[0]?.engine ?? '',
    own[0]?.device ?? '',
    whole(own.length),
    whole(own.reduce((sum, { executions }) => sum + executions, 0)),
  ]);
  const columns = [text('trainer'), text('device'), number('attempts'), number('starts')];
  return [tableOf('Programs, with their versions, and the devices that they ran on.', columns, rows)];
}

function sourcesTable(sources: ReportRows['sources']): Block {
  const rows = sources.map(({ source, reading, figures, error }) => [
    source,
    reading,
    whole(figures),
    error === null ? '' : figure(error),
  ]);
  const columns = [text('source'), text('reading'), number('figures'), number('off by at most about')];
  return tableOf('Where the figures were read; what several sources give counts in each.', columns, rows);
}
