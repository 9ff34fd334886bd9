import { elementScroll, observeElementOffset, observeElementRect, Virtualizer, type VirtualItem } from '@tanstack/virtual-core';
import type { RefObject } from 'preact';
import { useLayoutEffect, useReducer, useState } from 'preact/hooks';

/** Rows of equal height of which only those that are seen are in the page. */
export interface Windowed {
  /** The rows to draw, each with where it starts. */
  rows: VirtualItem[];
  /** Height of all of them, in pixels. */
  height: number;
  /** Scrolls as far as needed to see a row. */
  reveal(row: number): void;
}

/** Rows of `rowHeight` pixels in the scrolling element of `ref`; `before` is what stands above them in it. */
export function useWindowed(ref: RefObject<HTMLElement | null>, count: number, rowHeight: number, before = 0): Windowed {
  const [, redraw] = useReducer((times: number) => times + 1, 0);
  const options = {
    count,
    getScrollElement: () => ref.current,
    estimateSize: () => rowHeight,
    overscan: 8,
    paddingStart: before,
    scrollPaddingStart: before,
    initialRect: { width: 0, height: 600 },
    scrollToFn: elementScroll,
    observeElementRect,
    observeElementOffset,
    onChange: () => redraw(undefined),
  };
  const [virtualizer] = useState(() => new Virtualizer<HTMLElement, HTMLElement>(options));
  virtualizer.setOptions(options);
  useLayoutEffect(() => virtualizer._didMount(), [virtualizer]);
  useLayoutEffect(() => virtualizer._willUpdate());
  return {
    rows: virtualizer.getVirtualItems(),
    height: virtualizer.getTotalSize(),
    reveal: (row) => virtualizer.scrollToIndex(row, { align: 'auto' }),
  };
}
