import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Refusal } from './problem.ts';

/*
 * Who may ask. Any page that a browser has open can send requests to 127.0.0.1, and can have its own name resolve to it
 * (DNS rebinding); any program of another user of this machine can connect. The first two are told by Host and Origin, which
 * no page can choose, the third has no token.
 */

/** On every answer: what is shown is this server's alone, is framed by nobody, and leaves no address behind. */
export const safetyHeaders: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

/** A secret that cannot be guessed: 32 random bytes, as a URL may have them. */
export function makeToken(): string {
  return randomBytes(32).toString('base64url');
}

/** Checks requests to a server that listens on `port`. */
export function guardOf(port: number, token: string) {
  const hosts = ['127.0.0.1', 'localhost', '[::1]'].map((name) => `${name}:${port}`);
  const expected = digest(token);
  return {
    /** Throws a Refusal for what was sent to another name than this machine's, or by another site's page. */
    checkSource({ headers }: Pick<IncomingMessage, 'headers'>): void {
      if (!hosts.includes(headers.host?.toLowerCase() ?? ''))
        throw new Refusal(421, 'this server answers to 127.0.0.1 and localhost alone', `open http://${hosts[0]}/`);
      const { origin } = headers;
      const site = headers['sec-fetch-site'];
      // Who follows a link to the page, as from a terminal in a browser: it is shown by itself, and no link has the token's header.
      const isVisit = headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
      const foreign =
        (origin !== undefined && !hosts.some((host) => origin === `http://${host}`)) ||
        (site !== undefined && site !== 'same-origin' && site !== 'none' && !isVisit);
      if (foreign) throw new Refusal(403, 'another site may not ask this server');
    },
    /** Throws a Refusal for what does not have the token. Compares in a time that does not tell how much of it is right. */
    checkToken({ headers }: Pick<IncomingMessage, 'headers'>): void {
      const [, given] = /^Bearer (.+)$/i.exec(headers.authorization ?? '') ?? [];
      if (given !== undefined && timingSafeEqual(digest(given), expected)) return;
      throw new Refusal(401, 'the token is missing, or of another server', 'open the address that descent printed', {
        'www-authenticate': 'Bearer',
      });
    },
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
