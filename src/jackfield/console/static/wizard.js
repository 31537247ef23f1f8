// The first run: comforts only. Every page works without them.

// The browser knows its time zone, the server may not.
const zone = document.querySelector("#f-time_zone");
if (zone && (zone.value === "UTC" || !zone.value)) {
  zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone ?? zone.value;
}

// A provider counts as soon as it is chosen.
document.querySelector("[data-send-at-once]")?.addEventListener("change", (event) => event.target.form.requestSubmit());

// Typing another first number means that one.
document.querySelector("#f-own")?.addEventListener("input", () => {
  document.querySelector('input[name="first"][value="own"]').checked = true;
});

// The encryption of an e-mail server has its usual port: it follows, unless somebody has typed another one.
const usual = { starttls: "587", tls: "465", none: "25" };
const security = document.querySelector('[data-step="mail"] #f-security');
security?.addEventListener("change", () => {
  const port = document.querySelector("#f-port");
  if (Object.values(usual).includes(port.value)) port.value = usual[security.value];
});

// A test of a server or a call takes its time: the button says that it works.
document.addEventListener("submit", (event) => event.submitter?.setAttribute("aria-busy", "true"));
addEventListener("pageshow", () => document.querySelectorAll("[aria-busy]").forEach((one) => one.removeAttribute("aria-busy")));

// How strong a password is, as it is typed: judged by the server, which has the lists.
const password = document.querySelector('[data-step="administrator"] #f-password');
if (password) {
  const shown = document.createElement("p");
  shown.className = "strength";
  shown.setAttribute("role", "status");
  password.closest(".field").append(shown);
  let timer;
  password.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(judge, 300);
  });
  async function judge() {
    if (!password.value) {
      shown.textContent = "";
      return;
    }
    const answer = await fetch("/first-run/strength", { method: "POST", body: new FormData(password.form) });
    if (!answer.ok) return;
    const { word, problem, score } = await answer.json();
    shown.textContent = problem ? `${word}: ${problem}` : word;
    shown.className = `strength ${problem ? "bad" : score > 3 ? "good" : "warning"}`;
  }
}
