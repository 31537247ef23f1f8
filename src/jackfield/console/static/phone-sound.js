// The sounds of Jackfield Phone: microphone, loudspeakers, ringing, and the proof that both sides hear each other.

import { say } from "./words.js";

const KEPT = ["microphone", "speaker", "ringer"];
export const devices = Object.fromEntries(KEPT.map((name) => [name, localStorage.getItem(`phone-${name}`) ?? ""]));

export function choose(name, id) {
  devices[name] = id;
  localStorage.setItem(`phone-${name}`, id);
}

// Say in plain words why there is no microphone.
function why(problem) {
  if (!navigator.mediaDevices) {
    return say("Browsers give a microphone to pages with HTTPS only: open this page by an address with https://.");
  }
  if (problem.name === "NotAllowedError" || problem.name === "SecurityError") {
    return say("The browser may not use the microphone. Allow it, beside the address of this page, and try again.");
  }
  if (problem.name === "NotFoundError") return say("No microphone was found. Plug one in, and try again.");
  if (problem.name === "NotReadableError" || problem.name === "AbortError") {
    return say("Another program has the microphone. Close it, and try again.");
  }
  return say("The microphone can't be used: {reason}", { reason: problem.message });
}

// Return the microphone's sound. Throws an Error with words for people.
export async function microphone() {
  const wanted = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
  const id = devices.microphone;
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: id ? { ...wanted, deviceId: { exact: id } } : wanted });
  } catch (problem) {
    if (!id || problem.name !== "OverconstrainedError") throw new Error(why(problem));
  }
  try { // the headset has stayed at the office: it counts again as soon as it is back
    return await navigator.mediaDevices.getUserMedia({ audio: wanted });
  } catch (problem) {
    throw new Error(why(problem));
  }
}

// Return what there is to choose from: [kind of choice, devices] for each. Names are known once a microphone was used.
export async function known() {
  const all = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
  const inputs = all.filter((one) => one.kind === "audioinput" && one.deviceId);
  const outputs = all.filter((one) => one.kind === "audiooutput" && one.deviceId);
  const routable = "setSinkId" in HTMLMediaElement.prototype;
  return [["microphone", inputs], ["speaker", routable ? outputs : []], ["ringer", routable ? outputs : []]];
}

export function route(element, name) {
  if (!element.setSinkId || (!devices[name] && !element.sinkId)) return;
  element.setSinkId(devices[name]).catch(() => element.setSinkId("").catch(() => {})); // the headset is not there
}

// A ringing of our own: two soft notes, a third apart, that swell and fade.
class Ringer {
  #context = null;
  #timer = 0;
  #element = new Audio();

  #note(hertz, at, seconds) {
    const context = this.#context;
    const tone = new OscillatorNode(context, { type: "triangle", frequency: hertz });
    const gain = new GainNode(context, { gain: 0 });
    gain.gain.setTargetAtTime(0.35, at, 0.02);
    gain.gain.setTargetAtTime(0, at + seconds * 0.5, seconds / 5);
    tone.connect(gain).connect(this.target);
    tone.start(at);
    tone.stop(at + seconds);
  }

  #round() {
    const now = this.#context.currentTime + 0.05;
    for (const [index, hertz] of [659.3, 830.6, 659.3, 830.6].entries()) this.#note(hertz, now + index * 0.22, 0.4);
    navigator.vibrate?.([300, 150, 300]);
  }

  start() {
    if (this.#timer) return;
    this.#context ??= new AudioContext();
    this.target ??= this.#context.createMediaStreamDestination();
    this.#element.srcObject = this.target.stream;
    route(this.#element, "ringer");
    this.#context.resume().catch(() => {});
    this.#element.play().catch(() => {});
    this.#round();
    this.#timer = setInterval(() => this.#round(), 2500);
  }

  stop() {
    clearInterval(this.#timer);
    this.#timer = 0;
    this.#element.pause();
    navigator.vibrate?.(0);
  }
}

export const ringer = new Ringer();

// What the statistics of a connection say: packets both ways, loss, delay, the kind of way.
export async function measured(connection) {
  const found = { received: 0, sent: 0, lost: 0, delay: null, jitter: 0, relayed: false, codec: "" };
  const all = new Map();
  (await connection.getStats()).forEach((one) => all.set(one.id, one));
  for (const one of all.values()) {
    if (one.type === "inbound-rtp" && one.kind === "audio") {
      Object.assign(found, { received: one.packetsReceived ?? 0, lost: one.packetsLost ?? 0, jitter: one.jitter ?? 0 });
      found.codec = all.get(one.codecId)?.mimeType?.replace("audio/", "") ?? "";
    } else if (one.type === "outbound-rtp" && one.kind === "audio") found.sent = one.packetsSent ?? 0;
    else if (one.type === "remote-inbound-rtp") found.delay ??= one.roundTripTime ?? null;
    else if (one.type === "candidate-pair" && one.nominated && one.state === "succeeded") {
      found.delay = one.currentRoundTripTime ?? found.delay;
      found.relayed = all.get(one.localCandidateId)?.candidateType === "relay";
    }
  }
  return found;
}

// Say what was found in a test that sent `sent` packets to an echo; `told`: what the telephone system found.
export function verdict({ received, sent, lost, delay, relayed, codec }, told = {}) {
  if (!sent) return ["bad", say("The microphone sent nothing. Choose another one, and test again.")];
  if (!received || told.is_heard === false || told.hears === false) {
    return ["bad", say("You hear nothing, and nobody hears you: a firewall on the way blocks UDP. Try another network, and tell the administrator.")];
  }
  const share = Math.round((100 * Math.max(lost, 0)) / (received + Math.max(lost, 0)));
  const figures = { delay: Math.round((delay ?? 0) * 1000), share, codec };
  const way = relayed ? ` ${say("A relay carries it: the direct way is blocked.")}` : "";
  if (share > 3 || (delay ?? 0) > 0.4) {
    return ["warning", say("You hear and are heard, but not well: {delay} ms of delay, {share} % lost ({codec}).", figures) + way];
  }
  return ["good", say("You hear and are heard: {delay} ms of delay, {share} % lost ({codec}).", figures) + way];
}
