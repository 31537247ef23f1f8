// The telephone line of Jackfield Phone: its account, its registration, and its calls, by JsSIP. It draws nothing:
// it tells of everything by events on `line`, whose `calls` are what there is.

import JsSIP from "./jssip.js";

const EXPIRES = 600; // seconds of a registration; who sleeps is kept for longer
const RETRY = [1, 2, 4, 8, 15]; // seconds before the account is asked for again
const FRESH = 4 * 3600; // seconds after which the relay's credentials are asked for anew; they hold for twelve hours
const TAKEN_OVER = 4409;
const SIGNED_OUT = 4401;

const token = () => document.querySelector("#phone [name=csrfmiddlewaretoken]").value;

// Post to one of our own addresses. Returns the answer's JSON; throws an Error whose `status` is 0 without any answer.
export async function post(address, values = {}) {
  const body = new URLSearchParams({ ...values, csrfmiddlewaretoken: token() });
  let answer;
  try {
    answer = await fetch(address, { method: "POST", body, headers: { Accept: "application/json" } });
  } catch {
    throw Object.assign(new Error(""), { status: 0 });
  }
  if (answer.redirected) throw Object.assign(new Error(""), { status: 401 });
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw Object.assign(new Error(told.problem ?? ""), { status: answer.status });
  return told;
}

class Line extends EventTarget {
  calls = new Map();
  account = null;
  state = "starting"; // starting, ready, away (no connection), taken (another window), over (signed out), refused
  problem = "";
  #ua = null;
  #failures = 0;
  #reviving = false;
  #timer = 0;
  #given = 0; // when the ways for audio were told

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  #is(state, problem = "") {
    this.state = state;
    this.problem = problem;
    this.#tell("state");
  }

  // Let another window have the phone.
  elsewhere(problem) {
    this.#is("taken", problem);
  }

  // Get an account and register. Each start makes the account of the start before worthless.
  async start(extension = "") {
    clearTimeout(this.#timer);
    this.#ua?.stop();
    this.#ua = null;
    if (this.state !== "away") this.#is("starting");
    try {
      this.account = await post("/me/phone/account", extension ? { extension } : {});
    } catch (problem) {
      if (problem.status === 401) this.#is("over");
      else if (problem.status === 403 || problem.status === 404) this.#is("refused", problem.message);
      else this.#again(problem.message);
      return;
    }
    this.#given = Date.now();
    this.#tell("account");
    this.#register();
  }

  #again(problem = "") {
    this.#is("away", problem);
    const wait = RETRY[Math.min(this.#failures++, RETRY.length - 1)];
    this.#timer = setTimeout(() => this.start(), wait * 1000 * (0.75 + Math.random() / 2));
  }

  #register() {
    const { sip_username: user, password, realm, instance, push_name: push, woken, address } = this.account;
    const host = location.hostname;
    const socket = new JsSIP.WebSocketInterface(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${address}`);
    const push_params = woken ? `;pn-provider=webpush;pn-prid=${push}` : ""; // RFC 8599
    const ua = new JsSIP.UA({
      sockets: [socket],
      uri: `sip:${user}@${host}`,
      authorization_user: user,
      password,
      realm,
      instance_id: instance,
      contact_uri: `sip:${user}@${instance.slice(-12)}.invalid;transport=ws${push_params}`,
      register_expires: EXPIRES,
      connection_recovery_min_interval: 1,
      connection_recovery_max_interval: 15,
      user_agent: "Jackfield Phone",
      session_timers_refresh_method: "invite",
    });
    this.#ua = ua;
    ua.on("registered", () => {
      this.#failures = 0;
      this.#is("ready");
      for (const call of this.calls.values()) call.connectionIsBack();
      this.freshen();
    });
    ua.on("disconnected", ({ code }) => {
      if (ua !== this.#ua) return;
      if (code === TAKEN_OVER || code === SIGNED_OUT) {
        this.#ua = null;
        ua.stop();
        if (code === TAKEN_OVER) this.#is("taken");
        else this.start(); // which says whether one has to sign in anew
        return;
      }
      this.#is("away");
      this.revive();
      this.#findOut(ua);
    });
    ua.on("registrationFailed", ({ response }) => {
      if (ua !== this.#ua || !ua.isConnected()) return;
      // Refused: the switch has started anew and knows no password of ours, or the one of another window counts. Any
      // other failure is one of the way, and must not cost the call that goes on.
      if (response?.status_code < 500 || this.calls.size === 0) this.#again();
      else {
        this.#is("away");
        setTimeout(() => { if (ua === this.#ua && ua.isConnected()) ua.register(); }, 2000);
      }
    });
    ua.on("newRTCSession", ({ originator, session }) => {
      if (originator === "remote") this.#take(session);
    });
    ua.start();
  }

  // A connection that is refused says no reason: a look at the account's address tells whether the session is over.
  async #findOut(ua) {
    try {
      await post("/me/phone/number", { number: "0" });
    } catch (problem) {
      if (problem.status === 401 && ua === this.#ua) {
        this.#ua = null;
        ua.stop();
        this.#is("over");
      }
    }
  }

  // A phone may be open for days, and sleep in between: have ways for audio that still hold.
  async freshen() {
    if (!this.account || Date.now() - this.#given < FRESH * 1000) return;
    try {
      this.account.ice_servers = (await post("/me/phone/ways")).ice_servers;
      this.#given = Date.now();
    } catch {
      // without them calls find their way all the same, where UDP passes
    }
  }

  // A call is interrupted, or has no connection, which may be dead without anybody having noticed: ask whether the server
  // can be reached, and connect as soon as it can; the switch waits for 32 seconds. Being registered again, the call finds
  // its way (`connectionIsBack`).
  async revive() {
    const cut = () => this.#ua && (this.#ua.isConnected() ? [...this.calls.values()].some((call) => call.silent) : this.calls.size > 0);
    if (this.#reviving) return;
    this.#reviving = true;
    while (cut()) {
      await new Promise((done) => setTimeout(done, 1000));
      const options = { method: "HEAD", cache: "no-store", signal: AbortSignal.timeout(2000) };
      const there = await fetch("/me/phone-offline", options).then(() => true, () => false);
      if (!there || !cut()) continue;
      this.#ua.transport.disconnect();
      this.#ua.transport.connect();
      await new Promise((done) => setTimeout(done, 5000)); // it is given time before the next attempt
    }
    this.#reviving = false;
  }

  // Register anew with the pushes that the account has by now.
  async renew() {
    if (this.calls.size === 0) await this.start();
  }

  get connected() {
    return this.#ua?.isRegistered() ?? false;
  }

  // `quiet`: a test that nobody looks at; the switch tells it, and keeps, how the audio gets through (docs/nat.md).
  call(number, stream, { quiet = false, name = "", shown = "" } = {}) {
    const call = new Call(this, number, name);
    Object.assign(call, { quiet, shown });
    this.#keep(call);
    const more = quiet ? { extraHeaders: ["Recv-Info: jackfield-proof"] } : {};
    call.dial(this.#ua, number, stream, { ...this.#options(), ...more });
    return call;
  }

  #options() {
    return { pcConfig: { iceServers: this.account.ice_servers, rtcpMuxPolicy: "require" } };
  }

  #take(session) {
    const from = session.remote_identity;
    const hidden = from.uri.user === "anonymous" || from.uri.host === "anonymous.invalid"; // RFC 3323 section 4.1.1.3
    const call = new Call(this, hidden ? "" : from.uri.user, hidden ? "" : from.display_name ?? "");
    call.incoming = true;
    call.options = this.#options();
    this.#keep(call);
    call.follow(session);
    this.#tell("incoming", call);
  }

  #keep(call) {
    this.calls.set(call.id, call);
    call.addEventListener("change", () => this.#tell("calls"));
    call.addEventListener("ended", () => {
      this.calls.delete(call.id);
      this.#tell("ended", call);
      this.#tell("calls");
    });
    if (!call.quiet) this.#tell("calls");
  }

  // End all calls while the page still can: it is about to go.
  leave() {
    for (const call of this.calls.values()) call.hangUp();
  }
}

let count = 0;

export class Call extends EventTarget {
  id = `c${(count += 1)}`;
  state = "calling"; // calling, rings (here), early (there), talking, ended
  incoming = false;
  held = false; // by us
  heldByOther = false;
  muted = false;
  sendingOn = false; // a transfer of it is under way
  withSound = false; // before it was answered: the other side plays what is to be heard
  shown = ""; // the number as people write it
  quiet = false; // a test that nobody looks at
  began = 0;
  consulting = null; // the call about whose transfer this one asks
  problem = "";
  session = null;
  #stream = null;
  #lost = false;

  constructor(line, number, name) {
    super();
    Object.assign(this, { line, number, name });
    this.audio = document.createElement("audio");
    this.audio.autoplay = true;
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }

  // Ask whose number it is: one's own contacts are known to our server only.
  async learn() {
    const asked = this.number;
    if (!asked || this.shown || this.quiet) return;
    this.shown = asked;
    const told = await post("/me/phone/who", { number: asked }).catch(() => null);
    if (!told || asked !== this.number) return;
    this.shown = told.shown;
    this.name = told.name || this.name;
    this.#changed();
  }

  dial(ua, number, stream, options) {
    this.#stream = stream;
    const events = { peerconnection: ({ peerconnection }) => this.#hear(peerconnection) };
    const target = `sip:${encodeURIComponent(number)}@${location.hostname}`;
    this.follow(ua.call(target, { ...options, mediaStream: stream, eventHandlers: events }));
  }

  follow(session) {
    this.session = session;
    if (this.incoming) this.state = "rings";
    session.on("peerconnection", ({ peerconnection }) => this.#hear(peerconnection));
    session.on("icecandidate", ({ ready }) => {
      clearTimeout(this.gathering);
      this.gathering = setTimeout(ready, 400); // what comes later is learned by the other side from the packets
    });
    session.on("progress", ({ originator, response }) => {
      if (originator === "remote") {
        this.state = "early";
        this.withSound ||= Boolean(response?.body);
        this.#name(response);
      }
      this.#changed();
    });
    session.on("accepted", ({ response }) => this.#name(response));
    session.on("confirmed", () => {
      this.state = "talking";
      this.began ||= Date.now();
      this.#changed();
    });
    session.on("hold", ({ originator }) => this.#hold(originator, true));
    session.on("unhold", ({ originator }) => this.#hold(originator, false));
    session.on("muted", () => { this.muted = true; this.#changed(); });
    session.on("unmuted", () => { this.muted = false; this.#changed(); });
    session.on("newInfo", ({ originator, info }) => {
      if (originator === "remote" && this.quiet && info.contentType === "application/json") this.found = JSON.parse(info.body);
    });
    session.on("reinvite", ({ request }) => this.#name(request));
    session.on("update", ({ request }) => this.#name(request));
    session.on("ended", ({ cause }) => this.#end(cause, null));
    session.on("failed", ({ cause, message }) => this.#end(cause, message));
  }

  // Take over who is at the other end, as the switch says it (RFC 3325).
  #name(message) {
    const text = message?.getHeader?.("P-Asserted-Identity") ?? "";
    const found = /^(?:"((?:[^"\\]|\\.)*)"|([^<]*?))\s*<sips?:([^@;>]+)/.exec(text);
    if (!found) return;
    const number = decodeURIComponent(found[3]);
    if (number !== this.number) this.shown = "";
    this.number = number;
    this.name = (found[1] ?? found[2] ?? "").replace(/\\(.)/g, "$1") || this.name;
    this.#changed();
    this.learn();
  }

  #hear(connection) {
    this.connection = connection;
    connection.addEventListener("track", ({ track, streams }) => {
      this.audio.srcObject = streams[0] ?? new MediaStream([track]);
      this.audio.play().catch(() => {});
      this.line.dispatchEvent(new CustomEvent("sound", { detail: this }));
    });
    connection.addEventListener("iceconnectionstatechange", () => {
      this.silent = ["disconnected", "failed"].includes(connection.iceConnectionState);
      if (connection.iceConnectionState === "failed" && this.line.connected) this.connectionIsBack(true);
      if (this.silent) this.line.revive();
      this.#changed();
    });
  }

  // The network was away: the audio may have to find another way.
  connectionIsBack(now = false) {
    if (this.state !== "talking" || !(now || this.silent || this.#lost)) return;
    this.#lost = false;
    try {
      this.session.renegotiate({ rtcOfferConstraints: { iceRestart: true } });
    } catch {
      // it is being renegotiated already
    }
  }

  connectionLost() {
    this.#lost = true;
  }

  #hold(originator, held) {
    if (originator === "local") this.held = held;
    else this.heldByOther = held;
    this.#changed();
  }

  #end(cause, message) {
    clearTimeout(this.gathering);
    this.state = "ended";
    this.cause = cause;
    this.status = message?.status_code ?? 0;
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.audio.srcObject = null;
    this.dispatchEvent(new Event("ended"));
  }

  answer(stream) {
    this.#stream = stream;
    this.state = "calling";
    this.session.answer({ ...this.options, mediaStream: stream });
    this.#changed();
  }

  hangUp() {
    if (this.state === "ended") return;
    const declined = this.incoming && !this.session.isEstablished();
    try {
      this.session.terminate(declined ? { status_code: 603, reason_phrase: "Decline" } : {});
    } catch {
      this.#end("", null);
    }
  }

  hold() {
    if (this.state === "talking" && !this.held) this.session.hold();
  }

  resume() {
    if (this.held) this.session.unhold();
  }

  mute() {
    if (this.muted) this.session.unmute({ audio: true });
    else this.session.mute({ audio: true });
  }

  press(key) {
    this.session.sendDTMF(key, { transportType: "RFC2833", duration: 120 });
  }

  uses(stream) {
    return this.#stream === stream && this.state !== "ended";
  }

  // Another microphone takes the place of the present one.
  async useStream(stream) {
    const [track] = stream.getAudioTracks();
    const sender = this.connection?.getSenders().find((one) => one.track?.kind === "audio" || !one.track);
    if (!sender) return;
    track.enabled = !this.muted && !this.held;
    await sender.replaceTrack(track);
    for (const old of this.#stream?.getTracks() ?? []) old.stop();
    this.#stream = stream;
  }

  // Send whom one talks with on: to a number, or to whom one talks with in the other call. Returns what became of it:
  // "done", "left" (the call ended meanwhile), or the status with which it was refused; 0 where there was no answer.
  transfer(target) {
    this.sendingOn = true;
    this.#changed();
    return new Promise((done) => {
      const over = (result) => {
        this.removeEventListener("ended", left);
        this.sendingOn = false;
        if (this.state !== "ended") this.#changed();
        done(result);
      };
      const left = () => over("left");
      this.addEventListener("ended", left);
      const events = {
        accepted: () => over("done"),
        failed: ({ status_line: told }) => over(told?.status_code || 0),
        requestFailed: ({ response }) => over(response?.status_code || 0),
      };
      const attended = target instanceof Call;
      const uri = `sip:${encodeURIComponent(attended ? target.number : target)}@${location.hostname}`;
      this.session.refer(uri, { eventHandlers: events, ...(attended ? { replaces: target.session } : {}) });
    });
  }
}

export const line = new Line();
setInterval(() => line.freshen(), 600_000);
addEventListener("offline", () => { for (const call of line.calls.values()) call.connectionLost(); });
