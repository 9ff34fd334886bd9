/**
 * The style sheet of a report. The colours of lines are Okabe and Ito's (2008), which people who see colours differently
 * tell apart, darker on white and lighter on black; symbols and dashes say the same without colour. Paper is white.
 */
export const style = `
:root {
  --back: #ffffff; --text: #1f2328; --soft: #59636e; --rule: #d1d9e0; --band: #f6f8fa; --bad: #b42318; --shade: #00000033;
  --c0: #0072b2; --c1: #b34700; --c2: #007a5a; --c3: #9c3f78; --c4: #1f2328; --c5: #7a6500; --c6: #2f7fb5;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #0d1117; --text: #e6edf3; --soft: #9da7b1; --rule: #3d444d; --band: #161b22; --bad: #ff8a80; --shade: #ffffff44;
    --c0: #56b4e9; --c1: #ff9a57; --c2: #3fc99c; --c3: #e08fc0; --c4: #e6edf3; --c5: #f0e442; --c6: #8fc7ef;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1.5rem; max-width: 72rem; background: var(--back); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif;
}
h1, h2, h3 { line-height: 1.2; overflow-wrap: anywhere; }
h1, h3, p, li, th, td, caption, figcaption { unicode-bidi: plaintext; }
header p { color: var(--soft); }
h3 { margin: 2rem 0 0.5rem; font-size: 1.1rem; }
h2 { margin-top: 2.5rem; padding-bottom: 0.3rem; border-bottom: 1px solid var(--rule); }
a { color: var(--c0); }
nav ul { display: flex; flex-wrap: wrap; gap: 0.3rem 1.2rem; padding: 0; list-style: none; }
li, p { overflow-wrap: anywhere; }
/* A shadow at the edge where there is more to scroll to. */
.table, .drawing {
  overflow-x: auto; background:
    linear-gradient(to right, var(--back), var(--back)) left / 1rem 100% no-repeat local,
    linear-gradient(to left, var(--back), var(--back)) right / 1rem 100% no-repeat local,
    linear-gradient(to right, var(--shade), transparent) left / 0.6rem 100% no-repeat scroll,
    linear-gradient(to left, var(--shade), transparent) right / 0.6rem 100% no-repeat scroll;
}
.table { margin: 1rem 0; }
table { min-width: min(100%, 26rem); border-collapse: collapse; font-size: 0.85rem; font-variant-numeric: tabular-nums; }
caption { padding: 0.3rem 0; text-align: left; color: var(--soft); }
caption span { display: block; position: sticky; left: 0; max-width: min(69rem, calc(100vw - 3rem)); }
th, td { padding: 0.25rem 0.6rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--rule); }
thead th { border-bottom-width: 2px; }
tbody th { font-weight: 600; }
.number { text-align: right; white-space: nowrap; }
figure { margin: 1rem 0; }
figcaption { color: var(--soft); font-size: 0.85rem; }
svg { display: block; font: 12px system-ui, sans-serif; }
svg text { fill: var(--text); }
svg .small { font-size: 11px; }
svg .small text { fill: var(--soft); }
.grid { stroke: var(--rule); }
.line, .edge, .whisker, .chance, .majority { fill: none; }
.line { stroke-width: 1.5; }
.edge, .whisker, .chance, .majority { stroke: var(--soft); stroke-width: 1.3; }
.reads { stroke-dasharray: 4 3; }
.chance { stroke-dasharray: 4 2; }
.majority { stroke-dasharray: 1.5 2; }
.stage { fill: var(--band); stroke: var(--soft); }
.failed { stroke: var(--bad); stroke-width: 3; stroke-dasharray: 6 2; }
.line.c0 { stroke: var(--c0); } .sign.c0 { fill: var(--c0); }
.line.c1 { stroke: var(--c1); } .sign.c1 { fill: var(--c1); }
.line.c2 { stroke: var(--c2); } .sign.c2 { fill: var(--c2); }
.line.c3 { stroke: var(--c3); } .sign.c3 { fill: var(--c3); }
.line.c4 { stroke: var(--c4); } .sign.c4 { fill: var(--c4); }
.line.c5 { stroke: var(--c5); } .sign.c5 { fill: var(--c5); }
.line.c6 { stroke: var(--c6); } .sign.c6 { fill: var(--c6); }
@page { margin: 15mm; }
@media print {
  :root {
    --back: #ffffff; --text: #000000; --soft: #404040; --rule: #c0c0c0; --band: #f4f4f4; --bad: #8b0000; --shade: transparent;
    --c0: #0072b2; --c1: #b34700; --c2: #007a5a; --c3: #9c3f78; --c4: #000000; --c5: #7a6500; --c6: #2f7fb5;
  }
  body { max-width: none; padding: 0; font-size: 10pt; }
  nav { display: none; }
  .table, .drawing { overflow: visible; background: none; }
  table { min-width: 0; font-size: 7.5pt; }
  caption, figcaption { font-size: 8pt; }
  caption span { position: static; max-width: none; }
  th, td { padding: 0.1rem 0.3rem; }
  tbody th { overflow-wrap: anywhere; }
  .number { white-space: normal; }
  svg { max-width: 100%; height: auto; }
  .plot { max-width: 13cm; }
  thead { display: table-header-group; }
  tr, figure, .short { break-inside: avoid; }
  h2, h3, caption { break-after: avoid; }
}
`;
