/** Which OpenAI-compatible endpoint the environment names. Messages hold neither its address nor its key: they go to logs. */
import { TrainerFailure } from '../failure.ts';

/** Where it is, and what it knows us by. */
export interface EndpointSettings {
  url: URL;
  key: string | undefined;
}

/**
 * The endpoint that the environment names. A key is sent over https, or to this machine; anything else could be read on the
 * way.
 *
 * @throws TrainerFailure `no-access` where it names none, or one that is not asked
 */
export function endpointSettings({ OPENAI_BASE_URL, OPENAI_API_KEY }: NodeJS.ProcessEnv): EndpointSettings {
  const refuse = (why: string) => new TrainerFailure('no-access', why);
  const key = OPENAI_API_KEY || undefined;
  const setIt =
    'Set it, where the worker is started, to the address of an OpenAI-compatible server, such as http://localhost:8000/v1';
  if (!OPENAI_BASE_URL) throw refuse(`A model at an endpoint is asked, and OPENAI_BASE_URL is not set. ${setIt}.`);
  if (!URL.canParse(OPENAI_BASE_URL)) throw refuse(`OPENAI_BASE_URL is no address. ${setIt}.`);
  const url = new URL(OPENAI_BASE_URL);
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw refuse(`OPENAI_BASE_URL begins with ${url.protocol}, and only http: and https: are spoken. ${setIt}.`);
  if (url.username !== '' || url.password !== '')
    throw refuse('OPENAI_BASE_URL holds a user or a password: take them out, and set OPENAI_API_KEY to the key.');
  if (url.protocol === 'http:' && key !== undefined && !isThisMachine(url.hostname))
    throw refuse(
      'OPENAI_BASE_URL is plain http: to another machine, where the key in OPENAI_API_KEY could be read on the way. ' +
        'Take https:, or a tunnel that ends on this machine; or unset the key, if the server needs none.',
    );
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/chat/completions`;
  return { url, key };
}

function isThisMachine(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127(\.\d+){3}$/.test(host);
}
