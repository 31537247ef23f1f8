// Passkeys: what the server asks for goes to the browser, and what that answers goes back in a plain form.

import { say } from "./words.js";

const able = Boolean(globalThis.PublicKeyCredential && globalThis.isSecureContext);

function bytes(text) {
  const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

function text(buffer) {
  if (!buffer) return undefined;
  const plain = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

function asked(options) {
  const known = { ...options, challenge: bytes(options.challenge) };
  if (options.user) known.user = { ...options.user, id: bytes(options.user.id) };
  for (const list of ["excludeCredentials", "allowCredentials"]) {
    if (options[list]) known[list] = options[list].map((key) => ({ ...key, id: bytes(key.id) }));
  }
  return known;
}

function answered(credential) {
  const { response } = credential;
  return JSON.stringify({
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    clientExtensionResults: credential.getClientExtensionResults(),
    response: {
      clientDataJSON: text(response.clientDataJSON),
      attestationObject: text(response.attestationObject),
      authenticatorData: text(response.authenticatorData),
      signature: text(response.signature),
      userHandle: text(response.userHandle),
    },
  });
}

async function options(form) {
  if (form.dataset.options) return JSON.parse(form.dataset.options);
  const body = new FormData();
  body.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
  const answer = await fetch(form.dataset.optionsFrom, { method: "POST", body });
  if (!answer.ok) throw new Error(say("The server does not answer. Reload the page and try again."));
  return JSON.parse((await answer.json()).options);
}

async function use(event) {
  const form = event.currentTarget;
  if (form.elements.credential.value) return;
  event.preventDefault();
  const problem = form.querySelector("[data-passkey-problem]");
  problem.hidden = true;
  try {
    const publicKey = asked(await options(form));
    const made = form.dataset.passkey === "create"
      ? await navigator.credentials.create({ publicKey })
      : await navigator.credentials.get({ publicKey });
    form.elements.credential.value = answered(made);
    form.submit();
  } catch (error) {
    const words = {
      NotAllowedError: say("Nothing was done: it was cancelled, or took too long."),
      InvalidStateError: say("This device has a passkey for you already."),
      SecurityError: say("Passkeys need this console's name instead of a numeric address."),
    };
    problem.textContent = words[error.name] ?? error.message;
    problem.hidden = false;
  }
}

if (able) {
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.hidden = false;
    form.addEventListener("submit", use);
  }
  for (const note of document.querySelectorAll("[data-passkey-missing]")) note.hidden = true;
}
