/** What makes two problems the same one, for whoever prepares problems and whoever trains and tests on them. */
import { createHash } from 'node:crypto';

/** A prompt without what makes no difference: letter case, kinds of spaces and Unicode forms. */
export function normalisedPrompt(prompt: string): string {
  return prompt.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ').trim();
}

/** SHA-256 of the normalised prompt, in hex. Its first `problemIdLength` characters name the problem in every data set. */
export function promptDigest(prompt: string): string {
  return createHash('sha256').update(normalisedPrompt(prompt)).digest('hex');
}

/** Characters of a problem's id. */
export const problemIdLength = 12;

/** Problems of which one is held out of what is learned from. */
const heldOutOf = 20;

/** Whether the preferences between responses to a problem are held out: those of every 20th problem, by its digest. */
export function isHeldOutProblem(prompt: string): boolean {
  return isHeldOutDigest(promptDigest(prompt));
}

/** The same of a problem's digest. */
export function isHeldOutDigest(digest: string): boolean {
  return Number.parseInt(digest.slice(0, 8), 16) % heldOutOf === 0;
}
