import { signal } from '@preact/signals';

/** A browser opens six connections to a server, for all of its tabs together: one that nobody looks at gives its own back after this. */
const outOfSightMs = 5000;

/** Whether somebody sees the page, or did a moment ago. */
export const isSeen = signal(true);

let leaving: ReturnType<typeof setTimeout> | undefined;

function look(): void {
  clearTimeout(leaving);
  if (!document.hidden) isSeen.value = true;
  else
    leaving = setTimeout(() => {
      isSeen.value = false;
    }, outOfSightMs);
}

document.addEventListener('visibilitychange', look);
look();
