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

// How far a job is, while it goes on: what is told again is told when it is another state, so that nobody hears each number.
// htmx does the same where the app has it; without a script the page asks for itself.

const again = async (job) => {
  if (document.hidden || window.htmx) return true;
  const answer = await fetch(location.href, { headers: { "HX-Request": "true", Accept: "text/html" } }).catch(() => null);
  if (!answer) return true; // The network is away for a moment.
  const fresh = answer.ok && parse(await answer.text()).getElementById("job");
  if (!fresh) return false;
  const part = (of, name) => of.querySelector(name);
  part(job, "[data-progress]").replaceWith(part(fresh, "[data-progress]"));
  if (fresh.dataset.state !== job.dataset.state) {
    job.dataset.state = fresh.dataset.state;
    const actions = part(job, ".actions");
    const held = actions.contains(document.activeElement);
    part(job, "[data-told]").replaceChildren(...part(fresh, "[data-told]").childNodes);
    actions.replaceWith(part(fresh, ".actions"));
    if (held) part(job, ".actions :is(a, button)")?.focus();
  }
  return "again" in fresh.dataset;
};

const watch = (job, seconds) => {
  setTimeout(async () => {
    if (await again(job)) watch(job, seconds);
  }, seconds * 1000);
};

const job = document.getElementById("job");
if (job?.dataset.again) watch(job, Number(job.dataset.again));

// The bar that saves is as high as its words need: what has the focus is scrolled above it. Without a script the sheet guesses.
const bar = document.querySelector(".admin-save");
if (bar) {
  new ResizeObserver(() => {
    document.documentElement.style.scrollPaddingBlockEnd = `${bar.offsetHeight + 12}px`;
  }).observe(bar);
}
