import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Done } from '../protocol.ts';
import { lineagePath, post, Refused } from './api.ts';
import { ProblemNote } from './asked.tsx';
import { view } from './state.ts';

/** What can be asked of a lineage that runs. */
type Wish = 'pause' | 'unpause' | 'cancel';

/** What a wish is called, and what it would do, in the words of the command line's help. */
const wishes: Readonly<Record<Wish, { name: string; question: string; told: string }>> = {
  pause: {
    name: 'Pause',
    question: 'Pause the lineage?',
    told: 'Trainers save a checkpoint and free their devices. Nothing is lost, and nothing new starts until it goes on.',
  },
  unpause: { name: 'Go on', question: 'Go on with the lineage?', told: 'Trainers go on from their checkpoints.' },
  cancel: {
    name: 'Cancel',
    question: 'Cancel the lineage?',
    told: 'Trainers that no other lineage needs save a checkpoint and end. What is done stays, and `descent run` goes on from there.',
  },
};

/** How what was asked last stands. */
interface State {
  pending: boolean;
  problem: Refused | null;
}

const idle: State = { pending: false, problem: null };

/** Buttons of what can be asked now, and the way to Temporal's own page. */
export function Actions() {
  const now = view.value;
  const [asked, setAsked] = useState<Wish | null>(null);
  const [state, setState] = useState<State>(idle);
  if (now === null) return null;
  const { lineage } = now;
  const grant = async (wish: Wish): Promise<void> => {
    setState({ pending: true, problem: null });
    try {
      await post<Done>(lineagePath(lineage, `/${wish}`), {});
      setState(idle);
      setAsked((other) => (other === wish ? null : other));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      setState({ pending: false, problem: error });
      // Also where the question was left while it was under way.
      setAsked(wish);
    }
  };
  const ask = (wish: Wish): void => {
    if (!state.pending) setState(idle);
    setAsked(wish);
  };
  const possible: Wish[] = now.running ? [now.paused ? 'unpause' : 'pause', 'cancel'] : [];
  return (
    <div class="actions">
      {now.temporal !== null && (
        <a href={now.temporal} target="_blank" rel="noreferrer">
          Temporal<span class="unseen"> (in a new tab)</span>
          <span aria-hidden="true"> ↗</span>
        </a>
      )}
      {possible.map((wish) => (
        <button key={wish} type="button" class={wish} onClick={() => ask(wish)}>
          {wishes[wish].name}
        </button>
      ))}
      {asked !== null && (
        <Confirmation
          key={asked}
          lineage={lineage}
          wish={asked}
          state={state}
          grant={() => grant(asked)}
          close={() => setAsked(null)}
        />
      )}
    </div>
  );
}

interface ConfirmationProps {
  lineage: string;
  wish: Wish;
  state: State;
  grant: () => void;
  close: () => void;
}

function Confirmation({ lineage, wish, state, grant, close }: ConfirmationProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => dialog.current?.showModal(), []);
  const { name, question, told } = wishes[wish];
  return (
    <dialog ref={dialog} onClose={close} aria-labelledby="question" aria-describedby="told">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          grant();
        }}
      >
        <h2 id="question">{question}</h2>
        <p>
          <strong>{lineage}</strong>
        </p>
        <p id="told">{told}</p>
        {state.problem !== null && <ProblemNote problem={state.problem} />}
        <div class="buttons">
          <button type="button" onClick={() => dialog.current?.close()}>
            Leave it
          </button>
          <button type="submit" class="main" disabled={state.pending}>
            {state.pending ? 'Asking …' : name}
          </button>
        </div>
      </form>
    </dialog>
  );
}
