const notes = new EventSource("/notes/added");
notes.onmessage = (event) => {
  const line = document.createElement("li");
  line.textContent = JSON.parse(event.data).text;
  document.getElementById("notes").append(line);
};
