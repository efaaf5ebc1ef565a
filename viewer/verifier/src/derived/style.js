/** The style of reports: for the screen, and for A4 and Letter alike. Part of the format. */
export const STYLE = `
:root { color-scheme: light; --ink: #16191d; --soft: #5b6470; --line: #c9ced6; --tint: #f3f5f8; }
* { box-sizing: border-box; }
html { background: #fff; color: var(--ink); }
body { margin: 0 auto; padding: 2rem 1.5rem 4rem; max-width: 58rem;
  font: 10.5pt/1.45 "Noto Sans", "Noto Sans Arabic", "Segoe UI", "DejaVu Sans", Arial, sans-serif; }
h1 { font-size: 1.7em; line-height: 1.25; margin: 0 0 .3em; }
h2 { font-size: 1.2em; margin: 2em 0 .5em; padding-bottom: .2em; border-bottom: 2px solid var(--ink); }
h3 { font-size: 1em; margin: 1.4em 0 .3em; }
p, ul { margin: .5em 0; }
li { margin: .25em 0; }
td, code, .url { overflow-wrap: anywhere; }
code { font: .9em/1.4 "DejaVu Sans Mono", "Noto Sans Mono", Consolas, monospace; }
.lead { color: var(--soft); margin: 0 0 1em; }
.note { color: var(--soft); font-size: .92em; }
.box { border: 1px solid var(--line); border-left: 6px solid var(--soft); background: var(--tint);
  padding: .7em 1em; margin: 1em 0; break-inside: avoid; }
.box > :first-child { margin-top: 0; }
.box > :last-child { margin-bottom: 0; }
.box strong { font-size: 1.1em; }
.good { border-left-color: #176b3a; }
.bad { border-left-color: #a11b1b; }
.passed, .met { color: #176b3a; font-weight: 600; }
.failed, .unmet { color: #a11b1b; font-weight: 600; }
.not-checked { color: #7a5200; font-weight: 600; }
table { border-collapse: collapse; width: 100%; margin: .6em 0; }
th, td { text-align: left; vertical-align: top; padding: .3em .6em .3em 0; border-bottom: 1px solid var(--line); }
thead th { border-bottom: 1.5px solid var(--ink); font-size: .92em; white-space: nowrap; }
.facts th { width: 12.5em; font-weight: 600; }
.facts tr:last-child th, .facts tr:last-child td { border-bottom: 0; }
.exchanges { font-size: .9em; }
.exchanges td:nth-child(2) { width: 67%; }
.exchanges td:nth-child(1), .exchanges td:nth-child(5) { white-space: nowrap; }
.berkeley td:nth-child(2), .checks td:nth-child(1), .checks td:nth-child(3), .stamps td:nth-child(2),
.custody td:nth-child(1), .custody td:nth-child(2) { white-space: nowrap; }
.stamps td:nth-child(1) { width: 45%; }
.custody td:nth-child(4) { width: 28%; }
.digests td:nth-child(1) { width: 33%; }
.digests td > code { font-size: .82em; }
.digests .small code { font-size: .8em; }
#time .facts { break-inside: avoid; }
.small { display: block; color: var(--soft); font-size: .92em; }
.small code { color: var(--ink); font-size: .86em; }
mark { background: none; border: 1px solid #a11b1b; color: #a11b1b; border-radius: 2px; padding: 0 .2em;
  font: .8em "DejaVu Sans Mono", monospace; unicode-bidi: isolate; }
.shot { display: block; max-width: 100%; margin: .6em auto; border: 1px solid var(--line); }
.blank { border-bottom: 1px solid var(--ink); min-height: 2.1em; margin: 0 0 .2em; }
.blank-label { color: var(--soft); font-size: .88em; margin: 0 0 .7em; }
.pair { display: flex; gap: 2em; }
.pair > div { flex: 1; }
.tick { margin: .6em 0; padding-left: 2em; text-indent: -2em; break-inside: avoid; }
.tick::before { content: ""; display: inline-block; width: .95em; height: .95em; margin-right: 1em;
  border: 1.3px solid var(--ink); vertical-align: -.1em; }
.form { break-before: page; }
.form h3 { break-after: avoid; }
.part { break-inside: avoid; }
@page { margin: 17mm 16mm 19mm;
  @bottom-right { content: "Page " counter(page) " of " counter(pages); font: 8pt sans-serif; color: #5b6470; } }
@media print {
  body { max-width: none; padding: 0; font-size: 9.5pt; }
  h2, h3, h2 + p { break-after: avoid; }
  thead { display: table-header-group; }
  tr, li, .shot { break-inside: avoid; }
  p, li { orphans: 3; widows: 3; }
  .shot { max-height: 225mm; }
}
`;
