import type { ComponentChildren, Ref } from 'preact';

interface ScrolledProps {
  /** What is in it, for who hears the page. */
  label: string;
  class: string;
  children: ComponentChildren;
  handle?: Ref<HTMLElement>;
}

/** What may be wider or longer than its place: a region that the keyboard reaches, and scrolls with its arrows. */
export function Scrolled({ label, class: kind, children, handle }: ScrolledProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: else only a mouse could scroll it
    <section class={kind} aria-label={label} tabIndex={0} {...(handle && { ref: handle })}>
      {children}
    </section>
  );
}
