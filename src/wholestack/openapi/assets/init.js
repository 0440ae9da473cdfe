// Starts Swagger UI on the page, in the colours that the reader's system has.
"use strict";

(() => {
  const place = document.getElementById("docs");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const paint = () => document.documentElement.classList.toggle("dark-mode", dark.matches);

  // Browsers let no page write the field `cookie`; a cookie for this site is sent by itself.
  const sendCookies = (request) => {
    for (const pair of (request.headers?.Cookie ?? "").split("; ").filter(Boolean)) {
      document.cookie = `${pair}; path=/; samesite=strict`;
    }
    delete request.headers?.Cookie;
    return request;
  };

  // What keyboards and screen readers lack in Swagger UI: no link inside a button, a name for what has none, one that
  // says what is written, and a way to scroll.
  const mend = () => {
    for (const link of place.querySelectorAll("button a[href]")) link.removeAttribute("href");
    for (const choice of place.querySelectorAll("select:not([aria-label]):not([id])")) choice.ariaLabel = "Choice";
    for (const button of place.querySelectorAll(".close-modal:not([aria-label])")) button.ariaLabel = "Close";
    for (const button of place.querySelectorAll(".modal-btn[aria-label]")) button.removeAttribute("aria-label");
    for (const command of place.querySelectorAll(".curl:not([tabindex])")) command.tabIndex = 0;
  };

  paint();
  new MutationObserver(mend).observe(place, { childList: true, subtree: true });
  dark.addEventListener("change", paint);
  const page = SwaggerUIBundle({
    domNode: place,
    url: place.dataset.document,
    oauth2RedirectUrl: new URL(place.dataset.redirect, location.href).href,
    requestInterceptor: sendCookies,
    deepLinking: true,
    displayRequestDuration: true,
    validatorUrl: null, // The document is shown to nobody.
  });
  page.initOAuth({ usePkceWithAuthorizationCodeGrant: true });
})();
