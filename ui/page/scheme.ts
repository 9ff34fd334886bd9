import { signal } from '@preact/signals';

const dark = matchMedia('(prefers-color-scheme: dark)');

/** Which colours the system asks for; what is drawn on a canvas is drawn anew when it changes. */
export const scheme = signal<'light' | 'dark'>(dark.matches ? 'dark' : 'light');

dark.addEventListener('change', () => {
  scheme.value = dark.matches ? 'dark' : 'light';
});
