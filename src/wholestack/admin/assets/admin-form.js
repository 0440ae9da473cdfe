// Finds what may be chosen while one types, and shows it anew where it depends on another field. No form needs it.

const later = (work, wait) => {
  let timer;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(work, wait, ...given);
  };
};

const show = async (box, query) => {
  const select = document.getElementById(box.dataset.target);
  const answer = await fetch(`${box.dataset.choices}?${new URLSearchParams(query)}`, { headers: { Accept: "application/json" } });
  if (!answer.ok || !select) return;
  const found = await answer.json();
  const finds = "q" in query;
  const kept = [...select.options].filter((each) => each.value === "" || "stays" in each.dataset || (finds && each.selected));
  const held = new Set(kept.map((each) => each.value));
  const chosen = select.value;
  const fresh = found.filter((each) => !held.has(each.value)).map((each) => new Option(each.text, each.value));
  select.replaceChildren(...kept, ...fresh);
  if (!finds) select.value = found.some((each) => each.value === chosen) ? chosen : "";
  const told = box.querySelector("[role=status]");
  if (told) told.textContent = `${told.dataset.words} ${fresh.length}`;
};

// What a form holds so far, but neither long texts, for which an address has no room, nor secrets, which are none of a log's.
const soFar = (form) => {
  // Not `form.elements`, in whose place a field of that name would stand.
  const secret = new Set([...form.querySelectorAll("input[type=password]")].map((each) => each.name));
  const short = [...new FormData(form)].filter(([name, value]) => typeof value === "string" && value.length < 200);
  return Object.fromEntries(short.filter(([name]) => !/^(form_|csrf)/.test(name) && !secret.has(name)));
};

const find = (input) => {
  const box = input.closest(".admin-choose[data-choices]");
  if (box && input.value.trim()) show(box, { ...soFar(input.form), q: input.value });
};
const findLater = later(find, 250);

document.addEventListener("input", (event) => {
  if (event.target.matches?.(".admin-choose input[type=search]")) findLater(event.target);
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !event.target.matches?.(".admin-choose input[type=search]")) return;
  event.preventDefault();
  find(event.target);
});

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("button[data-find]");
  if (!button) return;
  event.preventDefault();
  find(button.closest(".admin-choose").querySelector("input[type=search]"));
});

document.addEventListener("change", (event) => {
  const form = event.target.form;
  for (const box of form?.querySelectorAll(".admin-choose[data-depends]") ?? []) {
    if (!box.contains(event.target)) show(box, soFar(form));
  }
});
