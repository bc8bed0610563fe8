"""All inputs, sorted and filtered where the page is read: their data as JSON, of which a script shows some rows."""

import json

import pandas as pd

from pipeline.scoring.page_text import plain

HEADS = {
    "name": "name",
    "score": "score",
    "percentile": "percentile",
    "p": "p",
    "q": "q",
    "flagged": "flagged",
    "appearance_p": "appearance p",
    "reason": "remark",
}
DIGITS = 6  # after the point, as in results.csv
KINDS = ("all", "flagged", "failed", "strange")

TABLE = """<form id="filters" autocomplete="off">
<fieldset><legend>show</legend>{kinds}</fieldset>
<label>name or remark contains <input type="search" id="contains"></label>
</form>
<p class="pages"><span id="range" role="status"></span>
<button type="button" id="start">first</button> <button type="button" id="back">back</button>
<button type="button" id="next">next</button> <button type="button" id="end">last</button></p>
<div class="wide"><table id="inputs">
<caption>All inputs; a head sorts, a second time the other way round.</caption>
<thead><tr>{heads}</tr></thead>
<tbody></tbody>
</table></div>
<noscript><p>Without scripts this table stays empty: see results.csv.</p></noscript>
<script type="application/json" id="data">{data}</script>
"""

SCRIPT = """"use strict";
const ROWS = 50;
const element = id => document.getElementById(id);
const data = JSON.parse(element("data").textContent);
const searched = data.name.map((name, row) => (name + "\\n" + data.reason[row]).toLowerCase());
const heads = [...document.querySelectorAll("#inputs th")];
const kinds = {
  all: () => true,
  flagged: row => data.flagged[row] === 1,
  failed: row => data.flagged[row] === null,
  strange: row => data.strange[row] === 1,
};
const rising = new Set(["name", "p", "q", "appearance_p", "reason"]);  // the telling end first
const state = { column: "score", sign: -1, kind: "all", contains: "", first: 0 };
let rows = [];

function compare(one, other) {
  const a = data[state.column][one], b = data[state.column][other];
  if (a === b) return one - other;
  if (a === null || a === "") return 1;  // what is missing comes last, either way
  if (b === null || b === "") return -1;
  return a < b ? -state.sign : state.sign;
}

function choose() {
  const fits = kinds[state.kind];
  rows = [];
  for (let row = 0; row < searched.length; row++) {
    if (fits(row) && searched[row].includes(state.contains)) rows.push(row);
  }
  rows.sort(compare);
  state.first = 0;
  show();
}

function number(value) {
  return value === null ? "" : String(Number(value.toPrecision(4)));
}

function written(row, column) {
  const value = data[column][row];
  if (column === "name" || column === "reason") return value;
  if (column === "flagged") return value === 1 ? "flagged" : "";
  return column === "score" && value !== null ? String(value) : number(value);
}

function nameOf(row) {
  const name = document.createElement(element("image-" + row) ? "a" : "span");
  if (name.localName === "a") name.href = "#image-" + row;
  name.append(document.createElement("bdi"));
  name.firstChild.dir = "ltr";  // as paths are read
  name.firstChild.textContent = data.name[row];
  return name;
}

function cell(row, head) {
  const column = head.dataset.column;
  const made = document.createElement(column === "name" ? "th" : "td");
  const text = written(row, column);
  made.className = column;
  made.dataset.head = head.textContent;
  if (column === "name") {
    made.scope = "row";
    made.append(nameOf(row));
  } else if (column === "flagged" && text) {
    made.append(badge(text, "flag"));
  } else {
    made.textContent = text;
    if (column === "appearance_p" && data.strange[row] === 1) made.append(" ", badge("strange", "odd"));
  }
  if (!made.textContent) made.classList.add("empty");
  return made;
}

function badge(text, kind) {
  const made = document.createElement("span");
  made.className = "badge " + kind;
  made.textContent = text;
  return made;
}

function show() {
  const shown = rows.slice(state.first, state.first + ROWS);
  document.querySelector("#inputs tbody").replaceChildren(...shown.map(row => {
    const line = document.createElement("tr");
    line.append(...heads.map(head => cell(row, head)));
    return line;
  }));
  for (const head of heads) {
    if (head.dataset.column === state.column) {
      head.setAttribute("aria-sort", state.sign < 0 ? "descending" : "ascending");
    } else {
      head.removeAttribute("aria-sort");
    }
  }
  const [from, to, count] = [state.first + 1, state.first + shown.length, rows.length].map(n => n.toLocaleString("en"));
  element("range").textContent = rows.length === 0 ? "nothing fits" : `${from} to ${to} of ${count}`;
  element("start").disabled = element("back").disabled = state.first === 0;
  element("next").disabled = element("end").disabled = state.first + ROWS >= rows.length;
}

function turn(first) {
  state.first = first;
  show();
}

for (const head of heads) {
  head.firstChild.addEventListener("click", () => {
    const column = head.dataset.column;
    state.sign = column === state.column ? -state.sign : rising.has(column) ? 1 : -1;
    state.column = column;
    choose();
  });
}
element("filters").addEventListener("input", () => {
  state.kind = document.querySelector("#filters input:checked").value;
  state.contains = element("contains").value.toLowerCase();
  choose();
});
element("filters").addEventListener("submit", event => event.preventDefault());
element("start").addEventListener("click", () => turn(0));
element("back").addEventListener("click", () => turn(state.first - ROWS));
element("next").addEventListener("click", () => turn(state.first + ROWS));
element("end").addEventListener("click", () => turn(Math.floor((rows.length - 1) / ROWS) * ROWS));
choose();
"""


def inputs_table(table: pd.DataFrame) -> str:
    """Return the table that :data:`SCRIPT` fills, its controls and its data.

    Args:
        table: Of all inputs, with the columns of :data:`HEADS`, ``failed`` (it has no score) and ``strange``.
            Slides have a score and no p.
    """
    counts = {"all": len(table)} | {kind: int(table[kind].sum()) for kind in KINDS[1:]}
    heads = [
        f'<th scope="col" data-column="{column}"><button type="button">{head}</button></th>'
        for column, head in HEADS.items()
    ]
    kinds = [
        f'<label><input type="radio" name="kind" value="{kind}"{" checked" if kind == "all" else ""}>'
        f"<span>{kind} {counts[kind]:,}</span></label>"
        for kind in KINDS
    ]
    return TABLE.format(kinds="".join(kinds), heads="".join(heads), data=_json(table))


def _json(table: pd.DataFrame) -> str:
    """Columns, not rows, so that no key is written 100,000 times; without a letter that could end the element."""
    columns = {column: table[column].map(plain).tolist() for column in ("name", "reason")}
    numbers = table[["score", "strange", "flagged"]].join(table[["percentile", "p", "q", "appearance_p"]].round(DIGITS))
    for column in numbers:
        values = numbers[column] * 1  # truths are written as 0 and 1
        columns[str(column)] = values.astype(object).where(values.notna() & ~table["failed"], None).tolist()
    text = json.dumps(columns, separators=(",", ":"), allow_nan=False)
    return text.replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e")
