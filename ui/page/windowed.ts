import type { RefObject } from 'preact';
import { useLayoutEffect, useState } from 'preact/hooks';

/** Rows of equal height of which only those that are seen, and some around them, are in the page. */
export interface Windowed {
  /** Of the rows to draw the first, and the one after the last. */
  first: number;
  end: number;
  /** Scrolls as far as needed to see a row. */
  reveal(row: number): void;
}

/** Rows drawn before and after those that are seen, so that a quick hand sees no gaps. */
const around = 8;

/** Rows are added by so many at once: a page that scrolls is not drawn anew for each of them. */
const atOnce = 4;

/** Rows of `rowHeight` pixels in the scrolling element of `ref`, below `before` pixels that stay in sight. */
export function useWindowed(
  ref: RefObject<HTMLElement | null>,
  count: number,
  rowHeight: number,
  before = 0,
): Windowed {
  const [seen, setSeen] = useState({ first: 0, end: 40 });
  useLayoutEffect(() => {
    const element = ref.current;
    if (element === null) return;
    const look = (): void => {
      const top = element.scrollTop / rowHeight;
      const first = Math.max(0, Math.floor((top - around) / atOnce) * atOnce);
      const end = Math.ceil((top + element.clientHeight / rowHeight + around) / atOnce) * atOnce;
      setSeen((old) => (old.first === first && old.end === end ? old : { first, end }));
    };
    look();
    const sizes = new ResizeObserver(look);
    sizes.observe(element);
    element.addEventListener('scroll', look, { passive: true });
    return () => {
      sizes.disconnect();
      element.removeEventListener('scroll', look);
    };
  }, [ref, rowHeight]);
  const end = Math.min(count, seen.end);
  return {
    first: Math.min(seen.first, end),
    end,
    reveal(row) {
      const element = ref.current;
      if (element === null) return;
      const top = row * rowHeight;
      const last = top + rowHeight + before - element.clientHeight;
      element.scrollTop = Math.max(last, Math.min(top, element.scrollTop));
    },
  };
}
