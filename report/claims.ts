import type { TakeawayVerdict } from '../results/verdicts/verdict.ts';
import { partCells } from '../words/verdicts.ts';
import { type Block, number, paragraph, type Section, tableOf, text } from './document.ts';

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
  const notes = takeaways.flatMap(({ number: which, missing, parts, warnings }) =>
    [
      ...missing.map((one) => `not asked: ${one}`),
      ...parts.flatMap((part) => part.said.map((said) => `${part.name}: ${said}`)),
      ...warnings,
    ].map((note) => `${which}. ${note}`),
  );
  const listed: Block[] = notes.length > 0 ? [{ kind: 'list', items: notes }] : [];
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
  const [first] = takeaways as [TakeawayVerdict, ...TakeawayVerdict[]];
  return {
    title,
    blocks: [
      tableOf(
        'Claims and their verdicts. With fewer seeds than a claim asks for it is underpowered.',
        [text('takeaway'), text('name'), text('claim'), text('verdict')],
        claims,
      ),
      tableOf(`What each is decided by. p is corrected (${first.correction}) for all of them.`, columns, rows),
      ...listed,
    ],
  };
}
