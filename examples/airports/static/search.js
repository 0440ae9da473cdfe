// Search while somebody types: the rows of the list alone are asked for, and put in their place.
for (const input of document.querySelectorAll("input[data-search]")) {
  const place = document.getElementById(input.dataset.search);
  let waiting, asking;
  input.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      asking?.abort();
      asking = new AbortController();
      const address = `${input.form.action}?${new URLSearchParams({ q: input.value })}`;
      try {
        const answer = await fetch(address, { headers: { "hx-request": "true" }, signal: asking.signal });
        if (answer.ok) {
          place.innerHTML = await answer.text();
          history.replaceState(null, "", address);
        }
      } catch (error) {
        if (error.name !== "AbortError") throw error;
      }
    }, 150);
  });
}
