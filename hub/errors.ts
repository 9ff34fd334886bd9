/**
 * Why something of the Hub is not here: `no-network` may be otherwise in a while, `no-access` only when somebody does
 * something, and `bad-download` is what came whole and is not what it should be.
 */
export type HubErrorKind = 'no-network' | 'no-access' | 'bad-download';

/** The message says what failed, and what to do about it after a colon. It has no address that a server redirected to. */
export class HubError extends Error {
  override name = 'HubError';
  readonly kind: HubErrorKind;

  constructor(kind: HubErrorKind, message: string) {
    super(message);
    this.kind = kind;
  }
}
