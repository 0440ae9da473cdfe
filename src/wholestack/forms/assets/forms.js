// Changes a form's rows, and checks a field that was filled in, without loading the page anew.
// A form without it works as well: its buttons send it, and the page comes back.

const send = (form, button, headers) => {
  const body = new FormData(form, button);
  const kind = form.enctype === "multipart/form-data" ? body : new URLSearchParams(body);
  return fetch(button?.formAction || form.action, { method: "POST", body: kind, headers: { Accept: "text/html", ...headers } });
};

const parse = (text) => new DOMParser().parseFromString(text, "text/html");

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("form.form .rows button[name^='_']");
  const rows = button?.closest(".rows");
  if (!rows || event.defaultPrevented) return;
  event.preventDefault();
  const answer = await send(button.form, button, {});
  const fresh = parse(await answer.text()).getElementById(rows.id);
  if (!answer.ok || !fresh) {
    button.form.requestSubmit(button);
    return;
  }
  const files = new Map([...rows.querySelectorAll("input[type=file]")].map((input) => [input.id, input]));
  rows.replaceWith(fresh);
  const target = document.getElementById(rows.id);
  for (const input of target.querySelectorAll("input[type=file]")) {
    const kept = files.get(input.id);
    if (kept && button.name === "_add") input.replaceWith(kept);
  }
  target.querySelector("[autofocus]")?.focus();
});

document.addEventListener("change", async (event) => {
  const field = event.target.closest?.("form[data-live] [data-check]");
  if (!field || window.htmx) return;
  const answer = await send(field.closest("form"), null, { "X-Form-Check": field.dataset.check });
  if (!answer.ok) return;
  const fresh = parse(await answer.text()).body.firstElementChild;
  if (fresh) tell(field, fresh);
});

// What is wrong is told; the inputs stay, with what was typed in them meanwhile.
const tell = (field, fresh) => {
  const told = fresh.querySelector(":scope > .error");
  field.querySelector(":scope > .error")?.remove();
  if (told) field.append(told);
  field.toggleAttribute("data-invalid", fresh.hasAttribute("data-invalid"));
  for (const each of [fresh, ...fresh.querySelectorAll("[id]")]) {
    const input = each.id && document.getElementById(each.id);
    if (!input || each === told) continue;
    for (const name of ["aria-invalid", "aria-describedby"]) {
      if (each.hasAttribute(name)) input.setAttribute(name, each.getAttribute(name));
      else input.removeAttribute(name);
    }
  }
};
