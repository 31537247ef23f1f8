// Jackfield Phone: the page. It shows what the line tells, and does what people tap.

import { line, post } from "./phone-line.js";
import * as sound from "./phone-sound.js";
import * as push from "./phone-push.js";
import * as inside from "./phone-inside.js";
import * as under from "./phone-devices.js";
import * as windows from "./phone-windows.js";
import { tones } from "./phone-tones.js";
import { say } from "./words.js";

const find = (selector, within = document) => within.querySelector(selector);
const root = find("#phone");
const [status, note, list, dial, keys, number] = ["#status", "#note", "#phone-calls", "#dial", "#keys", "#number"].map((one) => find(one));
const params = new URLSearchParams(location.search);
let current = null; // the call that is talked with
let keysFor = null; // the call whose keypad is open
let adding = false; // a further call is dialled beside those that go on
let last = ""; // the number that was dialled last
let choosing = null; // the call for which somebody chooses whom to send it to
let answerNext = params.get("wake") === "answer"; // the notification's button was tapped
const shownTransfer = new Set();

// --- words

const STATES = {
  starting: () => say("Connecting …"),
  ready: () => say("Ready"),
  away: () => line.problem || say("No connection. The phone tries again by itself."),
  taken: () => line.problem || say("The phone is open in another window."),
  over: () => say("You are signed out, so nobody can call you here."),
  refused: () => line.problem,
};

const ENDS = {
  486: () => say("They are busy."),
  603: () => say("They refused the call."),
  480: () => say("They did not answer, or can't be reached."),
  404: () => say("There is no such number."),
  408: () => say("They did not answer."),
  403: () => say("This number may not be called from here."),
  488: () => say("Their phone and this browser have no common sound format."),
  503: () => say("The telephone system has no room for the call just now."),
};

const ended = (status) => ENDS[status]?.() ?? (status ? say("The call failed ({status}).", { status }) : say("They can't be reached."));
const whom = (call) => call.name || call.shown || call.number || say("a hidden number");

let fading = 0;

function tell(text, kind = "warning") {
  clearTimeout(fading);
  if (kind === "good") fading = setTimeout(tell, 8000, "");
  note.textContent = text;
  note.className = `notice ${kind}`;
  note.hidden = !text;
}

function showState() {
  status.textContent = (STATES[line.state] ?? (() => ""))();
  root.dataset.state = line.state;
  find("#take-back").hidden = line.state !== "taken";
  find("#sign-in-again").hidden = line.state !== "over";
  if (line.account) find("#own-number").textContent = line.account.extension;
}

const clock = (call) => {
  const seconds = Math.max(0, Math.floor((Date.now() - call.began) / 1000));
  const two = (value) => String(value).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  return `${hours ? `${hours}:` : ""}${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
};

function words(call) {
  if (call.state === "rings") return say("calls you");
  if (call.state === "calling") return call.incoming ? say("Connecting …") : say("Calling …");
  if (call.state === "early") return say("It rings there …");
  if (call.silent) return say("The connection is interrupted …");
  if (call.sendingOn) return say("Connecting them …");
  if (call.held) return say("On hold");
  if (call.heldByOther) return say("They hold the call");
  return clock(call);
}

// --- the cards of calls

const template = find("#call-card").content;
const cards = new Map();

function card(call) {
  const made = document.importNode(template, true).firstElementChild;
  made.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-do]");
    if (button) act(call, button.dataset.do, made);
  });
  find("form", made).addEventListener("submit", (event) => {
    event.preventDefault();
    transfer(call, event.submitter?.value ?? "blind", find("[name=target]", made).value);
  });
  made.append(call.audio);
  cards.set(call.id, made);
  list.append(made);
  return made;
}

function showCalls() {
  const calls = [...line.calls.values()].filter((call) => !call.quiet);
  const focused = document.activeElement;
  let gone = false; // what had the focus
  for (const [id, made] of cards) {
    if (!line.calls.has(id)) {
      gone ||= made.contains(focused);
      made.remove();
      cards.delete(id);
    }
  }
  for (const call of calls) {
    const made = cards.get(call.id) ?? card(call);
    made.dataset.state = call.state;
    made.classList.toggle("held", call.held);
    find(".partner", made).textContent = call.name || call.shown || call.number || say("Hidden number");
    find(".their-number", made).textContent = call.name && call.number !== call.name ? call.shown || call.number : "";
    find(".how", made).textContent = words(call);
    const talking = call.state === "talking" && !call.sendingOn;
    const rings = call.state === "rings";
    const asking = call.consulting && line.calls.has(call.consulting.id);
    const shown = { answer: rings, decline: rings, hangup: !rings, mute: talking && !call.held, hold: talking && !call.held,
                    resume: talking && call.held, keys: talking && !call.held, transfer: talking && !asking,
                    connect: talking && asking };
    for (const button of made.querySelectorAll("button[data-do]")) {
      if (button.dataset.do in shown) button.hidden = !shown[button.dataset.do];
    }
    find("[data-do=mute]", made).setAttribute("aria-pressed", String(call.muted));
    find("[data-do=keys]", made).setAttribute("aria-pressed", String(keysFor === call));
    find("form", made).hidden = !(talking && shownTransfer.has(call.id));
    made.setAttribute("aria-label", find(".partner", made).textContent);
    // Who works by keys goes on where he was. No button gets the focus: a key that was pressed twice must do no harm.
    if (made.contains(focused) && (focused.hidden || focused.closest("form[hidden]"))) made.focus({ preventScroll: true });
  }
  if (!calls.length) adding = false;
  root.classList.toggle("busy", calls.length > 0);
  root.classList.toggle("adding", adding);
  find("#add-call").hidden = adding || !calls.length || calls.some((call) => call.state !== "talking" || call.sendingOn);
  find("#add-call-not").hidden = !adding;
  if (keysFor && !line.calls.has(keysFor.id)) keysFor = null;
  if (choosing && !line.calls.has(choosing.id)) choosing = null;
  root.classList.toggle("pressing", keysFor !== null);
  root.classList.toggle("compact", adding || keysFor !== null); // the keys need the room
  find("#choosing").hidden = !choosing;
  if (gone) (list.firstElementChild ?? root).focus({ preventScroll: true });
  showRinging(calls);
}

function showRinging(calls) {
  const ringing = calls.find((call) => call.state === "rings");
  const engaged = calls.some((call) => !["rings", "ended"].includes(call.state));
  if (ringing && !engaged) sound.ringer.start();
  else sound.ringer.stop();
  const early = calls.find((call) => call.state === "early");
  if (early && !early.withSound) tones.play("ringback", line.account.tones.ringback);
  else if (ringing && engaged) tones.waiting(); // who talks is not to be rung at
  else for (const name of ["ringback", "waiting"]) tones.stop(name);
  if (ringing) document.title = `☎ ${whom(ringing)}`;
  else if (document.title.startsWith("☎")) document.title = inside.title() || root.dataset.title;
}

// --- what people do

function holdOthers(call) {
  for (const other of line.calls.values()) if (other !== call) other.hold();
  current = call;
}

async function withMicrophone(use) {
  let stream;
  try {
    stream = await sound.microphone();
    for (const track of stream.getTracks()) track.addEventListener("ended", () => unplugged(stream));
  } catch (problem) {
    tell(problem.message, "bad");
    return null;
  }
  tell("");
  const found = use(stream);
  showDevices();
  return found;
}

// The headset was taken out in the middle of a call: go on with what is there.
async function unplugged(stream) {
  const using = [...line.calls.values()].filter((call) => call.uses(stream));
  for (const call of using) {
    await withMicrophone((another) => call.useStream(another));
    if (note.hidden) tell(say("The microphone was taken out. The call goes on with another one."));
  }
}

const away = () => STATES[line.state]?.() ?? "";

// Return how a number is dialled, written and called, as the server says it; undefined where it can't be called.
async function dialled(text) {
  try {
    return await post("/me/phone/number", { number: text, extension: line.account.extension });
  } catch (problem) {
    tell(problem.message || say("No connection. The phone tries again by itself."), "bad");
    return undefined;
  }
}

async function place(text, { name = "", consulting = null } = {}) {
  if (!text.trim()) {
    number.value = last; // as on any phone: the button alone shows the last number, once more calls it
    return number.focus();
  }
  if (!line.connected) return tell(away(), "bad");
  const to = await dialled(text);
  if (!to) return;
  last = text.trim();
  await withMicrophone((stream) => {
    holdOthers(null);
    adding = false;
    tones.stop();
    const call = line.call(to.number, stream, { name: name || to.name, shown: to.shown });
    call.consulting = consulting;
    current = call;
    if (consulting) shownTransfer.delete(consulting.id);
    number.value = "";
    showCalls();
  });
}

async function answer(call) {
  sound.ringer.stop();
  await withMicrophone((stream) => {
    if (call.state !== "rings") {
      for (const track of stream.getTracks()) track.stop();
      return;
    }
    holdOthers(call);
    call.answer(stream);
  });
}

function act(call, what, made) {
  if (what === "answer") answer(call);
  else if (what === "decline" || what === "hangup") call.hangUp();
  else if (what === "mute") call.mute();
  else if (what === "hold") call.hold();
  else if (what === "resume") {
    holdOthers(call);
    call.resume();
  } else if (what === "keys") {
    keysFor = keysFor === call ? null : call;
    find("#pressed").textContent = "";
    showCalls();
  } else if (what === "transfer") {
    if (!shownTransfer.delete(call.id)) shownTransfer.add(call.id);
    showCalls();
    if (shownTransfer.has(call.id)) find("[name=target]", made).focus();
  } else if (what === "choose") {
    choosing = call;
    showCalls();
    location.hash = "#/me/contacts/";
  } else if (what === "connect") connect(call);
}

async function transfer(call, way, target, name = "") {
  if (!target.trim()) return;
  if (way === "ask") {
    call.hold();
    await place(target, { name, consulting: call });
    return;
  }
  const to = await dialled(target);
  if (!to) return;
  shownTransfer.delete(call.id);
  tell("");
  if (told(await call.transfer(to.number))) call.hangUp();
  else if (call.state === "talking") {
    holdOthers(call);
    call.resume();
  }
}

// Say what became of a transfer; return whether they are connected.
function told(result) {
  if (result === "done") tell(say("They are connected."), "good");
  else if (result === "left") tell(say("They have hung up."));
  else tell([ended(result), say("The call is yours again.")].join(" "), "bad");
  return result === "done";
}

async function connect(asked) {
  const waiting = asked.consulting;
  if (told(await waiting.transfer(asked))) for (const call of [waiting, asked]) call.hangUp();
}

function press(key) {
  if (keysFor) {
    keysFor.press(key);
    find("#pressed").textContent += key;
  } else {
    number.setRangeText(key, number.selectionStart, number.selectionEnd, "end");
  }
}

keys.addEventListener("click", (event) => {
  const key = event.target.closest("button[data-key]")?.dataset.key;
  if (key) press(key);
});
find("#back").addEventListener("click", () => {
  const at = number.selectionStart || number.value.length;
  number.value = number.value.slice(0, Math.max(0, at - 1)) + number.value.slice(at);
});
dial.addEventListener("submit", (event) => {
  event.preventDefault();
  place(number.value);
});
addEventListener("keydown", (event) => {
  if (event.target.closest("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (!/^[0-9*#+]$/.test(event.key) || (!keysFor && (location.hash || (line.calls.size && !adding)))) return;
  if (keysFor ? event.key !== "+" : true) press(event.key);
  if (!keysFor) number.focus();
  event.preventDefault();
});

// A number in calls or contacts that is tapped: call it from here, or send a call there.
document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[action='/me/call']");
  if (!form) return;
  event.preventDefault();
  const values = new FormData(form);
  const [to, name] = [String(values.get("number") ?? ""), String(values.get("name") ?? "")];
  if (choosing) {
    const call = choosing;
    choosing = null;
    find("[name=target]", cards.get(call.id)).value = to;
    location.hash = "";
    showCalls();
    find("button[value=blind]", cards.get(call.id)).focus();
  } else place(to, { name });
}, true);
find("#choose-nobody").addEventListener("click", () => { choosing = null; showCalls(); });
for (const [id, wanted] of [["#add-call", true], ["#add-call-not", false]]) {
  find(id).addEventListener("click", () => {
    adding = wanted;
    keysFor = null;
    showCalls();
    if (adding) number.focus();
  });
}

const { showDevices, showWake } = under.begin({ tell, state: away, withMicrophone });

navigator.serviceWorker?.addEventListener("message", ({ data }) => {
  const ringing = [...line.calls.values()].find((call) => call.state === "rings");
  if (data.what === "answer") {
    if (ringing) answer(ringing);
    else answerNext = true;
  } else if (data.what === "decline") ringing?.hangUp();
});

// --- what the line tells

line.addEventListener("state", () => { showState(); showCalls(); });
line.addEventListener("calls", showCalls);
line.addEventListener("account", () => {
  showState();
  const choice = find("#from");
  if (choice) choice.value = line.account.extension;
  push.again().then(showWake);
});
line.addEventListener("sound", ({ detail: call }) => {
  if (call.quiet) call.audio.muted = true;
  sound.route(call.audio, "speaker");
});
line.addEventListener("incoming", async ({ detail: call }) => {
  tell("");
  if (answerNext) {
    answerNext = false;
    call.learn();
    answer(call);
    return;
  }
  const learned = call.learn();
  if (!call.name) await Promise.race([learned, new Promise((done) => setTimeout(done, 500))]);
  if (call.state !== "rings") return;
  find("#announce").textContent = say("{name} calls you", { name: whom(call) });
  if (document.hidden && "Notification" in window && Notification.permission === "granted") {
    const registration = await push.worker;
    const labels = root.dataset;
    const data = { kind: "call", call: call.id };
    registration?.showNotification(whom(call), {
      body: labels.calls, tag: call.id, data, requireInteraction: true,
      actions: [{ action: "answer", title: labels.answer }, { action: "decline", title: labels.decline }],
    });
    call.addEventListener("change", close);
    call.addEventListener("ended", close);
  }
  async function close() {
    if (call.state === "rings") return;
    for (const one of await (await push.worker)?.getNotifications({ tag: call.id }) ?? []) one.close();
  }
});
line.addEventListener("ended", ({ detail: call }) => {
  find("#announce").textContent = "";
  if (call === current) current = null;
  if (call.quiet) return;
  document.dispatchEvent(new CustomEvent("phone:ended"));
  if (!call.incoming && !call.began && call.cause !== "Canceled" && call.status) {
    tell(ended(call.status));
    tones.play("busy", line.account.tones[[486, 600, 603].includes(call.status) ? "busy" : "congestion"], 3);
  }
});

find("#take-back").addEventListener("click", async () => {
  await windows.takeOver();
  line.start();
});
find("#from")?.addEventListener("change", (event) => line.start(event.target.value));
// With a call on, the line comes back by itself: a new account would end the call.
const hurry = () => { if (!document.hidden && line.state === "away" && line.calls.size === 0) line.start(); };
addEventListener("online", hurry);
document.addEventListener("visibilitychange", hurry);
addEventListener("pageshow", ({ persisted }) => { if (persisted) location.reload(); }); // Back led to a page that was put to sleep
addEventListener("beforeunload", (event) => { if (line.calls.size) event.preventDefault(); });
addEventListener("pagehide", () => line.leave());
setInterval(() => {
  for (const [id, made] of cards) {
    const call = line.calls.get(id);
    if (call?.state === "talking") find(".how", made).textContent = words(call);
  }
}, 1000);

inside.begin({
  place: find("#inside"),
  busy: () => line.calls.size > 0,
  shown(path) {
    root.classList.toggle("aside", path !== "");
    for (const link of document.querySelectorAll(".own-bar a")) {
      const its = new URL(link.href).pathname;
      const here = path === "" ? its === "/me/phone" : its === path || (its !== "/me/" && its !== "/me/phone" && path.startsWith(its)) ||
        (its === "/me/profile" && path.startsWith("/me/devices")) || (its === "/me/" && path.startsWith("/me/call"));
      if (here) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  },
});

showState();
showDevices();
showWake();
if (!navigator.mediaDevices) tell(say("Browsers give a microphone to pages with HTTPS only: open this page by an address with https://."), "bad");
if (params.has("wake")) history.replaceState(null, "", `/me/phone${location.hash}`);
if (params.has("number")) {
  number.value = params.get("number").replace(/^(tel|sips?):/i, "").slice(0, 60);
  history.replaceState(null, "", `/me/phone${location.hash}`);
}
windows.listen({
  talks: () => [...line.calls.values()].some((call) => !call.quiet),
  ready: () => line.connected,
  place,
  leave: () => line.leave(),
});
// A window that is opened beside a call must not end it.
if (await windows.othersTalk()) line.elsewhere(say("You are on a call in another window."));
else line.start();
