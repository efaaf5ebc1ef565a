"use strict";

// The page holds no word of the statement: all of it is drawn here.
const place = document.getElementById("statement");

function add(parent, tag, text) {
  const element = parent.appendChild(document.createElement(tag));
  if (text !== undefined) {
    element.textContent = text;
  }
  return element;
}

function addList(parent, items) {
  const list = add(parent, "ul");
  items.forEach((item) => add(list, "li", item));
  return list;
}

fetch("statement.json")
  .then((response) => response.json())
  .then((statement) => {
    add(place, "h1", statement.title);
    add(place, "p", statement.date).className = "date";
    const picture = add(place, "img");
    picture.src = statement.picture.address;
    picture.alt = statement.picture.words;
    picture.width = 640;
    picture.height = 280;
    statement.paragraphs.forEach((paragraph) => add(place, "p", paragraph));
    add(place, "h2", statement.demandsTitle);
    addList(place, statement.demands);
    add(place, "h2", "Signed");
    addList(place, statement.signatories).className = "signatories";
    place.removeAttribute("aria-busy");
  });
