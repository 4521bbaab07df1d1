"use strict";

// Figures: drawn once, made to fit whenever their place or the paper changes.
const charts = [...document.querySelectorAll(".chart")];
const figures = JSON.parse(document.getElementById("figures").textContent);
for (const chart of charts) {
  const { data, layout } = figures[chart.dataset.figure];
  Plotly.newPlot(chart, data, layout, { displayModeBar: false });
}
const fit = () => charts.forEach((chart) => Plotly.Plots.resize(chart));
const places = new ResizeObserver(fit);
charts.forEach((chart) => places.observe(chart));
addEventListener("beforeprint", fit);
addEventListener("afterprint", fit);

// Buttons that show and hide one arm in every figure of lines.
for (const button of document.querySelectorAll("button[data-arm]")) {
  button.addEventListener("click", () => {
    const shown = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", shown);
    for (const chart of document.querySelectorAll(".chart[data-lines]")) {
      const traces = chart.data.flatMap((t, i) => (t.legendgroup === button.dataset.arm ? [i] : []));
      if (traces.length) Plotly.restyle(chart, { visible: shown }, traces);
    }
    for (const mark of document.querySelectorAll(`.mark[data-arm="${button.dataset.arm}"]`)) {
      mark.hidden = !shown;
    }
  });
}

// Numbers by size, then what is missing or not finite, then names: `n32` before `n128`.
const isNumber = (text) => text !== "" && !isNaN(text);
function inOrder(a, b) {
  if (isNumber(a) && isNumber(b)) return a - b;
  if (isNumber(a) !== isNumber(b)) return isNumber(a) ? -1 : 1;
  return a.localeCompare(b, "en", { numeric: true });
}

// A click on a column's name sorts the runs by it; a second click turns the order round.
const runs = document.getElementById("runs");
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
