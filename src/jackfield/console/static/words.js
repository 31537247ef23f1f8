// Texts of scripts in the page's language: the page brings the translations, the script has the English.
//
// `say("Close")` is what tools/make-catalogues collects; a name in braces is filled in: say("Remove {name}", { name }).

const words = JSON.parse(document.querySelector('meta[name="words"]')?.content ?? "{}");

export function say(text, values = {}) {
  return (words[text] ?? text).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}
