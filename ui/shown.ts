import type { Live } from './live.ts';
import type { Published } from './published.ts';
import type { Recordings } from './recordings.ts';
import type { Remembered } from './remembered.ts';
import type { Watch } from './watch.ts';

/** What all routes have. */
export interface Shown {
  home: string;
  live: Live;
  watch: Watch;
  published: Published;
  recordings: Recordings;
  remembered: Remembered;
}
