"use strict";

// Figures: drawn once they come near the screen, all of them before printing.
const figures = JSON.parse(document.getElementById("figures").textContent);
const charts = [...document.querySelectorAll(".chart")];
const drawn = new Set();
function draw(chart) {
  if (drawn.has(chart)) return;
  drawn.add(chart);
  const { data, layout } = figures[chart.dataset.figure];
  Plotly.newPlot(chart, data, roomy(layout, chart.clientWidth), { displayModeBar: false });
  chart.on("plotly_click", ({ points }) => go(points[0].customdata));
  show(chart);
}
// Names of lines stand above them where they would take half of a narrow chart.
function roomy(layout, width) {
  const names = layout.yaxis.ticktext || [];
  const longest = Math.max(0, ...names.map((name) => name.length + (name.match(/[^ -~·–]/g) || []).length));
  if (longest * 7 < width * 0.4) return layout;
  const annotations = names.map((text, line) => ({
    text, xref: "paper", x: 0, xanchor: "left", y: line, yanchor: "bottom", yshift: 18, showarrow: false, borderpad: 0,
  }));
  const yaxis = { ...layout.yaxis, showticklabels: false };
  const height = layout.height + 16 * names.length;
  return { ...layout, height, yaxis, annotations, margin: { ...layout.margin, l: 10 } };
}
const near = new IntersectionObserver((seen) => {
  for (const { target, isIntersecting } of seen) if (isIntersecting) draw(target);
}, { rootMargin: "600px" });
const fit = () => drawn.forEach((chart) => chart.offsetParent && Plotly.Plots.resize(chart));
const places = new ResizeObserver(fit);
for (const chart of charts) {
  near.observe(chart);
  places.observe(chart);
}
addEventListener("beforeprint", () => { charts.forEach((chart) => chart.offsetParent && draw(chart)); fit(); });
addEventListener("afterprint", fit);

// Buttons that show and hide one value of an axis, in every figure and in the table of all runs.
const off = new Set();
const isOn = (numbers) => !numbers.some((number) => off.has(number));
const choices = (element) => element.dataset.choices.split(" ").map(Number);
function show(chart) {
  const traces = chart.data.flatMap((trace, index) => (trace.meta ? [index] : []));
  if (!traces.length) return;
  Plotly.restyle(chart, { visible: traces.map((index) => isOn(chart.data[index].meta)) }, traces);
}
for (const button of document.querySelectorAll(".choice")) {
  button.addEventListener("click", () => {
    const number = Number(button.dataset.choice);
    if (off.has(number)) off.delete(number); else off.add(number);
    button.setAttribute("aria-pressed", !off.has(number));
    for (const element of document.querySelectorAll("[data-choices]:not(tr)")) {
      element.hidden = !isOn(choices(element));
    }
    drawn.forEach(show);
    filter();
  });
}

// The switch between the loss and the gap.
for (const button of document.querySelectorAll("[data-view]")) {
  button.addEventListener("click", () => {
    for (const other of document.querySelectorAll("[data-view]")) {
      other.setAttribute("aria-pressed", other === button);
      document.querySelector(`[data-shown="${other.dataset.view}"]`).hidden = other !== button;
    }
  });
}

// The table of all runs: what is typed, a verdict, and the buttons above filter it together.
const runs = document.getElementById("runs");
const find = document.getElementById("find");
const verdict = document.getElementById("verdict");
function filter() {
  if (!find) return;
  const words = find.value.toLowerCase().split(/\s+/);
  const rows = [...runs.tBodies[0].rows];
  for (const row of rows) {
    const text = row.cells[0].textContent.toLowerCase();
    const told = row.querySelector("td.text").dataset.value;
    const fits = words.every((word) => text.includes(word)) && (!verdict.value || told === verdict.value);
    row.hidden = !(fits && (!row.dataset.choices || isOn(choices(row))));
  }
  const found = document.getElementById("found");
  const shown = rows.filter((row) => !row.hidden).length;
  found.value = found.dataset.text.replace("{shown}", shown).replace("{all}", rows.length);
}
if (find) {
  find.addEventListener("input", filter);
  verdict.addEventListener("input", filter);
  filter();
}

// A click on a cell or a dot leads to its run.
function go(run) {
  if (!runs || typeof run !== "string") return;
  const row = [...runs.tBodies[0].rows].find((each) => each.dataset.run === run);
  if (!row) return;
  for (const other of runs.querySelectorAll(".found")) other.classList.remove("found");
  row.classList.add("found");
  row.hidden = false;
  row.scrollIntoView({ block: "center" });
}

// Numbers by size, then what is missing or not finite, then names: `n32` before `n128`.
const isNumber = (text) => text !== "" && !isNaN(text);
function inOrder(a, b) {
  if (isNumber(a) && isNumber(b)) return a - b;
  if (isNumber(a) !== isNumber(b)) return isNumber(a) ? -1 : 1;
  return a.localeCompare(b, "en", { numeric: true });
}

// A click on a column's name sorts the runs by it; a second click turns the order round.
for (const button of runs ? runs.querySelectorAll("th button") : []) {
  button.addEventListener("click", () => {
    const head = button.parentElement;
    const down = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    for (const other of runs.querySelectorAll("th")) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down === 1 ? "ascending" : "descending");
    const value = (row) => row.cells[head.cellIndex].dataset.value;
    const rows = [...runs.tBodies[0].rows];
    rows.sort((a, b) => down * inOrder(value(a), value(b)));
    runs.tBodies[0].append(...rows);
  });
}

// A figure's numbers as CSV, and its picture, are made here: the page needs no file beside it.
function save(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
function csv(table) {
  const formula = /^[=+\-@\t\r]/; // what a spreadsheet would compute
  const field = (cell) => {
    const text = cell.dataset.key ?? cell.dataset.value ?? cell.textContent;
    const safe = cell.dataset.value === undefined && formula.test(text) ? `'${text}` : text;
    return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return [...table.rows].map((row) => [...row.cells].map(field).join(",")).join("\n") + "\n";
}
for (const button of document.querySelectorAll("[data-save]")) {
  button.addEventListener("click", () => {
    const details = button.closest("details");
    const { name } = details.dataset;
    if (button.dataset.save === "csv") return save(`${name}.csv`, csv(details.querySelector("table")));
    const chart = details.parentElement.querySelector(".chart");
    return Plotly.downloadImage(chart, { format: button.dataset.save, filename: name, width: 900, height: chart.offsetHeight });
  });
}
