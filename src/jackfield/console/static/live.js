// Parts of pages that change by themselves: the server sends finished rows, and here they find their places.

const tables = new Map([...document.querySelectorAll("[data-live-rows]")].map((body) => [body.dataset.liveRows, body]));
const figures = [...document.querySelectorAll("[data-live-count]")];
const states = () => [...document.querySelectorAll("[data-live-cell]")];
const stateParts = new Set(states().map((cell) => cell.dataset.liveCell));
const parts = [...tables.keys(), ...stateParts, ...(figures.length ? ["counts"] : [])];
const problem = document.querySelector("[data-live-switch]");
const told = document.querySelector("[data-live-state]");
const GONE_AFTER = 3000;
let source = null;

function parse(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content.firstElementChild;
}

// A soft mark for a second, and nothing more.
function mark(element) {
  element.classList.remove("fresh");
  void element.offsetWidth;
  element.classList.add("fresh");
}

// Time goes on by itself and is no reason to touch a cell.
const meaning = (cell) => cell.querySelector("time")?.dataset.since ?? cell.innerHTML;

function find(body, id) {
  return [...body.rows].find((row) => row.dataset.key === id && !row.classList.contains("gone"));
}

function put({ part, id, html }) {
  const body = tables.get(part);
  const fresh = body && parse(html);
  if (!fresh) return;
  const row = find(body, id);
  if (!row) {
    if ("livePart" in body.dataset) return; // a search or one page of many: new rows have no place here
    if ("liveNewest" in body.dataset) body.prepend(fresh);
    else body.append(fresh);
    mark(fresh);
  } else {
    const changed = [...fresh.cells].map((cell, n) => [row.cells[n], cell]).filter(([old, now]) => meaning(old) !== meaning(now));
    if (row.contains(document.activeElement) && changed.some(([old]) => old.contains(document.activeElement))) return;
    for (const [old, now] of changed) old.replaceWith(now);
    if (changed.length) mark(row);
  }
  empty(part);
}

// What has ended stays for a moment, and for as long as the pointer is over the table: nothing moves under it.
function gone({ part, id }) {
  const body = tables.get(part);
  const row = body && find(body, id);
  if (!row) return;
  row.classList.add("gone");
  for (const button of row.querySelectorAll("button")) button.disabled = true;
  setTimeout(() => sweep(body, part), GONE_AFTER);
}

function sweep(body, part) {
  if (body.matches(":hover")) {
    body.addEventListener("pointerleave", () => sweep(body, part), { once: true });
    return;
  }
  for (const row of body.querySelectorAll("tr.gone")) row.remove();
  empty(part);
}

function empty(part) {
  const none = !tables.get(part)?.rows.length;
  for (const element of document.querySelectorAll(`[data-live-empty="${part}"]`)) element.hidden = !none;
  for (const element of document.querySelectorAll(`[data-live-table="${part}"]`)) element.hidden = none;
}

function all({ part, ids }) {
  const known = new Set(ids);
  for (const row of tables.get(part)?.rows ?? []) if (!known.has(row.dataset.key)) gone({ part, id: row.dataset.key });
}

function counts(found) {
  for (const element of figures) {
    const text = String(found[element.dataset.liveCount]);
    if (element.textContent !== text) {
      element.textContent = text;
      mark(element);
    }
  }
}

// The state of each row of a list. One that nothing is said of has what stands at its column's head.
function state({ part, states: found, known, all: whole }) {
  for (const cell of states()) {
    const { liveCell, key } = cell.dataset;
    if (liveCell !== part || !known || !(whole || key in found)) continue;
    const head = document.querySelector(`[data-live-none="${part}"]`);
    const { text, kind, more } = found[key] ?? { text: head.dataset.text, kind: head.dataset.kind, more: "" };
    const chip = cell.querySelector(".chip");
    if (chip.textContent === text && chip.title === more) continue;
    if (chip.textContent !== text) mark(cell);
    chip.textContent = text;
    chip.className = `chip ${kind}`;
    chip.title = more;
  }
}

function tell(text) {
  if (!told) return;
  told.hidden = !text;
  told.textContent = text;
}

function open() {
  if (source || !parts.length) return;
  source = new EventSource(`/admin/live?for=${parts}`);
  const on = (kind, act) => source.addEventListener(kind, (event) => act(JSON.parse(event.data)));
  on("put", put);
  on("gone", gone);
  on("all", all);
  on("counts", counts);
  on("states", state);
  on("switch", (found) => {
    tell("");
    if (problem) [problem.hidden, problem.textContent] = [found.running, found.problem];
  });
  source.onerror = () => tell("The connection to the server is lost: this shows how it was. It is tried again.");
}

function close() {
  source?.close();
  source = null;
}

// A page that nobody sees holds no connection: a browser has only six for each server.
document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
addEventListener("pagehide", close);
addEventListener("pageshow", (event) => event.persisted && open());

function tick() {
  const now = Date.now() / 1000;
  for (const element of document.querySelectorAll("tr:not(.gone) time[data-since]")) {
    const whole = Math.max(0, Math.floor(now - element.dataset.since));
    const [hours, minutes, seconds] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
    const two = (value) => String(value).padStart(2, "0");
    element.textContent = hours ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
  }
}
setInterval(tick, 1000);

if (!document.hidden) open();
