// What pages do beyond links and forms. Everything works without it but what is live by nature.

import { explainable } from "./cards.js";
import "./keys.js";
import { keepDrafts } from "./drafts.js";
import { enhanceInputs } from "./inputs.js";
import { openRowInPanel, panel } from "./panel.js";
import { say } from "./words.js";

const root = document.documentElement;

function switchTheme() {
  const dark = root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("theme", root.dataset.theme);
}

// A filter counts as soon as it is chosen; the button stays for those without scripts.
function filterAtOnce(event) {
  if (event.target.matches("[data-list] select")) event.target.form.requestSubmit();
}

// What is not asked for is not in the address.
function leaveOutEmpty(event) {
  if (!event.target.matches("[data-list]")) return;
  for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
}

// The whole row leads where its first cell does.
function openRow(event) {
  const row = event.target.closest("tr[data-href]");
  if (!row || event.target.closest("a, button, input, label, select") || getSelection().toString()) return;
  if (event.ctrlKey || event.metaKey) open(row.dataset.href);
  else if (!openRowInPanel(row)) location = row.dataset.href;
}

// One more empty row at the end of a table of a form, numbered on.
function addRow(button) {
  const rows = [...button.parentElement.querySelectorAll("[data-row]")];
  const fresh = rows.at(-1).cloneNode(true);
  const move = (text) => text.replace(/([.-])(\d+)([.-])/, (_, a, n, b) => a + rows.length + b);
  for (const element of fresh.querySelectorAll("[name], [id], [for]")) {
    for (const name of ["name", "id", "for"]) {
      if (element.hasAttribute(name)) element.setAttribute(name, move(element.getAttribute(name)));
    }
    if (element.type === "checkbox") element.checked = false;
    else if (element.tagName === "INPUT") element.value = element.defaultValue;
    else if (element.tagName === "SELECT") element.selectedIndex = 0;
  }
  rows.at(-1).after(fresh);
  fresh.querySelector("input")?.focus();
}

// What is wider or higher than its frame can be reached by Tab, so that the arrows move it.
const sizes = new ResizeObserver((seen) => {
  for (const { target } of seen) {
    const over = target.scrollWidth > target.clientWidth || target.scrollHeight > target.clientHeight;
    if (over) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});

// On a narrow screen rows become cards: each cell must say what it is.
export function labelCells(within) {
  for (const box of within.querySelectorAll(".scroll")) sizes.observe(box);
  for (const table of within.querySelectorAll(".scroll > table")) {
    const heads = [...table.querySelectorAll("thead th")].map((head) => head.textContent.trim());
    if (heads.length < 3) continue;
    table.classList.add("cards");
    for (const row of table.querySelectorAll("tbody tr")) {
      [...row.children].forEach((cell, place) => {
        if (cell.tagName === "TD" && heads[place] && cell.colSpan === 1) cell.dataset.label = heads[place];
        cell.classList.toggle("blank", cell.tagName === "TD" && !cell.textContent.trim() && !cell.children.length);
      });
    }
  }
}

// A notice can be read and put away.
function closable(toast) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet close";
  button.setAttribute("aria-label", say("Close"));
  button.textContent = "×";
  button.addEventListener("click", () => toast.remove());
  toast.append(button);
}

// What a link within the page leads to may lie in a folded part.
function unfold() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  target.closest("details")?.setAttribute("open", "");
  target.scrollIntoView({ block: "center" });
  target.focus();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.matches("[data-theme-switch]")) switchTheme();
  else if (button?.matches("[data-add-row]")) addRow(button);
  else if (button?.matches("[data-print]")) print();
  else openRow(event);
  for (const menu of document.querySelectorAll("details.drop[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("change", filterAtOnce);
document.addEventListener("formdata", leaveOutEmpty);
document.addEventListener("htmx:afterSwap", (event) => labelCells(event.target.parentElement ?? document));
addEventListener("hashchange", unfold);

function enhance(within) {
  enhanceInputs(within);
  keepDrafts(within);
  labelCells(within);
  explainable(within);
  within.querySelectorAll(".toasts .notice:not(:has(.close))").forEach(closable);
}

enhance(document);
panel({ enhance, labelCells, closable });
document.querySelector("[data-focus]")?.focus();
unfold();
