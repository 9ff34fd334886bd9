import process from 'node:process';
import { createLogUpdate } from 'log-update';
import { bytes, duration } from '../../words/figures.ts';
import type { Terminal } from './terminal.ts';

/** Tells how far long work has come, by bytes, on standard error. */
export interface ByteProgress {
  add(bytes: number): void;
  /** Takes the view away. */
  close(): void;
}

/** Seconds between two lines where nothing can be redrawn. */
const linesEvery = 10;
const framesPerSecond = 5;
const barWidth = 20;

/** A bar that is redrawn on a terminal, elsewhere a line every ten seconds. `clock` gives seconds. */
export function byteProgress(terminal: Terminal, total: number, clock: () => number): ByteProgress {
  const begun = clock();
  let done = 0;
  const text = (): string => {
    const passed = clock() - begun;
    const left = done > 0 ? ` · ${duration(Math.ceil((passed * (total - done)) / done))} left` : '';
    return `${bytes(done)} of ${bytes(total)} read${left}`;
  };
  if (!terminal.interactive) {
    const timer = setInterval(() => terminal.err(text()), linesEvery * 1000);
    return { add: (size) => (done += size), close: () => clearInterval(timer) };
  }
  const { cyan, dim } = terminal.errorColours;
  const update = createLogUpdate(process.stderr);
  const draw = (): void => {
    const full = total > 0 ? Math.min(barWidth, Math.round((done / total) * barWidth)) : barWidth;
    update(`${cyan('━'.repeat(full))}${dim('─'.repeat(barWidth - full))} ${text()}`);
  };
  const timer = setInterval(draw, 1000 / framesPerSecond);
  return {
    add: (size) => (done += size),
    close: () => {
      clearInterval(timer);
      update.clear();
      update.done();
    },
  };
}
