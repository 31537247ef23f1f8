// The user's own pages: what changes while one types or waits. Everything works without it.

import { say } from "./words.js";

function later(wait, work) {
  let timer;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(work, wait, ...values);
  };
}

// What a page has, when it was loaded, and when it is shown inside the phone's page (phone-inside.js).
function begin(root) {
  if (document.getElementById("missed")) missed();
  for (const form of root.querySelectorAll("form[data-preview]")) preview(form);
  for (const form of root.querySelectorAll("form[data-live]")) search(form);
  const now = root.querySelector("#now");
  if (now) look(now);
  const call = root.querySelector("[data-call]");
  if (call) follow(call);
  if (root.querySelector("[data-presence]")) presence(root);
}

// Where calls go: the sentence and the timeline follow the form.
function preview(form) {
  const place = document.getElementById("preview");
  form.addEventListener("input", later(250, async () => {
    const values = new URLSearchParams(new FormData(form));
    values.delete("csrfmiddlewaretoken");
    const answer = await fetch(`${form.dataset.preview}?${values}`);
    if (answer.redirected) location.reload();  // the session is over: sign in, and come back here
    else if (answer.ok) place.innerHTML = await answer.text();
  }));
}

// Contacts and calls: the list follows what one searches for.
function search(form) {
  const place = document.getElementById(form.dataset.live);
  let latest = 0;
  form.addEventListener("input", later(200, async () => {
    const mine = (latest += 1);
    const values = new URLSearchParams(new FormData(form));
    const answer = await fetch(`${form.getAttribute("action")}?${values}&part=1`);
    if (answer.redirected) location.assign(`${form.getAttribute("action")}?${values}`);
    if (!answer.ok || answer.redirected || mine !== latest) return;
    place.innerHTML = await answer.text();
    if (!document.getElementById("inside")) history.replaceState(null, "", `?${values}`);
    if (place.querySelector("[data-presence]")) presence(place);
  }));
}

// Own calls in progress, while somebody looks.
async function look(now) {
  if (!now.isConnected) return;
  if (!document.hidden) {
    const answer = await fetch("/me/now").catch(() => null);
    const text = answer?.ok && !answer.redirected ? (await answer.text()).trim() : "";
    if (text !== now.dataset.shown) now.innerHTML = now.dataset.shown = text;
  }
  setTimeout(look, 5000, now);
}

// A call that was asked for: how far it is.
async function follow(call) {
  if (!call.isConnected) return;
  const answer = await fetch(call.dataset.call);
  if (answer.redirected) location.reload();
  if (!answer.ok || answer.redirected) return;
  const { words, over, talking } = await answer.json();
  if (call.textContent !== words) call.textContent = words;
  for (const one of document.querySelectorAll("[data-while-talking]")) one.hidden = !talking;
  for (const one of document.querySelectorAll("[data-until-talking]")) one.hidden = talking;
  if (over) for (const form of document.querySelectorAll("[data-on-call]")) form.remove();
  else setTimeout(follow, 1000, call);
}

// How many calls were missed since somebody looked at them, beside the link to them and at the installed app.
async function missed() {
  const answer = document.hidden ? null : await fetch("/me/missed").catch(() => null);
  if (!answer?.ok || answer.redirected) return;
  const { count, words } = await answer.json();
  const badge = document.getElementById("missed");
  badge.hidden = !count;
  const [number, told] = [document.createElement("span"), document.createElement("span")];
  [number.ariaHidden, number.textContent, told.className, told.textContent] = ["true", count > 99 ? "99+" : count, "unseen", words];
  badge.replaceChildren(number, told);
  if (count) navigator.setAppBadge?.(count).catch(() => {});
  else navigator.clearAppBadge?.().catch(() => {});
}

if (document.getElementById("missed")) {
  setInterval(missed, 60000);
  document.addEventListener("visibilitychange", missed);
  document.addEventListener("phone:ended", () => setTimeout(missed, 2000)); // once it is written down
}

// A number that is clicked while Jackfield Phone is open in another window is called from there.
if (!document.getElementById("phone") && "BroadcastChannel" in window) {
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[action='/me/call']");
    if (!form) return;
    event.preventDefault();
    const [values, channel, id] = [new FormData(form), new BroadcastChannel("jackfield-phone"), crypto.randomUUID?.() ?? String(Math.random())];
    const name = String(values.get("name") ?? ""), number = String(values.get("number") ?? "");
    const timer = setTimeout(() => { channel.close(); form.submit(); }, 250); // nobody answers: the phones ring
    channel.onmessage = ({ data }) => {
      if (data.what !== "calling" || data.id !== id) return;
      clearTimeout(timer);
      channel.close();
      const told = document.getElementById("elsewhere") ?? document.createElement("p");
      [told.id, told.className, told.role] = ["elsewhere", "notice good", "status"];
      told.textContent = say("{name} is called in the window with your phone.", { name: name || number });
      document.getElementById("main").prepend(told);
      scrollTo(0, 0);
    };
    channel.postMessage({ what: "call", id, number, name });
  });
}

// Colleagues: who is free, while somebody looks.
let watching = 0;
async function presence(root) {
  const mine = (watching += 1);
  while (mine === watching && root.isConnected) {
    if (!document.hidden) {
      const answer = await fetch("/me/presence").catch(() => null);
      if (answer?.ok && !answer.redirected) show(root, await answer.json());
    }
    await new Promise((done) => setTimeout(done, 5000));
  }
}

function show(root, told) {
  const states = new Map();
  for (const name of ["free", "ringing", "talking"]) for (const number of told[name][1]) states.set(number, name);
  for (const one of root.querySelectorAll("[data-presence]")) {
    const state = states.get(one.dataset.presence) ?? "away";
    one.className = `presence ${state}`;
    one.textContent = !told.known ? "" : state === "away" ? told.away : told[state][0];
    one.hidden = !told.known;
  }
}

begin(document);
document.addEventListener("own:shown", (event) => begin(event.detail));
