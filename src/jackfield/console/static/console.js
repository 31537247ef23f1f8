// What pages do beyond links and forms. Everything works without it but what is live by nature.

const root = document.documentElement;

function switchTheme() {
  const dark = root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("theme", root.dataset.theme);
}

// A filter counts as soon as it is chosen; the button stays for those without scripts.
function filterAtOnce(event) {
  if (event.target.matches("[data-list] select")) event.target.form.requestSubmit();
}

// The whole row leads where its first cell does.
function openRow(event) {
  const row = event.target.closest("tr[data-href]");
  if (row && !event.target.closest("a, button, input, label") && !getSelection().toString()) location = row.dataset.href;
}

// One more empty row at the end of a table of a form, numbered on.
function addRow(button) {
  const rows = [...button.parentElement.querySelectorAll("[data-row]")];
  const fresh = rows.at(-1).cloneNode(true);
  const move = (text) => text.replace(/([.-])(\d+)([.-])/, (_, a, n, b) => a + rows.length + b);
  for (const element of fresh.querySelectorAll("[name], [id], [for]")) {
    for (const name of ["name", "id", "for"]) {
      if (element.hasAttribute(name)) element.setAttribute(name, move(element.getAttribute(name)));
    }
    if (element.type === "checkbox") element.checked = false;
    else if ("value" in element && element.tagName === "INPUT") element.value = "";
  }
  rows.at(-1).after(fresh);
  fresh.querySelector("input")?.focus();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.matches("[data-theme-switch]")) switchTheme();
  else if (button?.matches("[data-add-row]")) addRow(button);
  else openRow(event);
});
document.addEventListener("change", filterAtOnce);

document.querySelector("[data-focus]")?.focus();
