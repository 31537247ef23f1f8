// Inputs that scripts make handier. Each keeps the plain input it stands for, which is what the form sends.

let count = 0;

// ---- Lists with commas, as chips with proposals from the page's datalist -------------------------------------------

function tokens(plain) {
  const source = document.getElementById(`suggest-${plain.dataset.suggest}`);
  const known = new Map([...(source?.options ?? [])].map((one) => [one.value, one.label === one.value ? "" : one.label]));
  const box = document.createElement("div");
  box.className = "tokens";
  const input = document.createElement("input");
  const list = document.createElement("ul");
  list.className = "proposals";
  list.id = `proposals-${++count}`;
  list.setAttribute("role", "listbox");
  list.hidden = true;
  for (const [name, value] of Object.entries({
    type: "text", role: "combobox", autocomplete: "off", id: plain.id,
    "aria-expanded": "false", "aria-controls": list.id, "aria-autocomplete": "list",
  })) input.setAttribute(name, value);
  for (const name of ["aria-describedby", "aria-invalid"]) {
    if (plain.hasAttribute(name)) input.setAttribute(name, plain.getAttribute(name));
  }
  list.setAttribute("aria-label", document.querySelector(`label[for="${plain.id}"]`)?.textContent.trim() ?? "Proposals");
  plain.removeAttribute("id");
  input.disabled = plain.matches(":disabled");
  plain.hidden = true;
  plain.before(box);
  box.append(input);
  box.parentElement.classList.add("has-proposals");
  box.after(list);

  const split = (text) => text.split(/[,\n]/).map((part) => part.trim()).filter(Boolean);
  let items = split(plain.value);

  function show() {
    box.querySelectorAll(".chip").forEach((chip) => chip.remove());
    items.forEach((item, place) => input.before(chip(item, place)));
    plain.value = items.join(", ");
  }
  function chip(item, place) {
    const made = document.createElement("span");
    made.className = "chip";
    made.append(item);
    if (known.get(item)) made.title = known.get(item);
    const name = nameIn(known.get(item));
    if (name) made.append(Object.assign(document.createElement("small"), { textContent: name }));
    const away = Object.assign(document.createElement("button"), { type: "button", textContent: "×" });
    away.setAttribute("aria-label", `Remove ${item}`);
    away.disabled = input.disabled;
    away.addEventListener("click", () => { items.splice(place, 1); changed(); input.focus(); });
    made.append(away);
    return made;
  }
  function changed() {
    show();
    plain.dispatchEvent(new Event("input", { bubbles: true }));
  }
  function add(text) {
    const fresh = split(text).filter((item) => !items.includes(item));
    if (fresh.length) { items.push(...fresh); changed(); }
    input.value = "";
    close();
  }
  function close() {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }
  function propose() {
    const asked = input.value.trim().toLowerCase();
    const fitting = [...known].filter(([value, label]) => !items.includes(value) && `${value} ${label}`.toLowerCase().includes(asked));
    list.replaceChildren(...fitting.slice(0, 50).map(([value, label], place) => {
      const item = document.createElement("li");
      item.id = `${list.id}-${place}`;
      item.setAttribute("role", "option");
      item.dataset.value = value;
      item.append(value, Object.assign(document.createElement("small"), { textContent: label }));
      return item;
    }));
    list.hidden = !fitting.length;
    input.setAttribute("aria-expanded", String(fitting.length > 0));
  }
  function mark(step) {
    const all = [...list.children];
    const at = all.findIndex((item) => item.ariaSelected === "true");
    const next = all[(at + step + all.length) % all.length] ?? all[0];
    all.forEach((item) => item.setAttribute("aria-selected", String(item === next)));
    next?.scrollIntoView({ block: "nearest" });
    if (next) input.setAttribute("aria-activedescendant", next.id);
  }

  input.addEventListener("input", () => { /[,\n]/.test(input.value) ? add(input.value) : propose(); });
  input.addEventListener("focus", propose);
  input.addEventListener("blur", () => { if (input.value.trim()) add(input.value); close(); });
  input.addEventListener("keydown", (event) => {
    const marked = list.hidden ? null : list.querySelector("[aria-selected=true]");
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (list.hidden) propose();
      mark(event.key === "ArrowDown" ? 1 : list.querySelector("[aria-selected=true]") ? -1 : 0);
    } else if (event.key === "Enter" && !event.ctrlKey && (marked || input.value.trim())) add(marked?.dataset.value ?? input.value);
    else if (event.key === "Escape" && !list.hidden) close();
    else if (event.key === "Backspace" && !input.value && items.length) { items.pop(); changed(); }
    else return;
    event.preventDefault();
  });
  list.addEventListener("mousedown", (event) => {
    const item = event.target.closest("[role=option]");
    event.preventDefault(); // the field keeps the focus
    if (item) { add(item.dataset.value); propose(); }
  });
  box.addEventListener("click", (event) => { if (event.target === box) input.focus(); });
  plain.addEventListener("restored", () => { items = split(plain.value); show(); });
  show();
}

// `the extension "Anna"` is Anna.
function nameIn(label) {
  return label?.match(/"(.*)"$/)?.[1] ?? "";
}

// ---- Codecs in the order in which they are offered -------------------------------------------------------------------

function ordered(group) {
  const picks = [...group.querySelectorAll(":scope > .pick")];
  if (picks.length < 2) return;
  const list = document.createElement("ol");
  list.className = "order";
  picks[0].before(list);
  for (const pick of picks) {
    const item = document.createElement("li");
    item.append(pick);
    item.append(mover(item, -1), mover(item, 1));
    item.draggable = !pick.querySelector("input").disabled;
    list.append(item);
  }
  const tell = () => list.dispatchEvent(new Event("input", { bubbles: true }));
  const mark = () => {
    for (const item of list.children) {
      const on = item.querySelector("input").checked;
      item.classList.toggle("off", !on);
      for (const button of item.querySelectorAll("button")) button.tabIndex = on ? 0 : -1;
    }
  };
  list.addEventListener("change", (event) => {
    const item = event.target.closest("li");
    // Behind the last that is chosen: there it begins, or there it waits.
    const chosen = [...list.children].filter((one) => one !== item && one.querySelector("input").checked);
    if (chosen.length) chosen.at(-1).after(item); else list.prepend(item);
    event.target.focus();
    mark();
  });
  list.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const item = button.closest("li");
    if (button.dataset.step === "-1") item.previousElementSibling?.before(item);
    else if (item.nextElementSibling && !item.nextElementSibling.classList.contains("off")) item.nextElementSibling.after(item);
    button.focus();
    tell();
  });
  let held = null;
  list.addEventListener("dragstart", (event) => {
    held = event.target.closest("li");
    held?.classList.add("dragged");
    event.dataTransfer.effectAllowed = "move";
  });
  list.addEventListener("dragover", (event) => {
    const over = event.target.closest("li");
    if (!held || !over || over === held) return;
    event.preventDefault();
    const middle = over.getBoundingClientRect().top + over.offsetHeight / 2;
    if (event.clientY < middle) over.before(held); else over.after(held);
  });
  list.addEventListener("dragend", () => { held?.classList.remove("dragged"); held = null; tell(); });
  group.addEventListener("restored", mark);
  mark();
}

function mover(item, step) {
  const what = item.firstChild.textContent.trim();
  const button = Object.assign(document.createElement("button"), { type: "button", className: "quiet", textContent: step < 0 ? "↑" : "↓" });
  button.dataset.step = step;
  button.setAttribute("aria-label", `${what}: ${step < 0 ? "earlier" : "later"}`);
  return button;
}

// ---- Whether a number is free, while it is typed ---------------------------------------------------------------------

function checkNumber(input, section, row) {
  const said = document.createElement("p");
  said.className = "help";
  said.setAttribute("role", "status");
  input.closest(".field").append(said);
  const first = input.value;
  let timer = 0;
  async function ask() {
    const number = input.value.trim();
    if (!number || (row && number === first)) { said.textContent = ""; return; }
    const query = new URLSearchParams({ number, besides: row ? `${section}/${row}` : "" });
    const answer = await fetch(`/admin/find/number?${query}`);
    if (!answer.ok || input.value.trim() !== number) return;
    const { free, text } = await answer.json();
    said.className = free ? "help free" : "problem";
    said.textContent = free ? `${number} is free.` : text;
  }
  input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(ask, 250); });
}

// ---- Parts of a form that mean something for some kinds of thing only ------------------------------------------------

function fitKind(choice) {
  const parts = choice.form.querySelectorAll("[data-kinds]");
  const fit = () => parts.forEach((part) => {
    part.hidden = !part.dataset.kinds.split(" ").includes(choice.value) && !part.querySelector(".problem");
  });
  for (const event of ["change", "restored"]) choice.addEventListener(event, fit);
  fit();
}

export function enhanceInputs(within) {
  within.querySelectorAll("form:has([data-kinds]) select[name=kind]").forEach(fitKind);
  within.querySelectorAll("input[data-suggest]").forEach(tokens);
  within.querySelectorAll("fieldset[data-order]").forEach(ordered);
  const where = location.pathname.match(/^\/admin\/(extensions|ring_groups|services|speed_dials|emergency_numbers)\/(?:new|(\d+))$/);
  const number = where && within.querySelector("#f-number");
  if (number) checkNumber(number, where[1], where[2]);
}
