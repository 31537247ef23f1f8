// The service worker of own pages (VERSION and FILES stand before this, see console/web/own/phone.py). It keeps the
// looks of one page, the one that says that there is no connection; never anything of anybody. A new version waits
// until all pages of the old one are closed: no call is cut off by an update.

const CACHE = `jackfield-${VERSION}`;
const OFFLINE = "/me/phone-offline";

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll([...FILES, OFFLINE])));
});

self.addEventListener("activate", (event) => {
  const old = async () => {
    for (const name of await caches.keys()) if (name.startsWith("jackfield-") && name !== CACHE) await caches.delete(name);
    await self.clients.claim();
  };
  event.waitUntil(old());
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  if (request.mode === "navigate" && new URL(request.url).pathname === "/me/phone") {
    event.respondWith(fetch(request).catch(() => caches.match(OFFLINE, { cacheName: CACHE })));
  } else if (FILES.includes(new URL(request.url).pathname)) {
    event.respondWith(caches.match(request, { cacheName: CACHE }).then((found) => found ?? fetch(request)));
  }
});

self.addEventListener("push", (event) => {
  let told = {};
  try {
    told = event.data.json();
  } catch {
    return;
  }
  event.waitUntil(told.kind === "call" ? rings(told) : over(told));
});

function rings(told) {
  return self.registration.showNotification(told.title, {
    body: told.body,
    tag: told.call,
    data: told,
    icon: FILES.find((name) => name.endsWith("own-192.png")),
    requireInteraction: true,
    renotify: true,
    vibrate: [400, 200, 400, 200, 400, 200, 400],
    actions: [{ action: "answer", title: told.answer }, { action: "decline", title: told.decline }],
  });
}

// The call is over, or somebody has taken it: the notification says so, since a push must show something.
async function over(told) {
  const [shown] = await self.registration.getNotifications({ tag: told.call });
  if (!shown && !told.missed) {
    const open = await self.clients.matchAll({ type: "window" });
    if (open.length) return;
  }
  await self.registration.showNotification(told.missed || told.elsewhere, {
    body: told.body, tag: told.call, data: { kind: "over" }, silent: true,
    icon: FILES.find((name) => name.endsWith("own-192.png")),
  });
}

self.addEventListener("notificationclick", (event) => {
  const { data = {} } = event.notification;
  event.notification.close();
  event.waitUntil(event.action === "decline" ? decline(data) : open(data, event.action === "answer"));
});

async function decline({ token, call }) {
  const pages = await self.clients.matchAll({ type: "window" });
  for (const page of pages) page.postMessage({ what: "decline", call });
  if (!token) return;
  await fetch("/me/phone/decline", { method: "POST", body: new URLSearchParams({ token }) });
}

async function open(data, answer) {
  const pages = await self.clients.matchAll({ type: "window" });
  const phone = pages.find((page) => new URL(page.url).pathname === "/me/phone");
  if (data.kind === "over") return phone ? phone.focus() : self.clients.openWindow("/me/phone#/me/?show=missed");
  if (phone) {
    phone.postMessage({ what: answer ? "answer" : "wake", call: data.call });
    return phone.focus();
  }
  return self.clients.openWindow(`/me/phone?wake=${answer ? "answer" : "ring"}`);
}
