// The page of a site while somebody looks at it: the server sends it anew, and only what is different is touched.

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

function renew(old, now) {
  if (old.isEqualNode(now)) return;
  const alike = old.children.length && old.children.length === now.children.length && words(old) === words(now)
    && old.cloneNode(false).isEqualNode(now.cloneNode(false));
  if (alike) {
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
