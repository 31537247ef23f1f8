// What was typed and not saved is kept in this tab when one walks away, and offered on the way back. Never passwords.

import { say } from "./words.js";

const FORGET = 12 * 3600 * 1000;

function values(form) {
  const kept = [];
  for (const [name, value] of new FormData(form)) {
    const fields = form.elements[name];
    const field = fields instanceof RadioNodeList ? fields[0] : fields;
    if (typeof value === "string" && field && !["hidden", "password", "file"].includes(field.type)) kept.push([name, value]);
  }
  return JSON.stringify(kept);
}

function restore(form, kept) {
  const byName = Map.groupBy ? Map.groupBy(kept, ([name]) => name) : grouped(kept);
  for (const field of form.elements) {
    if (!field.name || ["password", "file", "submit", "hidden"].includes(field.type)) continue;
    const given = (byName.get(field.name) ?? []).map(([, value]) => value);
    if (field.type === "checkbox" || field.type === "radio") field.checked = given.includes(field.value);
    else if (given.length) field.value = given[0];
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.dispatchEvent(new CustomEvent("restored", { bubbles: true }));
  }
}

function grouped(kept) {
  const found = new Map();
  for (const pair of kept) found.set(pair[0], [...(found.get(pair[0]) ?? []), pair]);
  return found;
}

function offer(form, key, kept) {
  const notice = document.createElement("div");
  notice.className = "notice with-button";
  notice.setAttribute("role", "status");
  notice.innerHTML = "<p></p>";
  notice.firstChild.textContent = say("You typed something here and did not save it.");
  for (const [text, act] of [
    [say("Restore"), () => restore(form, kept)],
    [say("Forget"), () => sessionStorage.removeItem(key)],
  ]) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    button.addEventListener("click", () => { act(); notice.remove(); });
    notice.append(button);
  }
  form.before(notice);
}

function read(key) {
  try {
    const found = JSON.parse(sessionStorage.getItem(key));
    return found && Date.now() - found.at < FORGET ? found.values : null;
  } catch {
    return null;
  }
}

function change(key, how) {
  const found = JSON.parse(sessionStorage.getItem(key) ?? "null");
  const next = found && how(found);
  if (next) sessionStorage.setItem(key, JSON.stringify(next));
  else sessionStorage.removeItem(key);
}

// What was sent is done with, but where the answer is a page that says no, or the same form without a word of saving.
function tidy(saved) {
  const refused = !saved && document.querySelector("main.alone");
  const same = saved || document.querySelector(".toasts .notice.good") ? "" : `draft ${location.pathname}`;
  for (const key of Object.keys(sessionStorage)) {
    if (key.startsWith("draft ")) {
      change(key, (draft) => (!draft.sent ? draft : refused || key === same ? { ...draft, sent: false } : null));
    }
  }
}
tidy(false);
document.addEventListener("saved", () => tidy(true));

function keep(form) {
  const key = `draft ${location.pathname}`;
  const before = values(form);
  const refused = (form.closest(".panel-page") ?? document).querySelector("[data-focus]") !== null; // what was typed is shown again already
  const kept = refused ? null : read(key);
  if (kept && JSON.stringify(kept) !== before) offer(form, key, kept);
  let sent = false;
  const mark = document.createElement("span");
  mark.className = "unsaved";
  mark.setAttribute("role", "status");
  form.querySelector(".save .primary")?.after(mark);
  const note = () => {
    const now = values(form);
    const changed = refused || now !== before;
    mark.textContent = changed ? say("Not saved yet") : "";
    if (changed) sessionStorage.setItem(key, JSON.stringify({ at: Date.now(), values: JSON.parse(now) }));
    else sessionStorage.removeItem(key);
  };
  if (refused) note();
  form.addEventListener("input", note);
  form.addEventListener("change", note);
  // Until the server has taken it, what is sent is not lost: the session may be over, or the line be down.
  form.addEventListener("submit", () => {
    sent = true;
    mark.textContent = "";
    change(key, (draft) => ({ ...draft, sent: true }));
  });
  addEventListener("beforeunload", (event) => {
    if (!sent && form.isConnected && mark.textContent && !document.querySelector("[data-leaving]")) event.preventDefault();
  });
  // Cancelling is meant: no question, and no draft.
  form.querySelector(".save a.button:not(.bad)")?.addEventListener("click", (event) => {
    event.currentTarget.dataset.leaving = "";
    sessionStorage.removeItem(key);
  });
}

// To be called after the inputs have been changed into what scripts make of them.
export function keepDrafts(within) {
  within.querySelectorAll("form[data-form]").forEach(keep);
}

// What saving would change, in words, from the server: nothing is saved by asking.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-what-changes]");
  if (!button) return;
  const body = new FormData(button.form);
  body.set("preview", "yes");
  const answer = await fetch(button.form.getAttribute("action") || location.pathname, { method: "POST", body });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const place = button.form.querySelector(".what-changes");
  place.replaceChildren(...[page.querySelector(".notice")].filter(Boolean));
  place.scrollIntoView({ block: "nearest" });
});
