// What wakes the phone when its page is closed: the service worker, and the subscription to pushes.

import { line, post } from "./phone-line.js";
import { say } from "./words.js";

export const worker = "serviceWorker" in navigator
  ? navigator.serviceWorker.register("/me/phone-worker.js", { scope: "/me/" }).then(() => navigator.serviceWorker.ready).catch(() => null)
  : Promise.resolve(null);

const isApple = /iPhone|iPad/.test(navigator.userAgent) || (navigator.platform === "MacIntel" && navigator.maxTouchPoints > 1);
const isInstalled = () => matchMedia("(display-mode: standalone)").matches || navigator.standalone === true;

const decoded = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));
const encoded = (data) => btoa(String.fromCharCode(...new Uint8Array(data))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

// Return "on", "off", or why there is none: "install" (Apple), "denied", "none".
export async function state() {
  const registration = await worker;
  if (!registration?.pushManager || !("Notification" in window)) return isApple && !isInstalled() ? "install" : "none";
  if (Notification.permission === "denied") return "denied";
  return (await registration.pushManager.getSubscription()) && Notification.permission === "granted" ? "on" : "off";
}

// Subscribe, after somebody has asked for it by a tap. Returns "", or in words why it did not work.
export async function subscribe() {
  if ((await Notification.requestPermission()) !== "granted") {
    return say("The browser may not show notifications. Allow it, beside the address of this page, and try again.");
  }
  const registration = await worker;
  try {
    const key = decoded(line.account.vapid);
    let found = await registration.pushManager.getSubscription();
    if (found && encoded(found.options.applicationServerKey ?? new ArrayBuffer(0)) !== encoded(key.buffer)) {
      await found.unsubscribe(); // of an installation that was here before
      found = null;
    }
    found ??= await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
    await tell(found);
  } catch (problem) {
    return say("Calls can't wake this browser: {reason}", { reason: problem.message });
  }
  return "";
}

async function tell(found) {
  const keys = { key: encoded(found.getKey("p256dh")), secret: encoded(found.getKey("auth")) };
  await post("/me/phone/push", { address: found.endpoint, ...keys });
  if (!line.account.woken) await line.renew();
}

export async function unsubscribe() {
  const found = await (await worker)?.pushManager.getSubscription();
  await found?.unsubscribe();
  await post("/me/phone/push", { address: "" });
  if (line.account.woken) await line.renew();
}

// After each start: the server may have lost the subscription, by signing out for instance.
export async function again() {
  if ((await state()) !== "on" || line.account.woken) return;
  const found = await (await worker).pushManager.getSubscription();
  await tell(found).catch(() => {});
}
