"""How a page looks: on a wide screen and on a phone, light and dark."""

STYLE = """:root {
  color-scheme: light dark;
  --back: #fff; --text: #222; --quiet: #595959; --line: #d5d5d5; --soft: #f4f4f4;
  --new: #0b57d0; --flag: #b3261e; --odd: #7a4f00; --odd-back: #fff6e0;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #16181c; --text: #e6e6e6; --quiet: #a8adb5; --line: #3a3f47; --soft: #22262c;
    --new: #8ab4f8; --flag: #ff8a80; --odd: #ffb74d; --odd-back: #2e2616;
  }
}
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--back); }
body { max-width: 1280px; margin: 0 auto; padding: 0 16px 48px; overflow-wrap: anywhere; }
h1 { font-size: 24px; line-height: 1.25; }
h2 { font-size: 18px; border-bottom: 1px solid var(--line); margin-top: 32px; }
h3 { font-size: 14px; margin: 0 0 8px; }
p, dl, ul { max-width: 75ch; }
ul { padding-left: 20px; }
a { color: var(--new); }
a:focus-visible, button:focus-visible, input:focus-visible, input:focus-visible + span {
  outline: 3px solid var(--new); outline-offset: 2px;
}
#failures h2 { color: var(--flag); border-color: var(--flag); }
.warning { color: var(--odd); background: var(--odd-back); border-left: 4px solid var(--odd); padding: 8px 12px; }
dt { font-weight: 600; }
dd { margin: 0 0 8px; }
figure { margin: 0; }
figcaption, .legend, caption, .card p { font-size: 13px; }
figcaption, caption { color: var(--quiet); text-align: left; }
svg { display: block; overflow: visible; }
svg text { font-size: 12px; fill: var(--quiet); stroke: var(--back); stroke-width: 3px; paint-order: stroke; }
svg text.threshold { fill: var(--flag); font-weight: 600; }
path.normal { fill: var(--quiet); fill-opacity: .45; }
path.new { fill: var(--new); fill-opacity: .25; stroke: var(--new); vector-effect: non-scaling-stroke; }
line.grid { stroke: var(--line); }
line.threshold { stroke: var(--flag); stroke-width: 2; stroke-dasharray: 5 3; }
.legend span, .facts span { white-space: nowrap; }
.legend, .facts { display: flex; flex-wrap: wrap; gap: 0 16px; }
.key { display: inline-block; width: 14px; height: 12px; vertical-align: -1px; }
.key.normal { background: color-mix(in srgb, var(--quiet) 45%, transparent); }
.key.new { background: color-mix(in srgb, var(--new) 25%, transparent); border: 1px solid var(--new); }
.key.threshold { height: 0; vertical-align: 4px; border-top: 2px dashed var(--flag); }
#filters { display: flex; flex-wrap: wrap; gap: 8px 24px; align-items: center; }
fieldset { border: 0; padding: 0; margin: 0; display: flex; flex-wrap: wrap; gap: 6px; align-items: center; }
legend { float: left; margin-right: 8px; padding: 0; }
fieldset input { position: absolute; opacity: 0; }
fieldset span { display: block; border: 1px solid var(--line); border-radius: 16px; padding: 3px 12px; }
fieldset span { cursor: pointer; }
fieldset input:checked + span { background: var(--new); border-color: var(--new); color: var(--back); }
button, input[type=search] { font: inherit; color: inherit; background: var(--back); }
button, input[type=search] { border: 1px solid var(--quiet); border-radius: 4px; padding: 3px 8px; }
button:disabled { color: var(--quiet); border-color: var(--line); }
#range { display: inline-block; margin-right: 12px; font-variant-numeric: tabular-nums; }
div.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; width: 100%; }
caption { padding-bottom: 4px; }
th, td { border: 1px solid var(--line); padding: 3px 8px; text-align: left; font-weight: 400; vertical-align: top; }
thead th { background: var(--soft); padding: 0; }
thead button { border: 0; background: none; width: 100%; padding: 6px 8px; text-align: left; font-weight: 600; }
thead button { cursor: pointer; white-space: nowrap; }
thead button:focus-visible { outline-offset: -3px; }
thead button::after { content: " ↕"; color: var(--quiet); }
th[aria-sort=ascending] button::after { content: " ↑"; color: var(--new); }
th[aria-sort=descending] button::after { content: " ↓"; color: var(--new); }
tbody tr:nth-child(even) { background: var(--soft); }
tbody td { font-variant-numeric: tabular-nums; white-space: nowrap; }
tbody .reason { white-space: normal; }
tbody .name { min-width: 14em; }
.badge { border: 1px solid; border-radius: 3px; padding: 0 5px; font-size: 12px; white-space: nowrap; }
.badge.flag { color: var(--flag); }
.badge.odd { color: var(--odd); }
.cards { display: grid; align-items: start; gap: 16px; }
.cards { grid-template-columns: repeat(auto-fill, minmax(min(300px, 100%), 1fr)); }
.card { border: 1px solid var(--line); border-radius: 4px; padding: 12px; }
.card:target { outline: 3px solid var(--new); }
.card p { margin: 8px 0 0; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(100px, 1fr)); gap: 8px; max-width: 540px; }
.picture { display: block; position: relative; }
.picture img { display: block; width: 100%; height: auto; }
.frame { position: absolute; border: 1px dashed #ffd54f; }
:root { --frame: #00e5ff; }
.filters { position: absolute; width: 0; height: 0; }
.slides { display: grid; gap: 16px; }
.parts { display: grid; align-items: start; gap: 8px 24px; }
.parts { grid-template-columns: repeat(auto-fit, minmax(min(380px, 100%), 1fr)); }
.overview { position: relative; overflow: hidden; background: #fff; }
.overview img, .places img { display: block; width: 100%; height: auto; }
.overview img.heat { position: absolute; left: 0; top: 0; opacity: .5; image-rendering: pixelated; }
.overview .place { position: absolute; border: 2px solid var(--frame); box-shadow: 0 0 0 1px #000; }
.overview .place { color: #000; font: 600 12px/16px system-ui, sans-serif; }
.bar { font-size: 12px; color: var(--quiet); white-space: nowrap; margin-top: 4px; }
.bar span { display: inline-block; height: 6px; border: 2px solid var(--text); border-top: 0; }
.controls label { display: grid; grid-template-columns: 6em 1fr; gap: 0 8px; font-size: 13px; margin-bottom: 8px; }
.controls input { width: 100%; margin: 0; }
.controls output { grid-column: 2; color: var(--quiet); font-variant-numeric: tabular-nums; }
[hidden] { display: none; }
.controls { margin-bottom: 16px; }
.numbers { margin: 0; padding: 0; list-style: none; font-size: 13px; font-variant-numeric: tabular-nums; }
.places { display: grid; gap: 16px; margin-top: 16px; }
.places { grid-template-columns: repeat(auto-fill, minmax(min(300px, 100%), 1fr)); }
/* Where eight columns have no room, each input is a block of its own, and the heads are a list of ways to sort. */
@media (max-width: 900px) {
  table, caption, tbody, thead { display: block; }
  thead tr { display: flex; flex-wrap: wrap; gap: 4px; margin-bottom: 8px; }
  thead th { border-radius: 4px; }
  tbody tr { display: flex; flex-wrap: wrap; gap: 0 16px; border: 1px solid var(--line); padding: 6px 8px; }
  tbody tr { margin-bottom: -1px; }
  tbody th, tbody td { border: 0; padding: 0; }
  tbody th, tbody .reason { flex-basis: 100%; }
  tbody th { font-weight: 600; }
  tbody .name { min-width: 0; }
  tbody td::before { content: attr(data-head) " "; color: var(--quiet); }
  tbody .flagged::before { content: none; }
  tbody .empty { display: none; }
}
"""
