import { useEffect, useState } from 'preact/hooks';
import { counted, figure, whole } from '../../words/figures.ts';
import type { Sample } from '../protocol.ts';
import { ask, nodePath, Refused } from './api.ts';
import { AskedNote, ProblemNote, useAsked } from './asked.tsx';
import { glyphs, Sign } from './glyphs.tsx';
import { arrivals, lineage, onChange, view } from './state.ts';

const pageOf = 10;
/** Of what comes while one looks, this many are kept; the rest can be asked for. */
const mostLive = 50;

/** Whether there are older samples than those that are shown. */
type Older = { state: 'some' | 'none' | 'asked' } | { state: 'refused'; problem: Refused };

/** Responses of a node, the newest first; what it samples while one looks comes on top. */
export function NodeSamples({ nodeKey, version }: { nodeKey: string; version: unknown }) {
  const path = (query: Record<string, string>) =>
    nodePath(lineage.value ?? '', nodeKey, '/samples', { ...query, limit: String(pageOf) });
  const { value, problem } = useAsked<Sample[]>(path({}), `${arrivals.value} ${version}`);
  const [samples, setSamples] = useState<readonly Sample[]>([]);
  const [older, setOlder] = useState<Older>({ state: 'some' });
  useEffect(() => {
    setSamples(value ?? []);
    setOlder({ state: (value?.length ?? 0) < pageOf ? 'none' : 'some' });
  }, [value]);
  useEffect(
    () =>
      onChange((change) => {
        if (change.kind !== 'sample' || view.peek()?.nodes.key[change.node] !== nodeKey) return;
        setSamples((before) => withSample(before, change.sample));
      }),
    [nodeKey],
  );
  if (problem !== null && samples.length === 0) return <AskedNote problem={problem} />;
  if (samples.length === 0) return null;
  const askOlder = async (): Promise<void> => {
    const before = samples.at(-1)?.at ?? 0;
    setOlder({ state: 'asked' });
    try {
      const more = await ask<Sample[]>(path({ before: String(before) }));
      // What came anew meanwhile goes on from its own end.
      setSamples((own) => (own.at(-1)?.at === before ? [...own, ...more] : own));
      setOlder({ state: more.length < pageOf ? 'none' : 'some' });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      setOlder({ state: 'refused', problem: error });
    }
  };
  return (
    <>
      <h3>Samples</h3>
      <ol class="samples" aria-label={counted(samples.length, 'sample')}>
        {samples.map((sample) => (
          <li key={sample.at}>
            <One sample={sample} />
          </li>
        ))}
      </ol>
      {problem !== null && <AskedNote problem={problem} />}
      {older.state === 'refused' && <ProblemNote problem={older.problem} />}
      {older.state !== 'none' && (
        <button type="button" class="link" disabled={older.state === 'asked'} onClick={askOlder}>
          Older samples
        </button>
      )}
    </>
  );
}

function One({
  sample: { step, task, index, prompt, response, answer, expected, right, why, reward },
}: {
  sample: Sample;
}) {
  return (
    <details class="sample">
      <summary>
        <span class={`standing ${right ? 'done' : 'failed'}`}>
          <Sign glyph={right ? glyphs.done : glyphs.failed} />
          {right ? 'right' : 'wrong'}
        </span>
        <span class="line">{lastLine(prompt)}</span>
        <span class="answer">
          {answer ?? 'no answer'}
          {!right && <span class="soft"> ({expected})</span>}
        </span>
      </summary>
      <p class="soft">
        {[
          task,
          step === null ? '' : `step ${whole(step)}`,
          index === 0 ? 'greedy' : `response ${whole(index)}`,
          reward === null ? '' : `reward ${figure(reward)}`,
        ]
          .filter((part) => part !== '')
          .join(', ')}
      </p>
      <h4>Prompt</h4>
      <pre>{prompt}</pre>
      <h4>Response</h4>
      <pre>{response}</pre>
      <p>
        answer <code>{answer ?? 'none'}</code>, expected <code>{expected}</code>
        {why !== null && <span class="soft"> ({why})</span>}
      </p>
    </details>
  );
}

/** What is asked stands last in most prompts, before the word that the response begins after; who asks is no part of it. */
function lastLine(prompt: string): string {
  const lines = prompt.split('\n').filter((line) => line.trim() !== '' && !/^\s*\S+:\s*$/.test(line));
  return (lines.at(-1) ?? prompt).replace(/^\s*(Human|User|Question|Problem|Q):\s*/i, '');
}

function withSample(samples: readonly Sample[], sample: Sample): readonly Sample[] {
  if (samples.some(({ at }) => at === sample.at)) return samples;
  return [sample, ...samples].slice(0, Math.max(mostLive, samples.length));
}
