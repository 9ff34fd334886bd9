import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

// The browser of tests and pictures: the machine's own, since none is installed with the packages.

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const places = ['/usr/bin', '/usr/local/bin', '/snap/bin', '/opt/google/chrome'];
const applications = [
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** Why a test is left out, for `{ skip: withoutChromium }`; false where there is a browser. */
export const withoutChromium: string | false =
  findChromium() === undefined &&
  'there is no Chromium or Chrome: install one (`apt-get install chromium`), or name one in DESCENT_CHROMIUM';

/**
 * The path of a Chromium or Chrome: the one that DESCENT_CHROMIUM names, else the first found in the usual places and in
 * PATH; undefined where there is none. Throws where DESCENT_CHROMIUM names what cannot be run.
 */
export function findChromium(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const named = env.DESCENT_CHROMIUM;
  if (named) {
    if (runs(named)) return named;
    throw new Error(`DESCENT_CHROMIUM is ${named}, which is no program: give the path of a Chromium, or unset it`);
  }
  const folders = [...places, ...(env.PATH ?? '').split(delimiter).filter((folder) => folder !== '')];
  return [...folders.flatMap((folder) => names.map((name) => join(folder, name))), ...applications].find(runs);
}

/**
 * A headless browser that asks nothing of the network by itself; whoever started it closes it. Throws where there is no
 * Chromium.
 */
export async function launch(): Promise<Browser> {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error(withoutChromium || 'the Chromium that was there is gone');
  const quiet = [
    '--disable-gpu',
    '--disable-quic',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--no-first-run',
  ];
  // Chromium refuses its sandbox to root, as which containers run.
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return chromium.launch({ executablePath, args: [...sandbox, ...quiet] });
}

function runs(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
