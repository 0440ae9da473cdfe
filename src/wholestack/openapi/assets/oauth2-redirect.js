// Where a login sends the reader back to, in a window of its own: hands what it got to the page, and closes.
"use strict";

(() => {
  const asked = window.opener?.swaggerUIRedirectOauth2;
  if (!asked) {
    document.body.textContent = "This window belongs to a page that is closed.";
    return;
  }
  const got = Object.fromEntries(new URLSearchParams(location.hash.slice(1) || location.search));
  const refuse = (message) => asked.errCb({ authId: asked.auth.name, source: "auth", level: "error", message });

  if (got.state !== asked.state) {
    refuse("The answer belongs to another login: its state is not the one that was sent.");
  } else if (got.error) {
    refuse(`${got.error}: ${got.error_description ?? "no reason was given"}`);
  } else if (got.code) {
    delete asked.state; // It counts once.
    asked.auth.code = got.code;
    asked.callback({ auth: asked.auth, redirectUrl: asked.redirectUrl });
  } else {
    asked.callback({ auth: asked.auth, token: got, isValid: true, redirectUrl: asked.redirectUrl });
  }
  window.close();
})();
