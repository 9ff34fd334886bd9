import type { PartVerdict, TakeawayVerdict } from '../../results/verdicts/verdict.ts';
import { partCells } from '../../words/verdicts.ts';
import type { Takeaways as Answer } from '../protocol.ts';
import { lineagePath } from './api.ts';
import { useAsked, WhenAsked } from './asked.tsx';
import { VerdictWord } from './glyphs.tsx';
import { IntervalMark } from './interval.tsx';
import { Scrolled } from './scrolled.tsx';
import { arrivals, choose, lineage, route, view } from './state.ts';

/** Claims with what the results make of them: the file's own, or EvoLM's twelve. */
export function Takeaways() {
  const of = route.value.chosen.of === 'paper' ? 'paper' : 'file';
  const done = view.value?.counts.done;
  const asked = useAsked<Answer>(lineagePath(lineage.value ?? '', `/takeaways?of=${of}`), `${arrivals.value} ${done}`);
  return (
    <>
      <div class="bar-of">
        <h1>Takeaways</h1>
        <fieldset class="choice" aria-label="Whose claims">
          {(['file', 'paper'] as const).map((one) => (
            <button
              key={one}
              type="button"
              aria-pressed={of === one}
              onClick={() => choose({ of: one === 'file' ? null : one })}
            >
              {one === 'file' ? 'of the file' : 'of the EvoLM paper'}
            </button>
          ))}
        </fieldset>
      </div>
      <WhenAsked asked={asked}>
        {({ notices, takeaways }) => (
          <>
            {notices.length > 0 && (
              <ul class="notices">
                {notices.map((notice) => (
                  <li key={notice}>{notice}</li>
                ))}
              </ul>
            )}
            {takeaways.map((takeaway) => (
              <Card key={takeaway.number} takeaway={takeaway} />
            ))}
          </>
        )}
      </WhenAsked>
    </>
  );
}

function Card({
  takeaway: { number, name, claim, verdict, alpha, correction, parts, warnings, missing },
}: {
  takeaway: TakeawayVerdict;
}) {
  const id = `takeaway-${number}`;
  const notes = [...missing.map((one) => `not asked: ${one}`), ...warnings];
  return (
    <article class="card takeaway" aria-labelledby={id}>
      <div class="bar-of">
        <h2 id={id}>
          <span class="soft number">{number}</span> {claim}
        </h2>
        <VerdictWord verdict={verdict} />
      </div>
      {name !== null && <p class="soft">{name}</p>}
      {parts.length > 0 && (
        <Scrolled class="table" label={`What takeaway ${number} is decided by`}>
          <table>
            <caption class="unseen">What takeaway {number} is decided by</caption>
            <thead>
              <tr>
                <th scope="col">part</th>
                <th scope="col">verdict</th>
                <th scope="col" class="number">
                  effect
                </th>
                <td />
                <th scope="col" class="number">
                  interval
                </th>
                <th scope="col" class="number" title={`corrected (${correction}) for all takeaways`}>
                  p
                </th>
                <th scope="col" class="number">
                  seeds
                </th>
                <th scope="col">test</th>
              </tr>
            </thead>
            <tbody>
              {parts.map((part) => (
                <Part key={part.name} part={part} parts={parts} alpha={alpha} />
              ))}
            </tbody>
          </table>
        </Scrolled>
      )}
      {notes.length > 0 && (
        <ul class="notes">
          {notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
    </article>
  );
}

function Part({ part, parts, alpha }: { part: PartVerdict; parts: readonly PartVerdict[]; alpha: number }) {
  const [points = '', effect = '', interval = '', seeds = '', p = ''] = partCells(part, alpha);
  const alike = parts.filter(({ effectOf, metric }) => effectOf === part.effectOf && metric === part.metric);
  return (
    <tr>
      <th scope="row">
        {part.name}
        <div class="soft claimed">{part.claimed}</div>
        {part.said.map((said) => (
          <div key={said} class="soft said">
            {said}
          </div>
        ))}
      </th>
      <td>
        <VerdictWord verdict={part.verdict} />
        {points !== '' && <div class="soft">points {points}</div>}
      </td>
      <td class="number">{effect}</td>
      <td>{part.effectOf !== 'saturation' && <IntervalMark part={part} among={alike} />}</td>
      <td class="number">{interval}</td>
      <td class="number">{p}</td>
      <td class="number">{seeds}</td>
      <td class="soft">{part.test}</td>
    </tr>
  );
}
