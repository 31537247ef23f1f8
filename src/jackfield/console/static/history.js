// Charts of the statistics: each is drawn from the table that stands behind it, in the colours of the page.

const charts = new Map();

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function column(table, index) {
  return [...table.tBodies[0].rows].map((row) => {
    const cell = row.cells[index];
    const text = cell.dataset.value ?? cell.textContent;
    return text === "" ? null : Number(text);
  });
}

function draw(place) {
  charts.get(place)?.destroy();
  const table = document.getElementById(place.dataset.chartOf);
  const columns = place.dataset.columns.split(" ").map(Number);
  const heads = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
  const labels = [...table.tBodies[0].rows].map((row) => row.cells[0].textContent);
  const lines = "lines" in place.dataset;
  const colours = lines ? [colour("brass"), colour("info")] : [colour("soft"), colour("good")];
  const axis = { stroke: colour("soft"), grid: { stroke: colour("line"), width: 1 }, ticks: { show: false } };
  const bars = uPlot.paths.bars({ size: [0.7, 60] });
  const options = {
    width: place.clientWidth,
    height: 240,
    scales: {
      x: { time: false, range: () => [-0.6, labels.length - 0.4] },
      y: { range: (_, low, high) => [0, Math.max(high || 0, 1) * 1.08] },
    },
    axes: [
      { ...axis, grid: { show: false }, incrs: [1, 2, 3, 4, 6, 7, 8, 12, 14, 28, 30, 60, 90, 180], space: 90,
        values: (_, places) => places.map((at) => labels[at] ?? "") },
      axis,
    ],
    series: [
      { label: heads[0], value: (_, at) => labels[at] ?? "–" },
      ...columns.map((index, place) => ({
        label: heads[index], stroke: colours[place], width: lines ? 2 : 0, fill: lines ? undefined : colours[place],
        paths: lines ? undefined : bars, points: { show: lines && labels.length < 2 }, spanGaps: true,
      })),
    ],
    cursor: { drag: { x: false, y: false } },
  };
  const data = [labels.map((_, index) => index), ...columns.map((index) => column(table, index))];
  charts.set(place, new uPlot(options, data, place));
}

function drawAll() {
  for (const place of document.querySelectorAll("[data-chart-of]")) draw(place);
}

drawAll();
new MutationObserver(drawAll).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
const sizes = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const chart = charts.get(target);
    if (chart && chart.width !== target.clientWidth) chart.setSize({ width: target.clientWidth, height: chart.height });
  }
});
for (const place of charts.keys()) sizes.observe(place);
