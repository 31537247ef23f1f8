// The panel at the side of a list: a row opens there, with the address that it has as a page. Back and Esc close it.
//
// The server leaves the frame away for whoever asks with `HX-Target: panel`. What is saved is answered with the event
// "saved"; then the list is fetched anew and its rows change in place.

const side = document.getElementById("side");
const table = document.querySelector("table[data-panel]");
const home = location.pathname + location.search;
const here = () => location.pathname + location.search;
const NARROW = matchMedia("(max-width: 860px)");
const THING = /^\/admin\/[a-z_]+\/(new|[0-9a-f]+)(\/remove)?$/;
const SENT = { "hx-boost": "true", "hx-target": "#panel", "hx-swap": "innerHTML show:none", "hx-push-url": "false" };
let came = null; // the row that the panel was opened from
let changed = false;

export function panel({ enhance, labelCells, closable }) {
  const on = side && (table || document.querySelector("[data-panel-open]"));
  // A page that was loaded in the place of a panel shares its history with the list before it.
  addEventListener("popstate", () => {
    if (on) arrive();
    else if (location.pathname !== home.split("?")[0]) location.reload();
  });
  if (!on) return;

  async function show(address) {
    const again = side.open;
    if (!again) NARROW.matches ? side.showModal() : side.show();
    shown();
    side.setAttribute("aria-busy", "true");
    await htmx.ajax("GET", address, { target: "#panel", swap: "innerHTML show:none" });
    side.removeAttribute("aria-busy");
  }
  function shown() {
    for (const row of document.querySelectorAll("table[data-panel] tr[data-href]")) {
      row.classList.toggle("open", side.open && row.dataset.href === location.pathname);
    }
  }
  function go(address) {
    const depth = (history.state?.panel ?? 0) + 1;
    history.pushState({ panel: depth }, "", address);
    show(address);
  }
  function leave() {
    if (history.state?.panel) history.go(-history.state.panel);
    else hide();
  }
  async function hide() {
    if (!side.open) return;
    const kept = side.querySelector(".unsaved")?.textContent ? side.dataset.kept : "";
    side.close();
    shown();
    side.querySelector("#panel").replaceChildren();
    document.title = side.dataset.title;
    if (kept) tell(kept);
    if (changed) await refresh();
    const row = came && document.querySelector(`tr[data-href="${CSS.escape(came)}"] a`);
    (row ?? document.getElementById("main")).focus({ preventScroll: true });
  }
  function arrive() {
    if (history.state?.panel) show(here());
    else if (here().split("#")[0] === home) hide();
    else location.reload();
  }
  function tell(text) {
    const toast = Object.assign(document.createElement("p"), { className: "notice good", textContent: text });
    document.querySelector("main > .toasts").append(toast);
    closable(toast);
  }

  // ---- The list behind it -------------------------------------------------------------------------------------------

  async function refresh() {
    changed = false;
    const answer = await fetch(home);
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
    const main = document.getElementById("main");
    const [old, now] = [main.querySelector("table[data-panel]"), fresh.querySelector("table[data-panel]")];
    if (!old || !now) {
      main.replaceChildren(...fresh.childNodes); // from empty to not, or back
      main.querySelectorAll(".toasts .notice:not(:has(.close))").forEach(closable);
      labelCells(document);
      return;
    }
    for (const part of [".notices", ".toasts", ".count"]) {
      const [was, is] = [main.querySelector(part), fresh.querySelector(part)];
      if (was && is && !(part === ".toasts" && !is.children.length)) was.replaceChildren(...is.childNodes);
    }
    main.querySelectorAll(".toasts .notice:not(:has(.close))").forEach(closable);
    rows(old, now);
    labelCells(document);
  }
  function rows(old, now) {
    const known = new Map([...old.querySelectorAll("tr[data-href]")].map((row) => [row.dataset.href, row]));
    [...now.tBodies].forEach((body, place) => {
      const into = old.tBodies[place] ?? old.appendChild(document.createElement("tbody"));
      let before = null;
      for (const row of [...body.rows]) {
        const was = known.get(row.dataset.href);
        known.delete(row.dataset.href);
        const differs = !was || [...row.cells].some((cell, n) => said(cell) !== said(was.cells[n]));
        const one = differs ? row : was;
        if (was && differs) was.replaceWith(row);
        if (before ? before.nextElementSibling !== one : into.firstElementChild !== one) {
          if (before) before.after(one); else into.prepend(one);
        }
        if (differs) one.classList.add("fresh");
        before = one;
      }
      while (before?.nextElementSibling) before.nextElementSibling.remove();
    });
    for (const row of known.values()) row.remove();
  }
  const said = (cell) => (!cell || cell.dataset.liveCell || cell.classList.contains("box") ? "" : cell.textContent.trim());

  // ---- What leads where ---------------------------------------------------------------------------------------------

  // A link of a row, or one that says so, opens in the panel; within the panel, what belongs to one thing stays there.
  function follow(event, link) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    if (!link.href || link.target || link.hasAttribute("download") || "whole" in link.dataset) return;
    const [address, inside] = [new URL(link.href), side.contains(link)];
    if (address.origin !== location.origin || (address.hash && address.pathname === location.pathname)) return;
    const path = address.pathname + address.search;
    if (inside && address.pathname === home.split("?")[0]) leave();
    else if (inside ? THING.test(address.pathname) : link.closest("tr")?.dataset.href === path || "panelOpen" in link.dataset) {
      if (!inside) came = link.closest("tr")?.dataset.href ?? null;
      go(path);
    } else return;
    event.preventDefault();
  }
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-panel-close]")) leave();
    const link = event.target.closest("a[href]");
    if (link) follow(event, link);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented || !side.open) return;
    if (document.querySelector("dialog[open]:not(#side)")) return;
    event.preventDefault();
    leave();
  });
  side.addEventListener("cancel", (event) => { event.preventDefault(); leave(); });

  // ---- What comes from the server -----------------------------------------------------------------------------------

  side.addEventListener("htmx:beforeSwap", ({ detail }) => {
    const page = (detail.xhr.getResponseHeader("Content-Type") ?? "").startsWith("text/html");
    if (page && [403, 404, 409, 422].includes(detail.xhr.status)) [detail.shouldSwap, detail.isError] = [true, false];
  });
  side.addEventListener("htmx:afterRequest", ({ detail }) => {
    if (detail.requestConfig.verb === "post" && detail.successful) changed = true;
    if (detail.xhr.status >= 500 || !detail.xhr.status) location.reload(); // the page says it
  });
  side.addEventListener("htmx:afterSwap", ({ detail }) => {
    for (const form of side.querySelectorAll("form[method=post]")) {
      if (!form.getAttribute("action")) form.setAttribute("action", new URL(detail.xhr.responseURL).pathname);
      for (const [name, value] of Object.entries(SENT)) form.setAttribute(name, value);
      htmx.process(form);
    }
    enhance(side);
    const title = side.querySelector("h1");
    if (title) title.tabIndex = -1;
    if (title && !title.id) title.id = "panel-title";
    const page = side.querySelector(".panel-page");
    if (page) page.scrollTop = 0;
    (side.querySelector("[data-focus]") ?? title ?? side).focus({ preventScroll: true });
  });
  document.body.addEventListener("saved", () => { changed = true; leave(); });
  side.dataset.title = document.title;
}

// Whatever opens rows asks here first.
export function openRowInPanel(row) {
  if (!side || !row.closest("table[data-panel]")) return false;
  const link = row.querySelector(`a[href="${CSS.escape(row.dataset.href)}"]`);
  link?.click();
  return Boolean(link);
}
