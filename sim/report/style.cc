#include "sim/report/style.h"

namespace penstock::sim::report {

std::string_view Style() {
  return R"(
:root {
  --paper: #ffffff; --panel: #f6f7f9; --ink: #1a2230; --faint: #5c6675; --grid: #e3e7ec; --rule: #39424f;
  --c0: #0072b2; --c1: #d55e00; --c2: #009e73; --c3: #b8568f; --c4: #9a6b00; --c5: #2f8fc4; --c6: #6b4fb3; --c7: #555f6d;
  --good: #00734f; --bad: #b04a00; --open: #5c6675;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14181f; --panel: #1d232c; --ink: #e8ecf1; --faint: #a3adba; --grid: #2c343f; --rule: #c3cad3;
    --c0: #56b4e9; --c1: #f0813a; --c2: #2fc79a; --c3: #e29ac6; --c4: #e6b43c; --c5: #8fcaf0; --c6: #ab98ea; --c7: #aab3bf;
    --good: #2fc79a; --bad: #f0813a; --open: #a3adba;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 2rem 1.5rem 3rem; max-width: 62rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; line-height: 1.3; margin: 0 0 .4rem; }
p { margin: 0 0 .7rem; max-width: 46rem; overflow-wrap: anywhere; }
.subtitle { color: var(--faint); margin-top: .4rem; }
section { margin-top: 2.6rem; }
.verdict { margin-top: 1.4rem; padding: 1.1rem 1.3rem .6rem; background: var(--panel); border-left: 5px solid var(--open); border-radius: 4px; }
.verdict.better { border-color: var(--good); }
.verdict.not-better { border-color: var(--bad); }
.badge { font-size: .85rem; font-weight: 700; color: var(--open); }
.better .badge { color: var(--good); }
.not-better .badge { color: var(--bad); }
.headline { font-size: 1.2rem; line-height: 1.4; font-weight: 600; margin: .2rem 0 .6rem; }
.key-figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(13.5rem, 1fr)); gap: .8rem; margin: 1.2rem 0 0; }
.key-figures > div { background: var(--panel); border-radius: 4px; padding: .8rem 1rem; }
.key-figures dt { color: var(--faint); font-size: .875rem; overflow-wrap: anywhere; }
.key-figures dd { margin: 0; overflow-wrap: anywhere; }
.key-figures .value { font-size: 1.45rem; line-height: 1.3; font-weight: 600; font-variant-numeric: tabular-nums; }
.unit { font-size: 1rem; font-weight: 400; }
.interval-text { display: block; font-size: .95rem; font-weight: 400; color: var(--faint); }
.key-figures .note { font-size: .875rem; color: var(--faint); margin-top: .2rem; }
nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; margin: 1.4rem 0 0; padding: 0; font-size: .9rem; }
a { color: var(--c0); }
figure { margin: .8rem 0 0; }
figure + figure { margin-top: 1.6rem; }
figcaption { font-weight: 600; margin-bottom: .3rem; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .15rem 1.3rem; margin: 0 0 .5rem; padding: 0; font-size: .875rem; }
.legend li { display: flex; align-items: center; gap: .45rem; overflow-wrap: anywhere; }
.swatch { width: 26px; height: 12px; flex: none; }
svg.wide, svg.narrow { display: block; width: 100%; height: auto; overflow: visible; font-family: inherit; }
svg.narrow { display: none; max-width: 30rem; }
text { font-size: 12px; fill: var(--ink); }
.tick, .axis-title { fill: var(--faint); }
.tick { font-variant-numeric: tabular-nums; }
.end { text-anchor: end; }
.middle { text-anchor: middle; }
.label { paint-order: stroke; stroke: var(--paper); stroke-width: 3px; stroke-linejoin: round; }
.behind { fill: var(--paper); fill-opacity: .82; }
.strong { font-weight: 700; }
.grid { stroke: var(--grid); stroke-width: 1; }
.axis, .zero { stroke: var(--faint); stroke-width: 1; }
.rule { stroke: var(--rule); stroke-width: 1.2; fill: none; }
.leader { stroke: var(--faint); stroke-width: 1; }
.s0 { --c: var(--c0); } .s1 { --c: var(--c1); } .s2 { --c: var(--c2); } .s3 { --c: var(--c3); }
.s4 { --c: var(--c4); } .s5 { --c: var(--c5); } .s6 { --c: var(--c6); } .s7 { --c: var(--c7); }
.muted { --c: var(--faint); }
.line { fill: none; stroke: var(--c, var(--ink)); stroke-width: 2; stroke-linejoin: round; }
.line.s1 { stroke-dasharray: 7 3; } .line.s2 { stroke-dasharray: 3 2.5; stroke-width: 2.4; } .line.s3 { stroke-dasharray: 9 3 2 3; }
.line.s4 { stroke-dasharray: 12 4; } .line.s5 { stroke-dasharray: 4 4; } .line.s6 { stroke-dasharray: 9 3 2 3 2 3; } .line.s7 { stroke-dasharray: 1 4; }
.line.dense { stroke-width: 1.4; }
.line.rule { stroke: var(--rule); stroke-width: 1.2; }
.line.front { stroke: var(--c2); stroke-width: 1.5; }
.mark { fill: var(--c); stroke: var(--paper); stroke-width: 1; }
.mark.see-through { fill-opacity: .75; }
.mark.hollow { fill: var(--paper); stroke: var(--c); stroke-width: 1.8; }
.mark.faint { fill-opacity: .5; stroke: none; }
.mark.muted { fill-opacity: .55; stroke: none; }
.interval { stroke: var(--c); stroke-width: 2; }
.bar { fill: var(--c); }
g > .bar { stroke: var(--paper); stroke-width: 1; }
.inside { fill: var(--paper); }
.hover { fill: transparent; }
.hover:hover { fill: var(--ink); fill-opacity: .08; }
details { margin-top: .4rem; font-size: .9rem; }
summary { cursor: pointer; color: var(--faint); width: max-content; }
.scroll { overflow-x: auto; margin-top: .5rem; max-height: 32rem; overflow-y: auto; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--grid); text-align: left; vertical-align: top; }
th[scope="row"] { font-weight: 400; max-width: 22rem; }
th[scope="row"].text { min-width: 8rem; overflow-wrap: break-word; }
thead th { font-weight: 600; vertical-align: bottom; position: sticky; top: 0; background: var(--paper); }
td.text { max-width: 34rem; overflow-wrap: break-word; }
.number { text-align: right; white-space: nowrap; }
thead .number { white-space: normal; }
#comparison td:nth-child(2) { font-weight: 600; }
pre { background: var(--panel); border-radius: 4px; padding: 1rem; overflow: auto; max-height: 40rem; font-size: .85rem; line-height: 1.45; }
footer { margin-top: 3rem; color: var(--faint); font-size: .85rem; }
@media (max-width: 760px) {
  body { padding: 1.2rem 1rem 2rem; }
  h1 { font-size: 1.5rem; }
  svg.wide { display: none; }
  svg.narrow { display: block; }
}
@media print {
  :root {
    --paper: #ffffff; --panel: #f6f7f9; --ink: #000000; --faint: #444c58; --grid: #dfe3e8; --rule: #39424f;
    --c0: #0072b2; --c1: #d55e00; --c2: #009e73; --c3: #b8568f; --c4: #9a6b00; --c5: #2f8fc4; --c6: #6b4fb3; --c7: #555f6d;
    --good: #00734f; --bad: #b04a00; --open: #5c6675;
  }
  @page { margin: 16mm; }
  body { padding: 0; max-width: none; font-size: 11pt; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  .key-figures { grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); }
  nav, details:not([open]) { display: none; }
  svg.wide { display: block; }
  svg.narrow { display: none; }
  figure, .verdict, .key-figures > div, tr { break-inside: avoid; }
  h2, figcaption, .legend { break-after: avoid; }
  .scroll, pre { max-height: none; overflow: visible; }
  pre { white-space: pre-wrap; }
}
)";
}

}  // namespace penstock::sim::report
