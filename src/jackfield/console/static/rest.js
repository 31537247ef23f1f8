// The page on which the API is tried: sends what a form says, and shows what comes back.

const forgery = document.querySelector("[data-forgery] input").value;
const LONGEST = 400_000;

function request(form) {
  const data = new FormData(form);
  const query = new URLSearchParams();
  const headers = { Accept: "*/*" };
  let address = form.getAttribute("action");
  for (const [name, value] of data) {
    if (name.startsWith("path.")) address = address.replace(`{${name.slice(5)}}`, encodeURIComponent(value));
    else if (name.startsWith("query.") && value) query.append(name.slice(6), value);
    else if (name.startsWith("header.") && value) headers[name.slice(7)] = value;
  }
  const options = { method: form.dataset.method, headers };
  if (form.dataset.method !== "GET") headers["X-CSRFToken"] = forgery;
  if (data.has("body")) {
    headers["Content-Type"] = form.dataset.type;
    options.body = data.get("body");
  }
  return [address + (query.size ? `?${query}` : ""), options];
}

function pretty(text, type) {
  if (!type.includes("json")) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

async function show(answer, place, stopped) {
  const type = answer.headers.get("Content-Type") ?? "";
  if (type.startsWith("text/event-stream")) {
    const decoder = new TextDecoder();
    for await (const part of pieces(answer.body.getReader(), stopped)) {
      place.textContent = (place.textContent + decoder.decode(part, { stream: true })).slice(-LONGEST);
      place.scrollTop = place.scrollHeight;
    }
  } else if (/json|text|yaml/.test(type)) {
    place.textContent = pretty(await answer.text(), type).slice(0, LONGEST);
  } else {
    const content = await answer.blob();
    place.textContent = content.size ? `${content.size} bytes of ${type}` : "";
  }
}

async function* pieces(reader, stopped) {
  stopped.addEventListener("abort", () => reader.cancel());
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}

async function send(form) {
  const [address, options] = request(form);
  const output = form.querySelector("output");
  const told = output.querySelector(".sent");
  const place = output.querySelector("pre");
  const stop = form.querySelector("[data-stop]");
  const stopper = new AbortController();
  output.hidden = false;
  stop.hidden = false;
  stop.onclick = () => stopper.abort();
  place.textContent = "";
  told.textContent = `${options.method} ${address} …`;
  try {
    const began = performance.now();
    const answer = await fetch(address, { ...options, signal: stopper.signal });
    const took = Math.round(performance.now() - began);
    const marks = ["ETag", "Location", "Link", "Idempotent-Replayed", "Retry-After"]
      .filter((name) => answer.headers.has(name))
      .map((name) => `${name}: ${answer.headers.get(name)}`);
    told.textContent = [`${options.method} ${address} → ${answer.status}, ${took} ms`, ...marks].join(" · ");
    await show(answer, place, stopper.signal);
  } catch (problem) {
    if (problem.name !== "AbortError") place.textContent = `Nothing came back: ${problem.message}`;
  }
  stop.hidden = true;
}

document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-try]")) return;
  event.preventDefault();
  send(event.target);
});

document.querySelector("[data-narrow]").addEventListener("input", (event) => {
  const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const one of document.querySelectorAll("[data-operation]")) {
    const text = one.querySelector("summary").textContent.toLowerCase();
    one.hidden = !words.every((word) => text.includes(word));
  }
  for (const group of document.querySelectorAll(".operations")) {
    group.hidden = !group.querySelector("[data-operation]:not([hidden])");
  }
});

if (location.hash) document.querySelector(location.hash)?.setAttribute("open", "");
