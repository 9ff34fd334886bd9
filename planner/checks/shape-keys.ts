import type { ErrorObject } from 'ajv/dist/2020.js';
import { type JsonSchema, lineageSchema } from '../../schemas/validate.ts';
import { type Diagnostic, diagnose, didYouMean, listed, shown } from '../diagnostic.ts';
import { choices } from '../quantities.ts';
import { declaredStages, stageKinds } from '../stages.ts';
import type { Path, Source } from '../syntax.ts';
import { isRecord } from '../tree.ts';
import { where } from './shape-words.ts';

/** A key that a map does not have: where it belongs, or which one was meant. `meant`: one that the map lacks. */
export function unknownKey(source: Source, path: Path, error: ErrorObject, meant: string | undefined): Diagnostic {
  const name = String(error.params.additionalProperty);
  const allowed = Object.keys((error.parentSchema as JsonSchema).properties ?? {});
  const message = `${where(path)} has no key ${shown(name)}`;
  const hint = meant === undefined ? keyHint(source, error.data, name, path, allowed) : `did you mean \`${meant}\`?`;
  return diagnose(source.file, source.keyPlace([...path, name]), 'unknown-key', message, {
    expected: listed(allowed),
    hint,
  });
}

function keyHint(
  source: Source,
  data: unknown,
  name: string,
  path: Path,
  allowed: readonly string[],
): string | undefined {
  const map = isRecord(data) ? data : {};
  if (/^[^=]+=[^=]*$/.test(name) && map[name] === null) {
    return 'a comma ends a value inside of { }: put the whole reference in quotes, "stage@axis=value,axis=value"';
  }
  if (path[0] === 'placement' && path.length === 2) {
    const stage = String(path[1]);
    const hint = misplacedHint(source, stage, name, isRecord(map[name]) ? '...' : String(map[name] ?? '...'));
    if (hint !== undefined) return hint;
  }
  if (path.length === 2 && path[0] === 'stages' && choices.algorithm.some((algorithm) => algorithm === name))
    return `say \`rl: { algorithm: ${name}, ... }\``;
  const kind =
    path.length === 2 && path[0] === 'stages'
      ? stageKinds.find((candidate) => Object.hasOwn(map, candidate))
      : undefined;
  if (kind && lineageSchema().schema.$defs?.[kind]?.properties?.[name])
    return `\`${name}\` belongs inside of \`${kind}\``;
  if (path[0] === 'stages' && path.length > 1 && lineageSchema().schema.$defs?.placement?.properties?.[name])
    return `it stands under placement: { ${path[1]}: { ${name}: ${isRecord(map[name]) ? '...' : (map[name] ?? '...')} } }`;
  const recipe = path.includes('recipes') ? lineageSchema().schema.$defs?.[String(path.at(-1))] : undefined;
  if (recipe?.properties?.[name]) return `\`${name}\` is what each signature says`;
  return didYouMean(name, allowed);
}

/** Where a key belongs that stands under a stage's placement, and is an option of stages or of device classes. */
function misplacedHint(source: Source, stage: string, name: string, value: string): string | undefined {
  if (name === 'memory' || name === 'slots' || name === 'threads' || name === 'speed')
    return `\`${name}\` is what a device class has: say it in temporal.config, under devices: { cpu: { ${name}: ... } }`;
  const own = declaredStages(source.value).get(stage)?.kind;
  const kinds = own === undefined ? stageKinds : [own];
  const kind = kinds.find((one) => lineageSchema().schema.$defs?.[one]?.properties?.[name]);
  if (kind === undefined) return undefined;
  return own === undefined
    ? `\`${name}\` belongs in each stage that it is meant for: ${kind}: { ${name}: ${value} }`
    : `\`${name}\` belongs in the stage: stages: { ${stage}: { ${kind}: { ${name}: ${value} } } }`;
}
