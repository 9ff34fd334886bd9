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
