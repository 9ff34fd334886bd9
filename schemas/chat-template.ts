/** A newer place of the chat template, which counts before that in tokenizer_config.json (as in transformers). */
export const chatTemplateFile = 'chat_template.jinja';

/**
 * The chat template of a tokenizer, in Jinja; undefined where it has none. Where tokenizer_config.json has several by name,
 * the one named `default` counts, as in transformers.
 *
 * @param config tokenizer_config.json, parsed; undefined where it is not there
 * @param file the text of chat_template.jinja; undefined where it is not there
 */
export function chatTemplateOf(config: unknown, file: string | undefined): string | undefined {
  if (file !== undefined) return file;
  const said = isRecord(config) ? config.chat_template : undefined;
  if (typeof said === 'string') return said;
  if (!Array.isArray(said)) return undefined;
  const named = said.find((one) => isRecord(one) && one.name === 'default') as { template?: unknown } | undefined;
  return typeof named?.template === 'string' ? named.template : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
