// Jackfield Phone: the page. It shows what the line tells, and does what people tap.

import { line, post } from "./phone-line.js";
import * as sound from "./phone-sound.js";
import * as push from "./phone-push.js";
import * as inside from "./phone-inside.js";
import { say } from "./words.js";

const find = (selector, within = document) => within.querySelector(selector);
const root = find("#phone");
const [status, note, list, dial, keys, number] = ["#status", "#note", "#phone-calls", "#dial", "#keys", "#number"].map((one) => find(one));
const params = new URLSearchParams(location.search);
let current = null; // the call that is talked with
let keysFor = null; // the call whose keypad is open
let choosing = null; // the call for which somebody chooses whom to send it to
let answerNext = params.get("wake") === "answer"; // the notification's button was tapped
const shownTransfer = new Set();

// --- words

const STATES = {
  starting: () => say("Connecting …"),
  ready: () => say("Ready"),
  away: () => line.problem || say("No connection. The phone tries again by itself."),
  taken: () => say("The phone is open in another window."),
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

function tell(text, kind = "warning") {
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
  for (const [id, made] of cards) {
    if (!line.calls.has(id)) {
      made.remove();
      cards.delete(id);
    }
  }
  for (const call of calls) {
    const made = cards.get(call.id) ?? card(call);
    const name = call.name || call.number || say("a hidden number");
    made.dataset.state = call.state;
    made.classList.toggle("held", call.held);
    find(".partner", made).textContent = name;
    find(".their-number", made).textContent = call.name && call.number !== call.name ? call.number : "";
    find(".how", made).textContent = words(call);
    const talking = call.state === "talking";
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
  }
  root.classList.toggle("busy", calls.length > 0);
  if (keysFor && !line.calls.has(keysFor.id)) keysFor = null;
  if (choosing && !line.calls.has(choosing.id)) choosing = null;
  root.classList.toggle("pressing", keysFor !== null);
  find("#choosing").hidden = !choosing;
  showRinging(calls);
}

function showRinging(calls) {
  const ringing = calls.find((call) => call.state === "rings");
  if (ringing) {
    if (calls.some((call) => call.state === "talking")) navigator.vibrate?.(200); // who talks is not to be rung at
    else sound.ringer.start();
  } else sound.ringer.stop();
  document.title = ringing ? `☎ ${ringing.name || ringing.number}` : find("#phone").dataset.title;
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
  } catch (problem) {
    tell(problem.message, "bad");
    return null;
  }
  tell("");
  const found = use(stream);
  showDevices();
  return found;
}

async function place(text, { name = "", consulting = null } = {}) {
  if (!text.trim()) return number.focus();
  if (!line.connected) return tell(STATES[line.state]?.() ?? "", "bad");
  let dialled;
  try {
    dialled = (await post("/me/phone/number", { number: text, extension: line.account.extension })).number;
  } catch (problem) {
    return tell(problem.message || say("No connection. The phone tries again by itself."), "bad");
  }
  await withMicrophone((stream) => {
    holdOthers(null);
    const call = line.call(dialled, stream, { name });
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
  try {
    const to = (await post("/me/phone/number", { number: target, extension: line.account.extension })).number;
    tell(say("Connecting them …"), "info");
    const problem = await call.transfer(to);
    tell(problem ? say("They could not be connected: {reason}. The call is yours again.", { reason: problem }) : say("They are connected."), problem ? "bad" : "good");
    if (!problem) call.hangUp();
    else call.resume();
  } catch (problem) {
    tell(problem.message, "bad");
  }
}

async function connect(asked) {
  const waiting = asked.consulting;
  const problem = await waiting.transfer(asked);
  tell(problem ? say("They could not be connected: {reason}. The call is yours again.", { reason: problem }) : say("They are connected."), problem ? "bad" : "good");
  if (!problem) for (const call of [waiting, asked]) call.hangUp();
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
  if (!keysFor || event.target.closest("input, textarea, select") || event.ctrlKey || event.metaKey) return;
  if (/^[0-9*#]$/.test(event.key)) press(event.key);
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

// --- devices, the test, pushes

async function showDevices() {
  for (const [name, found] of await sound.known()) {
    const select = find(`#device-${name}`);
    select.closest(".field").hidden = found.length === 0;
    select.replaceChildren(new Option(say("As the system has it"), ""), ...found.filter((one) => one.deviceId !== "default")
      .map((one, index) => new Option(one.label || `${index + 1}`, one.deviceId)));
    select.value = found.some((one) => one.deviceId === sound.devices[name]) ? sound.devices[name] : "";
  }
}

for (const select of document.querySelectorAll("#devices select")) {
  select.addEventListener("change", async () => {
    const name = select.id.replace("device-", "");
    sound.choose(name, select.value);
    for (const call of line.calls.values()) {
      if (name === "speaker") sound.route(call.audio, "speaker");
      if (name === "microphone" && call.state === "talking") await withMicrophone((stream) => call.useStream(stream));
    }
  });
}
navigator.mediaDevices?.addEventListener?.("devicechange", showDevices);

const probe = find("#probe");
probe.addEventListener("click", async () => {
  const result = find("#probe-result");
  const show = (kind, text) => { result.className = `notice ${kind}`; result.textContent = text; result.hidden = false; };
  if (!line.connected) return show("bad", STATES[line.state]?.() ?? "");
  if (!line.account.echo) return show("warning", say("There is no echo test in the telephone system: ask the administrator for one."));
  let stream;
  try {
    stream = await sound.microphone();
  } catch (problem) {
    return show("bad", problem.message);
  }
  probe.disabled = true;
  show("info", say("Listening for the echo …"));
  const call = line.call(line.account.echo, stream, { quiet: true });
  const talking = await new Promise((done) => {
    call.addEventListener("change", () => { if (call.state === "talking") done(true); });
    call.addEventListener("ended", () => done(false));
    setTimeout(done, 10000, false);
  });
  if (talking) {
    await new Promise((done) => setTimeout(done, 4000));
    if (call.connection && call.state === "talking") {
      const found = await sound.measured(call.connection);
      const [kind, text] = sound.verdict(found, call.found);
      show(kind, text);
      root.dataset.proof = JSON.stringify(found);
    }
  }
  if (!root.dataset.proof && !talking) show("bad", say("The echo test does not answer: {reason}", { reason: call.status || call.cause || "-" }));
  call.hangUp();
  probe.disabled = false;
});

const wake = find("#wake");
async function showWake() {
  const now = await push.state();
  const texts = {
    on: say("On: calls ring here even when this page is closed."),
    off: say("Off: calls ring here only while this page is open."),
    denied: say("The browser does not let this page show notifications. Allow it, beside its address."),
    install: say("On iPhone and iPad, first put the phone on the home screen: Share, Add to Home Screen. Then open it there."),
    none: say("This browser can't be woken: keep the page open to be called."),
  };
  find("#wake-words").textContent = texts[now];
  wake.hidden = !["on", "off"].includes(now);
  wake.setAttribute("aria-checked", String(now === "on"));
}
wake.addEventListener("click", async () => {
  try {
    if (wake.getAttribute("aria-checked") === "true") await push.unsubscribe();
    else tell(await push.subscribe());
  } catch (problem) {
    tell(problem.message || say("No connection. The phone tries again by itself."), "bad");
  }
  showWake();
});

let install = null;
addEventListener("beforeinstallprompt", (event) => {
  event.preventDefault();
  install = event;
  find("#install").hidden = false;
});
find("#install").addEventListener("click", async () => {
  await install?.prompt();
  find("#install").hidden = true;
});

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
  if (answerNext) {
    answerNext = false;
    answer(call);
    return;
  }
  find("#announce").textContent = say("{name} calls you", { name: call.name || call.number || say("a hidden number") });
  if (document.hidden && "Notification" in window && Notification.permission === "granted") {
    const registration = await push.worker;
    const labels = root.dataset;
    const data = { kind: "call", call: call.id };
    registration?.showNotification(call.name || call.number, {
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
  if (!call.incoming && !call.began && call.cause !== "Canceled") {
    const text = ENDS[call.status]?.() ?? (call.status ? say("The call failed ({status}).", { status: call.status }) : "");
    if (text) tell(text);
  }
});

find("#take-back").addEventListener("click", () => line.start());
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
  number.value = params.get("number").slice(0, 60);
  history.replaceState(null, "", `/me/phone${location.hash}`);
}
line.start();
