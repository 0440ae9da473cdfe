// Changes a form's rows, checks a field that was filled in, and tells how far large files are, without loading the
// page anew.
// A form without it works as well: its buttons send it, and the page comes back.

// What a form itself has under a name: a field that is called so (`action`, `submit`) stands before it.
const own = (form, name, ...given) => {
  const found = Reflect.get(HTMLFormElement.prototype, name, form);
  return typeof found === "function" ? found.apply(form, given) : found;
};

// Where a form is sent; of a button without `formaction` the property says the address of the page.
const target = (form, button) => (button?.hasAttribute("formaction") ? button.formAction : own(form, "action"));

const send = async (form, button, headers) => {
  const body = new FormData(form, button);
  const kind = own(form, "enctype") === "multipart/form-data" ? body : new URLSearchParams(body);
  const said = { Accept: "text/html", ...headers };
  const answer = await fetch(target(form, button), { method: "POST", body: kind, headers: said });
  return answer.ok && isPage(answer.headers.get("Content-Type")) ? parse(await answer.text()) : null;
};

// Anything else may be out of what was sent, and must not be read as HTML.
const isPage = (type) => /^text\/html\s*(;|$)/i.test(type ?? "");

const parse = (text) => new DOMParser().parseFromString(text, "text/html");

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("form.form .rows button[name^='_']");
  const rows = button?.closest(".rows");
  if (!rows || event.defaultPrevented) return;
  event.preventDefault();
  const fresh = (await send(button.form, button, {}))?.getElementById(rows.id);
  if (!fresh) {
    own(button.form, "requestSubmit", button);
    return;
  }
  const files = new Map([...rows.querySelectorAll("input[type=file]")].map((input) => [input.id, input]));
  rows.replaceWith(fresh);
  const shown = document.getElementById(rows.id);
  for (const input of shown.querySelectorAll("input[type=file]")) {
    const kept = files.get(input.id);
    if (kept && button.name === "_add") input.replaceWith(kept);
  }
  shown.querySelector("[autofocus]")?.focus();
});

document.addEventListener("change", async (event) => {
  const field = event.target.closest?.("form[data-live] [data-check]");
  if (!field || window.htmx) return;
  const answer = await send(field.closest("form"), null, { "X-Form-Check": field.dataset.check });
  const fresh = answer?.body.firstElementChild;
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
  const files = [...own(form, "querySelectorAll", "input[type=file]")].flatMap((input) => [...input.files]);
  const size = files.reduce((sum, file) => sum + file.size, 0);
  const ours = own(form, "dataset").upload && size >= LARGE && !event.submitter?.name.startsWith("_");
  if (event.defaultPrevented || !ours) return;
  event.preventDefault();
  if (!own(form, "hasAttribute", "aria-busy")) upload(form, event.submitter);
});

const upload = (form, button) => {
  const shown = document.createElement("label");
  const bar = document.createElement("progress");
  shown.className = "upload";
  bar.max = 1;
  shown.append(own(form, "dataset").upload, bar);
  const actions = own(form, "querySelector", ":scope > .actions");
  if (actions) actions.append(shown);
  else own(form, "append", shown);
  own(form, "setAttribute", "aria-busy", "true");

  const request = new XMLHttpRequest();
  request.upload.addEventListener("progress", (event) => {
    if (event.lengthComputable) bar.value = event.loaded / event.total;
  });
  request.addEventListener("load", () => {
    shown.remove();
    own(form, "removeAttribute", "aria-busy");
    const next = request.getResponseHeader("X-Form-Location");
    if (next !== null) location.assign(next);
    else if (isPage(request.getResponseHeader("Content-Type"))) show(form, request.responseText);
    else showText(request.responseText);
  });
  // The browser tells best what is wrong with the way there.
  request.addEventListener("error", () => own(form, "submit"));
  request.open("POST", target(form, button));
  request.setRequestHeader("Accept", "text/html");
  request.setRequestHeader("X-Form-Upload", "1");
  request.send(new FormData(form, button));
};

// The same form, with what is wrong in it; its files are still chosen. Any other page takes the place of this one.
const show = (form, text) => {
  const number = [...document.querySelectorAll("form.form")].indexOf(form);
  const fresh = parse(text).querySelectorAll("form.form")[number];
  if (!fresh || !own(fresh, "dataset").upload) {
    document.open();
    document.write(text);
    document.close();
    return;
  }
  for (const input of own(form, "querySelectorAll", "input[type=file]")) {
    const place = own(fresh, "querySelector", `#${CSS.escape(input.id)}`);
    if (place && !place.hasAttribute("aria-invalid")) place.replaceWith(input);
  }
  own(form, "replaceWith", fresh);
  own(fresh, "querySelector", "[autofocus]")?.focus();
};

// As a browser shows a text that is no page.
const showText = (text) => {
  const shown = document.createElement("pre");
  shown.textContent = text;
  document.body.replaceChildren(shown);
};
