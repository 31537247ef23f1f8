// Charts from the tables behind them: what is drawn can also be read and copied, and needs no figures of its own.
//
// A figure with data-chart="hours" or "lines" has its table within itself, over time. A place with data-chart-of names
// the table of another part of the page and the columns that are drawn (data-columns), over its first one as labels.
// data-mark is a value at which a line is drawn, with data-mark-label; data-numbers the language of the figures.

const root = document.documentElement;
const drawn = new Map(); // place: plot

function color(name) {
  return getComputedStyle(root).getPropertyValue(`--${name}`).trim() || "#888";
}

// A column of figures; null where there is none.
function column(table, n) {
  return [...table.tBodies[0].rows].map((row) => {
    const text = row.cells[n].dataset.value ?? row.cells[n].textContent.trim();
    return text === "" || text === "–" ? null : Number(text);
  });
}

function time(seconds, zone, days) {
  const options = days > 2 ? { day: "numeric", month: "numeric" } : { hour: "2-digit", minute: "2-digit" };
  return new Intl.DateTimeFormat(root.lang || undefined, { ...options, timeZone: zone, hourCycle: "h23" }).format(seconds * 1000);
}

function axis() {
  return { stroke: color("soft"), grid: { stroke: color("line"), width: 1 }, ticks: { stroke: color("line"), width: 1 } };
}

function plot(place, height, { series, scales, axes, hooks = {} }, data) {
  place.replaceChildren();
  const options = { width: place.clientWidth, height, cursor: { drag: { x: false, y: false } }, series, scales, axes, hooks };
  drawn.set(place, new uPlot(options, data, place));
  sizes.observe(place);
}

// ---- Over time -------------------------------------------------------------------------------------------------------

function overTime(figure) {
  const table = figure.querySelector("details table");
  const heads = [...table.tHead.rows[0].cells];
  const data = heads.map((_, n) => column(table, n));
  if (data[0].length < 2) {
    figure.querySelector("details").open = true;
    return;
  }
  const zone = figure.dataset.zone || "UTC";
  const days = (data[0].at(-1) - data[0][0]) / 86400;
  const bars = figure.dataset.chart === "hours";
  const least = Number(figure.dataset.least) || 0; // where the scale begins
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
    points: { show: least > 0, size: 6 },
    spanGaps: least > 0, // hours without a call; where measuring stopped there stays a gap
    paths: bars ? uPlot.paths.bars({ size: [0.8, 40] }) : undefined,
    value: (_, __, ___, index) => (index === null || index === undefined ? "–" : label(data[n + 1][index])),
  }));
  const said = (_, at) => (at ? `${days > 2 ? time(at, zone, 3) + " " : ""}${time(at, zone, 0)}` : "–");
  plot(figure.querySelector("[data-plot]"), 200, {
    scales: { x: { time: true }, y: { range: (_, low, high) => [least, Math.max(Number(figure.dataset.most) || 0, least ? 0 : high * 1.1, 1)] } },
    axes: [
      { ...axis(), values: (_, splits) => splits.map((one) => time(one, zone, days)) },
      { ...axis(), size: 64, values: (_, splits) => splits.map((one) => `${one}${unit}`) },
    ],
    series: [{ label: heads[0].textContent, value: said }, ...series],
  }, shown);
}

// ---- Over labels -----------------------------------------------------------------------------------------------------

// A line across at a value that the bars can be compared with.
function drawMark(chart, value, label) {
  const { ctx, bbox } = chart;
  const y = chart.valToPos(value, "y", true);
  ctx.save();
  ctx.strokeStyle = color("bad");
  ctx.fillStyle = color("bad");
  ctx.lineWidth = 2 * devicePixelRatio;
  ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
  ctx.textAlign = "right";
  ctx.textBaseline = "bottom";
  ctx.fillText(label, bbox.left + bbox.width, y - 5 * devicePixelRatio);
  ctx.restore();
}

function overLabels(place) {
  const table = document.getElementById(place.dataset.chartOf);
  const columns = place.dataset.columns.split(" ").map(Number);
  const heads = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
  const labels = [...table.tBodies[0].rows].map((row) => row.cells[0].textContent);
  const lines = "lines" in place.dataset;
  const least = Number(place.dataset.least) || 0;
  const colors = lines ? [color("brass"), color("info")] : [color("soft"), color("good")];
  const bars = uPlot.paths.bars({ size: [0.7, 60] });
  const said = (value) => (value === null || value === undefined ? "–" : place.dataset.numbers ? value.toLocaleString(place.dataset.numbers) : value);
  const data = columns.map((index) => column(table, index));
  const highest = Math.max(0, ...data.flat());
  const mark = Number(place.dataset.mark) || 0;
  const marked = mark > 0 && mark < 3 * highest; // else the bars would be too small to tell apart
  const long = labels.length <= 12 && Math.max(...labels.map((one) => one.length)) * 8 * labels.length > place.clientWidth - 64;
  plot(place, long ? 300 : 240, {
    hooks: marked ? { draw: [(chart) => drawMark(chart, mark, place.dataset.markLabel)] } : {},
    scales: {
      x: { time: false, range: () => [-0.6, labels.length - 0.4] },
      y: { range: (_, low, high) => (least ? [least, Number(place.dataset.most)] : [0, Math.max(high || 0, marked ? mark : 0, 1) * 1.08]) },
    },
    axes: [
      { ...axis(), grid: { show: false }, ticks: { show: false }, incrs: [1, 2, 3, 4, 6, 7, 8, 12, 14, 28, 30, 60, 90, 180], space: long ? 10 : 90,
        ...(long ? { rotate: -50, size: 90 } : {}),
        values: (_, places) => places.map((at) => labels[at] ?? "") },
      { ...axis(), ticks: { show: false }, size: 64, values: (_, splits) => splits.map(said) },
    ],
    series: [
      { label: heads[0], value: (_, at) => labels[at] ?? "–" },
      ...columns.map((index, n) => ({
        label: heads[index], value: (_, value) => said(value), stroke: colors[n], width: lines ? 2 : 0, fill: lines ? undefined : colors[n],
        paths: lines ? undefined : bars, points: { show: lines && labels.length < 2 }, spanGaps: true,
      })),
    ],
  }, [labels.map((_, index) => index), ...data]);
}

// ---- All of them -----------------------------------------------------------------------------------------------------

const sizes = new ResizeObserver((seen) => {
  for (const { target } of seen) {
    const one = drawn.get(target);
    if (one && target.clientWidth && one.width !== target.clientWidth) one.setSize({ width: target.clientWidth, height: one.height });
  }
});

function drawAll() {
  for (const one of drawn.values()) one.destroy();
  drawn.clear();
  for (const figure of document.querySelectorAll("[data-chart]")) overTime(figure);
  for (const place of document.querySelectorAll("[data-chart-of]")) overLabels(place);
}

if (window.uPlot) {
  drawAll();
  new MutationObserver(drawAll).observe(root, { attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
} else {
  for (const details of document.querySelectorAll("[data-chart] details")) details.open = true;
}
