"use strict";

const at = (id) => document.getElementById(id);

function add(list, text) {
  const line = document.createElement("li");
  line.textContent = text;
  list.append(line);
  while (list.children.length > 50) list.firstChild.remove();
}

// Changes: the browser comes back by itself, and says which event it saw last.
const changes = new EventSource("/changes");
changes.onopen = () => { at("stream").textContent = "Connected."; };
changes.onerror = () => { at("stream").textContent = "Connecting again …"; };
changes.onmessage = (event) => {
  const change = JSON.parse(event.data);
  add(at("changes"), `${change.code} was ${change.action}`);
};
changes.addEventListener("reset", () => add(at("changes"), "Some changes were missed."));

let socket = null;

at("join").addEventListener("submit", (event) => {
  event.preventDefault();
  if (socket) socket.close();
  at("lines").replaceChildren();
  const code = at("code").value.toUpperCase();
  const name = at("name").value;
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const mine = new WebSocket(`${scheme}//${location.host}/airports/${code}/talk?name=${encodeURIComponent(name)}`);
  mine.onopen = () => { at("say").hidden = false; at("text").focus(); };
  mine.onclose = () => {
    if (socket !== mine) return;
    at("say").hidden = true;
    at("here").textContent = "Not connected: is there an airport of this code?";
  };
  mine.onmessage = (message) => {
    const line = JSON.parse(message.data);
    if (line.kind === "here") at("here").textContent = `Here: ${line.names.join(", ")}`;
    else if (line.kind === "said") add(at("lines"), `${line.name}: ${line.text}`);
    else add(at("lines"), `Refused: ${line.detail}`);
  };
  socket = mine;
});

at("say").addEventListener("submit", (event) => {
  event.preventDefault();
  socket.send(JSON.stringify({ text: at("text").value }));
  at("text").value = "";
});
