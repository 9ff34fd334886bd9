import { fileURLToPath, pathToFileURL } from 'node:url';
import type { DataConverter, PayloadCodec } from '@temporalio/common';
import { CommandError } from './failure.ts';

/**
 * How what workflows are told and answer is put into payloads for a server: with the codec that the configuration names,
 * messages and stacks of failures too; without one as Temporal does it. Throws a CommandError for a module that is none.
 */
export async function dataConverterOf({ codec }: { codec: string | null }): Promise<DataConverter> {
  if (codec === null) return {};
  return {
    payloadCodecs: [await loadCodec(codec)],
    // Temporal loads it by its path, here and in the workflows' bundle.
    failureConverterPath: fileURLToPath(new URL('../workflows/encoded-failures.cjs', import.meta.url)),
  };
}

async function loadCodec(path: string): Promise<PayloadCodec> {
  const module = await import(pathToFileURL(path).href).catch((error: unknown) => {
    throw new CommandError(
      `cannot load the codec ${path}`,
      'it is an ES module (.mjs), and needs what it reads from the environment, its key',
      error,
    );
  });
  const codec = (module as { default?: Partial<PayloadCodec> }).default;
  if (typeof codec?.encode === 'function' && typeof codec.decode === 'function')
    return explained(codec as PayloadCodec);
  throw new CommandError(
    `${path} has no codec as its default export`,
    'write `export default { encode: async (payloads) => ..., decode: async (payloads) => ... }`',
  );
}

/** The codec, which says what it cannot read: a cipher's own words (`unable to authenticate data`) are of no help. */
function explained(codec: PayloadCodec): PayloadCodec {
  return {
    encode: (...given) => codec.encode(...given),
    async decode(...given) {
      try {
        return await codec.decode(...given);
      } catch (error) {
        throw new CommandError(
          'the codec cannot read what is on the server: was it written with another key?',
          'all workers and all who run lineages on a server need the same codec and key',
          error,
        );
      }
    },
  };
}
