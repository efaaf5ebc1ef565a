"use strict";

const button = document.querySelector(".menu-button");
if (button) {
  button.addEventListener("click", () => {
    const open = document.body.classList.toggle("menu-open");
    button.setAttribute("aria-expanded", String(open));
  });
}

for (const control of document.querySelectorAll("[data-print]")) {
  control.addEventListener("click", () => window.print());
}
