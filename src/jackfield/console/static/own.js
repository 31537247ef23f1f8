// The user's own pages: what changes while one types or waits. Everything works without it.

function later(wait, work) {
  let timer;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(work, wait, ...values);
  };
}

// Where calls go: the sentence and the timeline follow the form.
for (const form of document.querySelectorAll("form[data-preview]")) {
  const place = document.getElementById("preview");
  const show = later(250, async () => {
    const values = new URLSearchParams(new FormData(form));
    values.delete("csrfmiddlewaretoken");
    const answer = await fetch(`${form.dataset.preview}?${values}`);
    if (answer.redirected) location.reload();  // the session is over: sign in, and come back here
    else if (answer.ok) place.innerHTML = await answer.text();
  });
  form.addEventListener("input", show);
}

// Contacts and calls: the list follows what one searches for.
for (const form of document.querySelectorAll("form[data-live]")) {
  const place = document.getElementById(form.dataset.live);
  let latest = 0;
  const find = later(200, async () => {
    const mine = (latest += 1);
    const values = new URLSearchParams(new FormData(form));
    const answer = await fetch(`${form.getAttribute("action")}?${values}&part=1`);
    if (answer.redirected) location.assign(`${form.getAttribute("action")}?${values}`);
    if (!answer.ok || answer.redirected || mine !== latest) return;
    place.innerHTML = await answer.text();
    history.replaceState(null, "", `?${values}`);
  });
  form.addEventListener("input", find);
}

// A call that was asked for: how far it is.
// Own calls in progress, while somebody looks.
const now = document.getElementById("now");
async function look() {
  if (!document.hidden) {
    const answer = await fetch("/me/now").catch(() => null);
    const text = answer?.ok && !answer.redirected ? (await answer.text()).trim() : "";
    if (text !== now.dataset.shown) now.innerHTML = now.dataset.shown = text;
  }
  setTimeout(look, 5000);
}
if (now) look();

const call = document.querySelector("[data-call]");
async function follow() {
  const answer = await fetch(call.dataset.call);
  if (answer.redirected) location.reload();
  if (!answer.ok || answer.redirected) return;
  const { words, over, talking } = await answer.json();
  if (call.textContent !== words) call.textContent = words;
  for (const one of document.querySelectorAll("[data-while-talking]")) one.hidden = !talking;
  for (const one of document.querySelectorAll("[data-until-talking]")) one.hidden = talking;
  if (over) for (const form of document.querySelectorAll("[data-on-call]")) form.remove();
  else setTimeout(follow, 1000);
}
if (call) follow();
