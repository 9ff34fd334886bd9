import {
  autocompletion,
  type Completion,
  type CompletionContext,
  type CompletionResult,
  completionKeymap,
} from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { keywordCompletionSource, PostgreSQL, SQLDialect, schemaCompletionSource, sql } from '@codemirror/lang-sql';
import { bracketMatching, HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { EditorState, Prec } from '@codemirror/state';
import { drawSelection, EditorView, keymap, lineNumbers, placeholder } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { tablesIn } from '../model/sql.ts';
import type { Vocabulary } from '../protocol.ts';

/** An editor of SQL that completes what the results have. */
export interface SqlEditor {
  text(): string;
  setText(text: string): void;
  focus(): void;
  remove(): void;
}

interface EditorOptions {
  /** Where it stands: a shadow root, since a document under the page's policy takes no styles that a script makes. */
  root: ShadowRoot;
  text: string;
  vocabulary: Vocabulary;
  onChange: (text: string) => void;
  onRun: () => void;
}

/** Opens an editor. Tab leaves it; Control or Command with Enter runs what it has. */
export function openEditor({ root, text, vocabulary, onChange, onRun }: EditorOptions): SqlEditor {
  const run = {
    key: 'Mod-Enter',
    run: () => {
      onRun();
      return true;
    },
  };
  const editor = new EditorView({
    root,
    parent: root,
    state: EditorState.create({
      doc: text,
      extensions: [
        Prec.highest(keymap.of([run])),
        lineNumbers(),
        history(),
        drawSelection(),
        bracketMatching(),
        placeholder('SQL, or the name of a saved query'),
        sql({ dialect: duckdb }),
        autocompletion({ override: completions(vocabulary), icons: false }),
        syntaxHighlighting(highlighting),
        keymap.of([...completionKeymap, ...historyKeymap, ...defaultKeymap]),
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ 'aria-label': 'SQL, or the name of a saved query' }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) onChange(update.state.doc.toString());
        }),
        theme,
      ],
    }),
  });
  return {
    text: () => editor.state.doc.toString(),
    setText: (next) => editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: next } }),
    focus: () => editor.focus(),
    remove: () => editor.destroy(),
  };
}

const duckdb = SQLDialect.define({
  ...PostgreSQL.spec,
  keywords: `${PostgreSQL.spec.keywords} anti asof describe exclude macro pivot positional qualify replace sample semi struct summarize unpivot`,
  caseInsensitiveIdentifiers: true,
});

function completions(vocabulary: Vocabulary) {
  const schema = Object.fromEntries(
    vocabulary.tables.map(({ name, kind, comment, columns }) => [
      name,
      { self: { label: name, type: 'type', detail: kind, info: comment }, children: columns.map(columnCompletion) },
    ]),
  );
  const queries = vocabulary.queries.map(
    ({ name, description }): Completion => ({ label: name, type: 'text', detail: 'saved query', info: description }),
  );
  const functions = vocabulary.functions.map(
    (label): Completion => ({ label, type: 'function', detail: 'function', boost: -50 }),
  );
  return [
    schemaCompletionSource({ dialect: duckdb, schema }),
    keywordCompletionSource(duckdb, false, (label, type) => ({ label, type, boost: -10 })),
    // The columns of the tables that the query names, without the table's name before them.
    atWord(({ state }) => {
      const columns = tablesIn(state.doc.toString(), vocabulary).flatMap(({ columns }) =>
        columns.map(columnCompletion),
      );
      return [...new Map(columns.map((one) => [one.label, one])).values()];
    }),
    atWord(() => functions),
    atWord(({ state, pos }) => (state.doc.sliceString(0, pos).trim().includes(' ') ? [] : queries)),
  ];
}

function columnCompletion({ name, type, comment }: Vocabulary['tables'][number]['columns'][number]): Completion {
  return { label: name, type: 'property', detail: type, info: comment };
}

/** Completes a word that no point stands before. */
function atWord(options: (context: CompletionContext) => readonly Completion[]) {
  return (context: CompletionContext): CompletionResult | null => {
    const word = context.matchBefore(/\w+/);
    if (word === null && !context.explicit) return null;
    const from = word?.from ?? context.pos;
    if (context.state.doc.sliceString(from - 1, from) === '.') return null;
    return { from, options: [...options(context)], validFor: /^\w*$/ };
  };
}

const highlighting = HighlightStyle.define([
  { tag: tags.keyword, color: 'var(--c0)', fontWeight: '600' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--c2)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--c1)' },
  { tag: [tags.comment, tags.lineComment, tags.blockComment], color: 'var(--soft)', fontStyle: 'italic' },
  { tag: tags.typeName, color: 'var(--c3)' },
]);

const theme = EditorView.theme({
  '&': {
    color: 'var(--text)',
    backgroundColor: 'var(--back)',
    fontSize: '13px',
    minHeight: '7.5em',
    maxHeight: '40vh',
  },
  '&.cm-focused': { outline: '2px solid var(--focus)', outlineOffset: '-1px' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.5' },
  '.cm-content, .cm-gutter': { minHeight: '7.5em' },
  '.cm-content': { caretColor: 'var(--text)', padding: '6px 0' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '.cm-gutters': { backgroundColor: 'var(--band)', color: 'var(--soft)', border: 'none' },
  '.cm-placeholder': { color: 'var(--soft)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
    backgroundColor: 'var(--chosen)',
  },
  '.cm-matchingBracket': { backgroundColor: 'var(--chosen) !important' },
  '.cm-tooltip': {
    backgroundColor: 'var(--raised)',
    color: 'var(--text)',
    border: '1px solid var(--rule)',
    borderRadius: '6px',
    overflow: 'hidden',
  },
  '.cm-tooltip-autocomplete > ul': { fontFamily: 'var(--mono)', fontSize: '12.5px', maxHeight: '15em' },
  '.cm-tooltip-autocomplete > ul > li': {
    padding: '2px 8px',
    display: 'flex',
    gap: '1.5em',
    justifyContent: 'space-between',
  },
  '.cm-tooltip-autocomplete > ul > li[aria-selected]': { backgroundColor: 'var(--chosen)', color: 'var(--text)' },
  '.cm-completionMatchedText': { textDecoration: 'none', fontWeight: '700' },
  '.cm-completionDetail': { fontStyle: 'normal', color: 'var(--soft)', fontSize: '11.5px' },
  '.cm-completionInfo': {
    padding: '6px 10px',
    maxWidth: '26em',
    fontFamily: 'system-ui, sans-serif',
    fontSize: '12.5px',
  },
});
