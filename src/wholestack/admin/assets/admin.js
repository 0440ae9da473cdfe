// The palette: Ctrl-K opens it, what is typed is searched, arrows go through what was found.
// Without it the search is a form that leads to a page.

const palette = document.getElementById("admin-palette");
const field = palette?.querySelector("input");
const place = palette?.querySelector("[aria-live]");
const parse = (text) => new DOMParser().parseFromString(text, "text/html");
const WAIT = 150; // Milliseconds after the last key.

let timer;
let asking;

const open = (text) => {
  if (!palette || palette.open) return;
  palette.showModal();
  field.value = text;
  field.focus();
  if (text) search();
};

const search = async () => {
  asking?.abort();
  asking = new AbortController();
  const url = new URL(field.form.action);
  url.searchParams.set("q", field.value);
  try {
    const answer = await fetch(url, { headers: { "HX-Request": "true", Accept: "text/html" }, signal: asking.signal });
    if (answer.ok) place.replaceChildren(...parse(await answer.text()).body.childNodes);
  } catch (error) {
    if (error.name !== "AbortError") throw error;
  }
};

const step = (by) => {
  const ways = [field, ...place.querySelectorAll("a")];
  const at = ways.indexOf(document.activeElement);
  ways[(at + by + ways.length) % ways.length].focus();
};

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key.toLowerCase() === "k" && palette) {
    event.preventDefault();
    open("");
  } else if (palette?.open && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    event.preventDefault();
    step(event.key === "ArrowDown" ? 1 : -1);
  }
});

field?.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(search, WAIT);
});

palette?.addEventListener("click", (event) => {
  if (event.target === palette) palette.close();
});

for (const hint of document.querySelectorAll("form[data-palette] kbd")) {
  hint.hidden = false;
  if (/Mac|iPhone|iPad/.test(navigator.platform)) hint.textContent = "⌘ K";
}
