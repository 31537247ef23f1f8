// Who a chip is and how he is now: a card while the pointer or the focus rests on it. Only where there is a pointer.

const WAIT = 350;
const KEEP = 10_000;
const known = new Map(); // address: when it was asked for, and the promise of the card
const card = document.createElement("div");
card.className = "card-of";
card.id = "card-of";
card.popover = "manual";
card.setAttribute("role", "tooltip");
let chip = null;
let timer = 0;

function fetched(address) {
  const before = known.get(address);
  if (before && Date.now() - before.at < KEEP) return before.html;
  const html = fetch(`/admin/card?of=${encodeURIComponent(address)}`).then((answer) => (answer.status === 200 ? answer.text() : ""));
  known.set(address, { at: Date.now(), html });
  return html;
}

function soon(link) {
  if (link === chip) return clearTimeout(timer);
  hide();
  chip = link;
  timer = setTimeout(() => show(link), WAIT);
}

async function show(link) {
  const html = await fetched(new URL(link.href).pathname).catch(() => "");
  if (!html || chip !== link || !link.isConnected) return;
  card.innerHTML = html;
  document.body.append(card);
  link.setAttribute("aria-describedby", card.id);
  card.showPopover();
  place(link.getBoundingClientRect());
}

// Below the chip, or above it where there is no room; never beyond the edge.
function place(at) {
  const [width, height] = [card.offsetWidth, card.offsetHeight];
  const start = getComputedStyle(chip).direction === "rtl" ? at.right - width : at.left;
  const below = at.bottom + 6 + height < innerHeight;
  card.style.left = `${Math.max(8, Math.min(start, innerWidth - width - 8))}px`;
  card.style.top = `${below ? at.bottom + 6 : Math.max(8, at.top - height - 6)}px`;
}

function hide() {
  clearTimeout(timer);
  chip?.removeAttribute("aria-describedby");
  chip = null;
  if (card.isConnected && card.matches(":popover-open")) card.hidePopover();
}

// The way from the chip to its card must be walkable.
function leaving() {
  clearTimeout(timer);
  timer = setTimeout(hide, 200);
}

const of = (target) => (target instanceof Element ? target.closest('a.chip[href^="/admin/"], a[data-card]') : null);

// A term of the field says what it means on hover by itself; by keyboard and by finger it does so here.
function explain(term) {
  hide();
  chip = term;
  card.textContent = term.title;
  document.body.append(card);
  card.showPopover();
  place(term.getBoundingClientRect());
}
export function explainable(within) {
  if ("popover" in card) for (const term of within.querySelectorAll("abbr[title]:not(.needed)")) term.tabIndex = 0;
}
document.addEventListener("click", (event) => {
  const term = event.target.closest?.("abbr[title]:not(.needed)");
  if (term && "popover" in card) setTimeout(() => explain(term)); // after the click has hidden what was open
  else hide();
});
document.addEventListener("focusin", (event) => {
  if (event.target.matches("abbr[title]:focus-visible")) explain(event.target);
});

if (matchMedia("(hover: hover)").matches && "popover" in card) {
  document.addEventListener("pointerover", (event) => {
    if (event.pointerType !== "mouse") return;
    const link = of(event.target);
    if (link) soon(link);
    else if (card.contains(event.target)) clearTimeout(timer);
    else if (chip?.href && !chip.matches(":focus-visible")) leaving();
  });
  document.addEventListener("focusin", (event) => {
    const link = of(event.target);
    if (link?.matches(":focus-visible")) soon(link);
    else if (chip && event.target !== chip) hide();
  });
}
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !card.matches(":popover-open")) return;
  hide();
  event.stopImmediatePropagation();
  event.preventDefault();
}, { capture: true });
addEventListener("scroll", hide, { capture: true, passive: true });
