// The keyboard: Ctrl-K finds anything, "/" searches the list, arrows walk it, n, e, Ctrl-Enter, "?".

import { say } from "./words.js";

const palette = makePalette();
let asked = 0;

function makePalette() {
  const field = document.querySelector("[data-find]");
  if (!field) return null;
  const dialog = document.createElement("dialog");
  dialog.className = "palette";
  dialog.setAttribute("aria-label", say("Find anything"));
  dialog.innerHTML =
    '<input type="search" role="combobox" aria-expanded="true" aria-controls="palette-list" aria-autocomplete="list" ' +
    'aria-label="Find anything" placeholder="A number, a person, a setting, an action …" autocomplete="off" spellcheck="false">' +
    '<ul id="palette-list" role="listbox" aria-label="Found"></ul>' +
    '<p class="hint"><span><kbd>↑</kbd> <kbd>↓</kbd> choose</span><span><kbd>Enter</kbd> open</span><span><kbd>Esc</kbd> close</span></p>';
  document.body.append(dialog);
  const input = dialog.querySelector("input");
  const list = dialog.querySelector("ul");
  const open = () => {
    if (dialog.open) return;
    input.value = field.value;
    dialog.showModal();
    input.select();
    look(input, list);
  };
  field.addEventListener("mousedown", (event) => { event.preventDefault(); open(); });
  field.addEventListener("input", open);
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("close", () => { field.value = ""; });
  input.addEventListener("input", () => look(input, list));
  input.addEventListener("keydown", (event) => {
    const items = [...list.querySelectorAll("[role=option]")];
    const at = items.findIndex((item) => item.ariaSelected === "true");
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && items.length) choose(items, (at + step + items.length) % items.length, input);
    else if (event.key === "Enter" && items[at]) go(items[at].dataset.href);
    else if (event.key === "Escape") dialog.close(); // not only what was typed
    else return;
    event.preventDefault();
  });
  list.addEventListener("click", (event) => {
    const item = event.target.closest("[role=option]");
    if (item) go(item.dataset.href);
  });
  return { open };
}

function go(address) {
  document.querySelector("dialog.palette").close();
  location = address;
}

function choose(items, at, input) {
  items.forEach((item, place) => item.setAttribute("aria-selected", String(place === at)));
  items[at]?.scrollIntoView({ block: "nearest" });
  if (items[at]) input.setAttribute("aria-activedescendant", items[at].id);
}

async function look(input, list) {
  const mine = ++asked;
  const answer = await fetch(`/admin/find?q=${encodeURIComponent(input.value)}`, { headers: { Accept: "application/json" } });
  if (!answer.ok || mine !== asked) return; // a newer question is on its way
  const { found } = await answer.json();
  if (mine !== asked) return;
  const sprite = document.querySelector("svg.icon use")?.getAttribute("href").split("#")[0];
  list.replaceChildren(...found.map((one, place) => option(one, place, sprite)));
  if (!found.length) {
    const none = document.createElement("li");
    none.className = "none";
    none.textContent = say("Nothing fits. Try a number, a name, or a word such as “ring”.");
    list.append(none);
  }
  choose([...list.querySelectorAll("[role=option]")], 0, input);
}

function option(one, place, sprite) {
  const item = document.createElement("li");
  item.id = `found-${place}`;
  item.setAttribute("role", "option");
  item.dataset.href = one.address;
  if (sprite) {
    item.innerHTML = '<svg class="icon" aria-hidden="true"><use></use></svg>';
    item.querySelector("use").setAttribute("href", `${sprite}#${one.icon}`);
  }
  const title = document.createElement("span");
  title.textContent = one.title;
  const detail = document.createElement("small");
  detail.textContent = one.detail;
  item.append(title, detail);
  return item;
}

// The rows of the list on the page.
function walk(step) {
  const rows = [...document.querySelectorAll("tr[data-href]")];
  if (!rows.length) return false;
  const at = rows.findIndex((row) => row.classList.contains("at"));
  const next = rows[at < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + step))];
  rows[at]?.classList.remove("at");
  next.classList.add("at");
  next.querySelector("a")?.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
  return true;
}

function press(event) {
  const { key, target } = event;
  if ((event.ctrlKey || event.metaKey) && key.toLowerCase() === "k" && palette) {
    event.preventDefault();
    palette.open();
    return;
  }
  if ((event.ctrlKey || event.metaKey) && key === "Enter") {
    target.closest("form")?.requestSubmit();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]:not(.panel)")) return;
  if (target.closest("input, select, textarea, [contenteditable], [role=listbox]")) return;
  let done = true;
  if (key === "/") (document.querySelector("[data-list] input[type=search], .search input[type=search]") ?? document.querySelector("[data-find]"))?.focus();
  else if (key === "?") showKeys();
  else if (key === "ArrowDown") done = walk(1);
  else if (key === "ArrowUp") done = walk(-1);
  else if (key === "n") done = follow('main a.primary[href$="/new"]');
  else if (key === "e") done = edit();
  else done = false;
  if (done) event.preventDefault();
}

function follow(selector) {
  const link = document.querySelector(selector);
  link?.click();
  return Boolean(link);
}

function edit() {
  const panel = document.querySelector(".panel[open]");
  const row = document.querySelector("tr.at[data-href]");
  if (row && !panel) row.querySelector("th a, a").click();
  else (panel ?? document).querySelector("[data-form] :is(input, select, textarea):not([type=hidden], :disabled)")?.focus();
  return true;
}

function showKeys() {
  document.getElementById("keys")?.showModal();
}

document.addEventListener("keydown", press);
document.addEventListener("click", (event) => { if (event.target.closest("[data-keys]")) showKeys(); });
