// Jackfield Phone: what stands under "Sound and ringing". Devices, the test whether both sides hear each other, what
// wakes the phone, and how it is installed.

import { line } from "./phone-line.js";
import * as push from "./phone-push.js";
import * as sound from "./phone-sound.js";
import { say } from "./words.js";

const find = (selector) => document.querySelector(selector);
const root = find("#phone");

// `tell` shows a notice, `state` says in words why there is no line, `withMicrophone` calls with the microphone's sound.
export function begin({ tell, state, withMicrophone }) {
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
  navigator.mediaDevices?.addEventListener?.("devicechange", () => {
    showDevices();
    for (const call of line.calls.values()) sound.route(call.audio, "speaker"); // the headset came, or went
  });

  const probe = find("#probe");
  probe.addEventListener("click", async () => {
    const result = find("#probe-result");
    const show = (kind, text) => { result.className = `notice ${kind}`; result.textContent = text; result.hidden = false; };
    if (!line.connected) return show("bad", state());
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

  return { showDevices, showWake };
}
