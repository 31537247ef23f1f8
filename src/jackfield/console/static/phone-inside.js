// Own pages inside the phone's page: calls, contacts and rules are looked at while a call goes on. The address of the
// page that is shown stands behind #, so that the phone's page itself is never left; Back and reloading work.

import { say } from "./words.js";

const OURS = /^\/me(\/|$)/;
const ELSEWHERE = /^\/me\/(phone|account|notices)/; // these have scripts and forms of their own kinds

let now = ""; // the title of the page that is shown
export const title = () => now;

export function begin({ place, shown, busy }) {
  let latest = 0;

  const titled = document.title;

  function leave(address) {
    if (busy()) window.open(address, "_blank"); // a call is not to be ended by looking at something
    else location.assign(address);
  }

  async function show(address, options = {}) {
    const mine = (latest += 1);
    place.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(address, { headers: { Accept: "text/html" }, ...options });
      if (mine !== latest) return;
      const to = new URL(answer.url);
      if (answer.redirected && (!OURS.test(to.pathname) || ELSEWHERE.test(to.pathname))) {
        if (to.pathname !== "/me/phone") leave(to.pathname + to.search);
        return;
      }
      const text = await answer.text();
      const page = new DOMParser().parseFromString(text, "text/html");
      const main = page.querySelector("main.own");
      if (!main) return leave(to.pathname + to.search);
      place.replaceChildren(...[...main.childNodes].map((node) => document.importNode(node, true)));
      document.title = now = page.title || titled;
      const here = `#${to.pathname}${to.search}`;
      if (answer.redirected && location.hash !== here) history.replaceState(null, "", here);
      shown(to.pathname);
      document.dispatchEvent(new CustomEvent("own:shown", { detail: place }));
      if (options.method) scrollTo(0, 0);
    } catch {
      if (mine === latest) place.textContent = say("This page can't be fetched just now. The phone works all the same.");
    } finally {
      if (mine === latest) place.removeAttribute("aria-busy");
    }
  }

  function follow() {
    const address = location.hash.slice(1);
    if (OURS.test(address)) show(address);
    else {
      latest += 1;
      place.replaceChildren();
      document.title = titled;
      now = "";
      shown("");
    }
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
    const to = new URL(link.href);
    if (to.origin !== location.origin || link.target || link.hasAttribute("download")) return;
    if (to.pathname === "/me/phone") {
      event.preventDefault();
      history.pushState(null, "", "/me/phone");
      follow();
    } else if (OURS.test(to.pathname) && !ELSEWHERE.test(to.pathname) && !to.pathname.endsWith(".vcf")) {
      event.preventDefault();
      location.hash = `#${to.pathname}${to.search}`;
    } else if (busy()) {
      event.preventDefault();
      leave(link.href);
    }
  });

  document.addEventListener("submit", (event) => {
    const form = event.target;
    const to = new URL(form.action);
    if (event.defaultPrevented || !place.contains(form) || to.origin !== location.origin || !OURS.test(to.pathname)) return;
    event.preventDefault();
    const values = new FormData(form, event.submitter);
    if (form.method === "post") show(to.pathname + to.search, { method: "POST", body: values });
    else location.hash = `#${to.pathname}?${new URLSearchParams(values)}`;
  });

  // Who looks at the calls sees the one that has just ended, once it is written down.
  document.addEventListener("phone:ended", () => setTimeout(() => {
    if (/^#\/me\/(\?show=missed)?$/.test(location.hash) && !place.contains(document.activeElement)) follow();
  }, 2000));
  addEventListener("hashchange", follow);
  addEventListener("popstate", () => { if (!location.hash) follow(); });
  follow();
}
