import { type Diagnostic, diagnose, didYouMean, listed, shown } from '../diagnostic.ts';
import { type MovedName, movedName, type RenamedKind } from '../moved.ts';
import type { Path, Source } from '../syntax.ts';
import { isRecord, listAt, textAt } from '../tree.ts';
import { declaredNames } from './section.ts';

/** The section that declares each kind of what can be renamed, and what a person calls it. */
const kinds: Readonly<
  Record<RenamedKind, { section: 'stages' | 'axes' | 'data' | 'tokenizers'; noun: string; article: string }>
> = {
  stage: { section: 'stages', noun: 'stage', article: 'a' },
  axis: { section: 'axes', noun: 'axis', article: 'an' },
  data: { section: 'data', noun: 'data set', article: 'a' },
  tokenizer: { section: 'tokenizers', noun: 'tokenizer', article: 'a' },
};

/** An entry of `moved` with both of its sides. */
interface Entry {
  path: Path;
  from: MovedName;
  to: MovedName;
}

/** Checks `moved`: what was renamed is gone, what it is called now is there, and each rename leads there at once. */
export function* checkMoved(source: Source): Generator<Diagnostic> {
  const entries = readEntries(source);
  const byFrom = new Map<string, Entry>();
  for (const entry of entries) {
    const name = spelled(entry.from);
    const first = byFrom.get(name);
    if (first) {
      const related = [{ ...source.place([...first.path, 'from']), message: 'first here' }];
      const message = `${shown(name)} was renamed twice`;
      yield diagnose(source.file, source.place([...entry.path, 'from']), 'bad-moved', message, { related });
    } else byFrom.set(name, entry);
  }
  const told = new Set<Entry>();
  for (const entry of byFrom.values()) {
    if (told.has(entry)) continue;
    const chain = chainFrom(entry, byFrom);
    if (chain.length > 1 || spelled(entry.to) === spelled(entry.from)) {
      for (const link of chain) told.add(link);
      yield tellChain(source, chain);
    } else yield* checkEntry(source, entry);
  }
}

function readEntries(source: Source): Entry[] {
  return listAt(source.value, 'moved').flatMap((entry, index) => {
    const [from, to] = isRecord(entry) ? [textAt(entry, 'from'), textAt(entry, 'to')] : [];
    return from === undefined || to === undefined
      ? []
      : [{ path: ['moved', index], from: movedName(from), to: movedName(to) }];
  });
}

/** An entry and those that go on where it ends, as far as none comes twice. */
function chainFrom(entry: Entry, byFrom: ReadonlyMap<string, Entry>): Entry[] {
  const chain: Entry[] = [];
  for (let next: Entry | undefined = entry; next && !chain.includes(next); next = byFrom.get(spelled(next.to))) {
    chain.push(next);
  }
  return chain;
}

function tellChain(source: Source, chain: readonly Entry[]): Diagnostic {
  const [first, ...others] = chain as [Entry, ...Entry[]];
  const last = chain.at(-1) as Entry;
  const names = [...chain.map(({ from }) => spelled(from)), spelled(last.to)];
  const related = others.map(({ path, from, to }) => ({
    ...source.place([...path, 'to']),
    message: `${spelled(from)} to ${spelled(to)}`,
  }));
  const place = source.place([...first.path, 'to']);
  if (chain.some(({ from }) => spelled(from) === spelled(last.to))) {
    const message =
      chain.length === 1
        ? `${shown(names[0])} was renamed to itself`
        : `these renames go round: ${names.map((name) => `\`${name}\``).join(' to ')}`;
    const hint = 'name the earlier name under `from` and the one it has in this file under `to`';
    return diagnose(source.file, place, 'cycle', message, { related, hint });
  }
  const message = `these renames follow one another: ${names.map((name) => `\`${name}\``).join(' to ')}`;
  const hint = `let each lead to today's name: ${chain.map(({ from }) => `{from: ${spelled(from)}, to: ${spelled(last.to)}}`).join(', ')}`;
  return diagnose(source.file, place, 'bad-moved', message, { related, hint });
}

function* checkEntry(source: Source, { path, from, to }: Entry): Generator<Diagnostic> {
  const { section, noun, article } = kinds[from.kind];
  if (to.kind !== from.kind) {
    const other = kinds[to.kind];
    const message = `${article} ${noun} cannot become ${other.article} ${other.noun}`;
    yield diagnose(source.file, source.place([...path, 'to']), 'bad-moved', message, {
      expected: `\`${spelled({ kind: from.kind, name: to.name })}\`, or another ${noun}`,
    });
    return;
  }
  const names = declaredNames(source, section);
  if (names?.includes(from.name)) {
    const message = `there still is ${article} ${noun} ${shown(from.name)}: \`moved\` is for a name that is gone`;
    const related = [{ ...source.keyPlace([section, from.name]), message: 'it is here' }];
    yield diagnose(source.file, source.place([...path, 'from']), 'bad-moved', message, { related });
  }
  if (names && !names.includes(to.name)) {
    const near = didYouMean(to.name, names);
    yield diagnose(
      source.file,
      source.place([...path, 'to']),
      'unknown-name',
      `there is no ${noun} ${shown(to.name)}`,
      {
        expected: listed(names),
        hint: near,
      },
    );
  }
}

function spelled({ kind, name }: MovedName): string {
  return kind === 'stage' ? name : `${kind}:${name}`;
}
