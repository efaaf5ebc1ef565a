"use strict";

// Draws the bars and the date from figures.json; the table can be read without it.
fetch("figures.json")
  .then((response) => response.json())
  .then((figures) => {
    const total = figures.counts.reduce((sum, count) => sum + count, 0);
    document.querySelectorAll("#figures td").forEach((cell, row) => {
      cell.style.setProperty("--share", `${(100 * figures.counts[row]) / total}%`);
    });
    document.getElementById("as-of").textContent = `As of ${figures.asOf}`;
  });
