// Loaded into a process before its program (`node --import`): its clock is the machine's plus what the file CHAOS_CLOCK
// says, in milliseconds, looked at five times a second.
import { readFileSync } from 'node:fs';

const file = process.env.CHAOS_CLOCK;
let shift = 0;

if (file !== undefined) {
  const look = (): void => {
    try {
      shift = Number(readFileSync(file, 'utf8'));
    } catch {
      // Written at this moment, or gone with its folder: the clock goes on as it was.
    }
  };
  look();
  setInterval(look, 200).unref();
  const Real = Date;
  globalThis.Date = class extends Real {
    constructor(...args: [] | ConstructorParameters<typeof Date>) {
      if (args.length === 0) super(Real.now() + shift);
      else super(...args);
    }
    static override now(): number {
      return Real.now() + shift;
    }
  } as typeof Date;
}
