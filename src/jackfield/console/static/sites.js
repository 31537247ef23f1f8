// The page of a site while somebody looks at it: the server sends it anew, and only what is different is touched.

import { labelCells } from "./console.js";

const place = document.querySelector("[data-site]");
const problem = document.querySelector("[data-problem]");
const lost = document.querySelector("[data-lost]");
let source = null;

const words = (node) => [...node.childNodes].filter((one) => one.nodeType === Node.TEXT_NODE).map((one) => one.data.trim()).join("|");

function mark(element) {
  element.classList.add("fresh");
  setTimeout(() => {
    element.classList.remove("fresh");
    if (!element.className) element.removeAttribute("class");
  }, 1000);
}

// An element without what is in it, and without what the page itself has put on it.
function shell(element) {
  const bare = element.cloneNode(false);
  bare.removeAttribute("tabindex");
  bare.classList.remove("fresh");
  if (!bare.className) bare.removeAttribute("class");
  return bare;
}

function renew(old, now) {
  if (old.children.length === now.children.length && words(old) === words(now) && shell(old).isEqualNode(shell(now))) {
    each(old, now);
  } else if (!old.contains(document.activeElement)) {
    old.replaceWith(now);
    mark(now);
  }
}

function each(old, now) {
  const fresh = [...now.children]; // which leave it while they are put in place
  [...old.children].forEach((child, n) => renew(child, fresh[n]));
}

function show({ running, problem: text, html }) {
  problem.hidden = running;
  problem.textContent = text;
  lost.hidden = true;
  if (!html) return;
  const made = document.createElement("div");
  made.dataset.site = place.dataset.site;
  made.innerHTML = html;
  labelCells(made);
  if (made.children.length !== place.children.length) place.replaceChildren(...made.childNodes);
  else each(place, made);
}

function open() {
  if (source) return;
  source = new EventSource(place.dataset.site);
  source.addEventListener("site", (event) => show(JSON.parse(event.data)));
  source.onopen = () => { lost.hidden = true; };
  source.onerror = () => { lost.hidden = false; };
}

function close() {
  source?.close();
  source = null;
}

// A page that nobody sees holds no connection: a browser has only six for each server.
document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
addEventListener("pagehide", close);
addEventListener("pageshow", (event) => event.persisted && open());
if (!document.hidden) open();
