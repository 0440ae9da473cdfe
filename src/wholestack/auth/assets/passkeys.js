// Asks the browser for a passkey, and sends its answer as a form: the site answers with a page, as to any other form.

const bytes = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));

const text = (buffer) =>
  btoa(Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join(""))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

const described = (list) => list?.map((each) => ({ ...each, id: bytes(each.id) }));

const options = async (form) => {
  const answer = await fetch(form.dataset.options, { method: "POST", headers: { Accept: "application/json" } });
  if (!answer.ok) return null;
  const { publicKey } = await answer.json();
  publicKey.challenge = bytes(publicKey.challenge);
  if (publicKey.user) publicKey.user.id = bytes(publicKey.user.id);
  for (const name of ["allowCredentials", "excludeCredentials"]) {
    if (publicKey[name]) publicKey[name] = described(publicKey[name]);
  }
  return publicKey;
};

const written = ({ id, rawId, type, response, authenticatorAttachment }) => {
  const sent = { id, rawId: text(rawId), type, authenticatorAttachment, clientExtensionResults: {}, response: {} };
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (response[name]) sent.response[name] = text(response[name]);
  }
  if (response.getTransports) sent.response.transports = response.getTransports();
  return JSON.stringify(sent);
};

let waiting; // A request that waits for its passkey to be chosen among what the browser fills in.

const ask = async (form, mediation) => {
  waiting?.abort();
  const publicKey = await options(form);
  // Without options the form goes as it is: the site sends the browser where it can be mended.
  if (!publicKey) return mediation || form.submit();
  const asked = { publicKey };
  if (mediation) {
    waiting = new AbortController();
    Object.assign(asked, { mediation, signal: waiting.signal });
  }
  const found = await navigator.credentials[form.dataset.passkey](asked);
  form.elements.credential.value = written(found);
  form.submit();
};

const fill = async (form) => {
  const field = document.querySelector("input[autocomplete='username']");
  if (!field || !(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
  field.autocomplete = "username webauthn";
  await ask(form, "conditional").catch(() => {}); // Nobody has asked for it: nobody is told that it is over.
};

if (window.PublicKeyCredential) {
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.hidden = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const failed = form.querySelector("[role=alert]");
      failed.hidden = true;
      await ask(form).catch(() => {
        failed.hidden = false;
      });
    });
    if ("fill" in form.dataset) fill(form);
  }
}
