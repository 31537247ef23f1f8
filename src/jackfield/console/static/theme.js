// Before anything is painted: the choice of light or dark that was made here before.
const chosen = localStorage.getItem("theme");
if (chosen) document.documentElement.dataset.theme = chosen;
document.documentElement.classList.add("scripted");
