/** The end of text of the tokenizers that Descent makes. */
export const endOfText = '<|endoftext|>';

/** The tokens of a tokenizer.json. */
export interface Tokens {
  idOf(token: string): number | undefined;
  /** One more than the largest id. */
  vocab: number;
}

/** What lies beside it, parsed; undefined where it is not there. */
export interface TokenizerFiles {
  /** tokenizer_config.json. */
  tokenizer?: unknown;
  /** generation_config.json. */
  generation?: unknown;
}

/**
 * The id of the token that ends documents and responses, or why there is none. The first that is said counts: `eos_token`
 * of tokenizer_config.json, which is the one that tokenized texts end with; `eos_token_id` of generation_config.json, the
 * first where there are several; a token named `<|endoftext|>`.
 */
export function endToken(
  tokens: Tokens,
  { tokenizer, generation }: TokenizerFiles,
): { ok: true; id: number } | { ok: false; problem: string } {
  const named = fieldOf(tokenizer, 'eos_token');
  // Earlier versions of transformers wrote a token with its properties.
  const name = typeof named === 'string' ? named : fieldOf(named, 'content');
  if (name !== undefined) {
    const id = typeof name === 'string' ? tokens.idOf(name) : undefined;
    if (id !== undefined) return { ok: true, id };
    return missing(
      `tokenizer_config.json has the eos_token ${JSON.stringify(named)}, and tokenizer.json no such token`,
    );
  }
  const given = fieldOf(generation, 'eos_token_id');
  if (given !== undefined) {
    const id: unknown = Array.isArray(given) ? given[0] : given;
    if (Number.isSafeInteger(id) && (id as number) >= 0 && (id as number) < tokens.vocab)
      return { ok: true, id: id as number };
    return missing(
      `generation_config.json has the eos_token_id ${JSON.stringify(given)}, and tokenizer.json no such id`,
    );
  }
  const id = tokens.idOf(endOfText);
  if (id !== undefined) return { ok: true, id };
  return missing(
    `nothing says which token ends documents and responses: neither eos_token in tokenizer_config.json nor eos_token_id in generation_config.json, and tokenizer.json has no token ${endOfText}`,
  );
}

/**
 * All tokens that end a response: `eos`, and whatever generation_config.json names besides, where `generate` of transformers
 * ends as well.
 */
export function endTokens(eos: number, { generation }: TokenizerFiles, vocab: number): number[] {
  const given = [fieldOf(generation, 'eos_token_id') ?? []].flat();
  const ids = given.filter(
    (id): id is number => Number.isSafeInteger(id) && (id as number) >= 0 && (id as number) < vocab,
  );
  return [...new Set([eos, ...ids])];
}

function missing(problem: string): { ok: false; problem: string } {
  return { ok: false, problem };
}

/** A field of an object; undefined where it is null, too, which is how files say that they say nothing. */
function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? ((value as Record<string, unknown>)[name] ?? undefined)
    : undefined;
}
