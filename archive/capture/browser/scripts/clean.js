// Takes what overlays.js found out of sight and lets the page scroll again. A world of its own.
function () {
  const boxes = globalThis.sijillOverlays || [];
  for (const box of boxes) box.style.setProperty("display", "none", "important");
  const unlocked = [];
  for (const element of [document.documentElement, document.body]) {
    if (!element || !boxes.length) continue;
    const computed = getComputedStyle(element);
    const name = element.tagName.toLowerCase();
    const set = (property, value) => {
      element.style.setProperty(property, value, "important");
      unlocked.push(`${name} ${property}`);
    };
    if (/hidden|clip/.test(computed.overflowY)) {
      set("overflow", "visible");
      if (element.scrollHeight > element.clientHeight) {
        set("height", "auto");
        set("max-height", "none");
      }
    }
    if (computed.position === "fixed") {
      set("position", "static");
      set("width", "auto");
    }
    if (computed.filter !== "none") set("filter", "none");
  }
  return { removed: boxes.length, unlocked };
}
