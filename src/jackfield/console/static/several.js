// Marking rows of a list: all at once, a range with Shift, and how many there are.

const boxes = () => [...document.querySelectorAll("input[data-mark]")];
const all = document.querySelector("input[data-mark-all]");
const count = document.querySelector("[data-marked]");
let last = null;

function tell() {
  const marked = boxes().filter((box) => box.checked).length;
  if (count) count.textContent = marked ? `${marked} marked` : "";
  if (all) {
    all.checked = marked > 0 && marked === boxes().length;
    all.indeterminate = marked > 0 && !all.checked;
  }
}

all?.addEventListener("change", () => {
  for (const box of boxes()) box.checked = all.checked;
  tell();
});

document.addEventListener("click", (event) => {
  const box = event.target;
  if (!(box instanceof HTMLInputElement) || !box.matches("[data-mark]")) return;
  const found = boxes();
  if (event.shiftKey && last && found.includes(last)) {
    const [from, to] = [found.indexOf(last), found.indexOf(box)].sort((a, b) => a - b);
    for (const between of found.slice(from, to + 1)) between.checked = box.checked;
  }
  last = box;
  tell();
});

// A field that somebody types into is one that he wants to set.
document.querySelector("[data-several-form]")?.addEventListener("input", (event) => {
  const choice = event.target.closest(".choose")?.querySelector('input[name="set"]');
  if (choice && event.target !== choice) choice.checked = true;
});

tell();
