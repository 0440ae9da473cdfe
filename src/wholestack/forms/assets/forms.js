// Changes a form's rows, checks a field that was filled in, and tells how far large files are, without loading the
// page anew.
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

// Large files are sent by the script, which hears how far they are; all else by the browser.
const LARGE = 1_000_000;

document.addEventListener("submit", (event) => {
  const form = event.target;
  const files = [...form.querySelectorAll?.("input[type=file]") ?? []].flatMap((input) => [...input.files]);
  const size = files.reduce((sum, file) => sum + file.size, 0);
  if (event.defaultPrevented || !form.dataset.upload || size < LARGE || event.submitter?.name.startsWith("_")) return;
  event.preventDefault();
  if (!form.hasAttribute("aria-busy")) upload(form, event.submitter);
});

const upload = (form, button) => {
  const shown = document.createElement("label");
  const bar = document.createElement("progress");
  shown.className = "upload";
  bar.max = 1;
  shown.append(form.dataset.upload, bar);
  (form.querySelector(":scope > .actions") ?? form).append(shown);
  form.setAttribute("aria-busy", "true");

  const request = new XMLHttpRequest();
  request.upload.addEventListener("progress", (event) => {
    if (event.lengthComputable) bar.value = event.loaded / event.total;
  });
  request.addEventListener("load", () => {
    shown.remove();
    form.removeAttribute("aria-busy");
    const next = request.getResponseHeader("X-Form-Location");
    if (next !== null) location.assign(next);
    else show(form, request.responseText);
  });
  // The browser tells best what is wrong with the way there.
  request.addEventListener("error", () => form.submit());
  request.open("POST", button?.formAction || form.action);
  request.setRequestHeader("Accept", "text/html");
  request.setRequestHeader("X-Form-Upload", "1");
  request.send(new FormData(form, button));
};

// The same form, with what is wrong in it; its files are still chosen. Any other page takes the place of this one.
const show = (form, text) => {
  const number = [...document.querySelectorAll("form.form")].indexOf(form);
  const fresh = parse(text).querySelectorAll("form.form")[number];
  if (!fresh?.dataset.upload) {
    document.open();
    document.write(text);
    document.close();
    return;
  }
  for (const input of form.querySelectorAll("input[type=file]")) {
    const place = fresh.querySelector(`#${CSS.escape(input.id)}`);
    if (place && !place.hasAttribute("aria-invalid")) place.replaceWith(input);
  }
  form.replaceWith(fresh);
  fresh.querySelector("[autofocus]")?.focus();
};
