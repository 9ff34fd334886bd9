import type { TakeawayVerdict } from '../results/verdicts/verdict.ts';
import { partCells } from '../words/verdicts.ts';
import { number, paragraph, type Section, tableOf, text } from './document.ts';

/** What is claimed, and what the results make of it: a row for each part of each takeaway. */
export function claimsSection(takeaways: readonly TakeawayVerdict[]): Section {
  const title = 'Takeaways';
  if (takeaways.length === 0) return { title, blocks: [paragraph('The lineage file declares no takeaways.')] };
  const claims = takeaways.map(({ number: which, name, claim, verdict }) => [
    String(which),
    name ?? '',
    claim,
    verdict,
  ]);
  const rows = takeaways.flatMap(({ number: which, alpha, parts }) =>
    parts.map((part) => [String(which), part.name, part.claimed, part.verdict, ...partCells(part, alpha)]),
  );
  const notes = takeaways.flatMap(({ number: which, missing, parts, warnings }) => [
    ...parts
      .filter(({ said }) => said.length > 0)
      .map(({ name, said }) => [String(which), name, said.join(' \u00b7 ')]),
    ...missing.map((one) => [String(which), '', `not asked: ${one}`]),
    ...warnings.map((one) => [String(which), '', one]),
  ]);
  const columns = [
    text('takeaway'),
    text('part'),
    text('claimed'),
    text('verdict'),
    text('points'),
    number('effect'),
    text('interval'),
    number('seeds'),
    number('p'),
  ];
  const corrections = [...new Set(takeaways.map(({ correction }) => correction))].join(', ');
  return {
    title,
    blocks: [
      tableOf(
        'Claims and their verdicts. With fewer seeds than a claim asks for it is underpowered.',
        [text('takeaway'), text('name'), text('claim'), text('verdict')],
        claims,
      ),
      ...(rows.length > 0
        ? [
            tableOf(
              `What each is decided by. p is corrected for all of them (${corrections}), intervals are not.`,
              columns,
              rows,
            ),
          ]
        : []),
      ...(notes.length > 0
        ? [tableOf('What there is to say of each.', [text('takeaway'), text('part'), text('notes')], notes)]
        : []),
    ],
  };
}
