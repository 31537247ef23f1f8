// Charts from the tables behind them: what is drawn can also be read and copied.

const root = document.documentElement;
const drawn = [];

function color(name) {
  return getComputedStyle(root).getPropertyValue(`--${name}`).trim() || "#888";
}

// The figures of a table: columns of numbers, the first being the time.
function columns(table) {
  const rows = [...table.tBodies[0].rows];
  return [...table.tHead.rows[0].cells].map((_, n) =>
    rows.map((row) => {
      const cell = row.cells[n];
      const text = cell.dataset.value ?? cell.textContent.trim();
      return text === "" || text === "–" ? null : Number(text);
    }),
  );
}

function time(seconds, zone, days) {
  const options = days > 2 ? { day: "numeric", month: "numeric" } : { hour: "2-digit", minute: "2-digit" };
  return new Intl.DateTimeFormat(root.lang || undefined, { ...options, timeZone: zone, hourCycle: "h23" }).format(seconds * 1000);
}

function draw(figure) {
  const place = figure.querySelector("[data-plot]");
  const table = figure.querySelector("details table");
  const heads = [...table.tHead.rows[0].cells];
  const data = columns(table);
  if (!window.uPlot || data[0].length < 2) {
    figure.querySelector("details").open = true;
    return;
  }
  const zone = figure.dataset.zone || "UTC";
  const days = (data[0].at(-1) - data[0][0]) / 86400;
  const bars = figure.dataset.chart === "hours";
  let unit = figure.dataset.unit || "";
  if (unit === " MB" && Math.max(...data.slice(1).flat()) > 2048) {
    unit = " GB";
    for (let n = 1; n < data.length; n += 1) data[n] = data[n].map((value) => value / 1024);
  }
  const shown = [...data];
  if (bars) for (let n = shown.length - 2; n > 0; n -= 1) shown[n] = shown[n].map((value, row) => value + shown[n + 1][row]);
  const label = (value) => (value === null || value === undefined ? "–" : `${Number(value.toFixed(value < 10 ? 1 : 0))}${unit}`);
  const series = heads.slice(1).map((head, n) => ({
    label: head.textContent.replace(/, (MB|%)$/, ""),
    stroke: color(head.dataset.color || "brass"),
    fill: bars ? color(head.dataset.color || "brass") : undefined,
    width: bars ? 0 : 2,
    points: { show: false },
    paths: bars ? uPlot.paths.bars({ size: [0.8, 40] }) : undefined,
    value: (_, __, ___, index) => (index === null || index === undefined ? "–" : label(data[n + 1][index])),
  }));
  const axis = { stroke: color("soft"), grid: { stroke: color("line"), width: 1 }, ticks: { stroke: color("line"), width: 1 } };
  place.replaceChildren();
  const plot = new uPlot(
    {
      width: place.clientWidth,
      height: 200,
      cursor: { drag: { x: false, y: false } },
      scales: { x: { time: true }, y: { range: (_, low, high) => [0, Math.max(Number(figure.dataset.most) || 0, high * 1.1, 1)] } },
      axes: [
        { ...axis, values: (_, splits) => splits.map((one) => time(one, zone, days)) },
        { ...axis, size: 64, values: (_, splits) => splits.map((one) => `${one}${unit}`) },
      ],
      series: [{ label: "Time", value: (_, value) => (value ? `${days > 2 ? time(value, zone, 3) + " " : ""}${time(value, zone, 0)}` : "–") }, ...series],
    },
    shown,
    place,
  );
  drawn.push([plot, place]);
}

function drawAll() {
  while (drawn.length) drawn.pop()[0].destroy();
  for (const figure of document.querySelectorAll("[data-chart]")) draw(figure);
}

drawAll();
new MutationObserver(drawAll).observe(root, { attributeFilter: ["data-theme"] });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
addEventListener("resize", () => {
  for (const [plot, place] of drawn) plot.setSize({ width: place.clientWidth, height: 200 });
});
