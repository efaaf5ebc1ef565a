// Puts parts of a page in place that take a while to work out. Without it, links lead to them.
"use strict";

for (const place of document.querySelectorAll("[data-part]")) {
  const waiting = place.querySelector("[data-waiting]");
  const link = waiting.querySelector("a");
  const note = document.createElement("span");
  note.className = "waiting";
  note.textContent = waiting.dataset.waiting;
  waiting.replaceChildren(note);
  fetch(`${place.dataset.part}?part=1`, { credentials: "same-origin" })
    .then((answer) => (answer.ok ? answer.text() : Promise.reject(answer.status)))
    .then((text) => {
      const made = new DOMParser().parseFromString(text, "text/html");
      place.replaceChildren(...made.body.childNodes);
    })
    .catch(() => {
      note.className = "outcome failed";
      note.textContent = waiting.dataset.failed;
      waiting.append(" ", link);
    });
}
