// Scrolls to `top` if one is given, and says how far the page is. Runs in a world of its own.
function (top) {
  const root = document.scrollingElement || document.documentElement;
  if (!root) return { ready: document.readyState, fonts: true, height: 0, top: 0, pending: 0, drawn: true, elements: 0 };
  if (typeof top === "number") {
    window.scrollTo({ left: 0, top, behavior: "instant" });
    globalThis.sijillDrawn = false;
    // In the second frame the page was told of the scrolling, and of what came into sight by it.
    requestAnimationFrame(() => requestAnimationFrame(() => (globalThis.sijillDrawn = true)));
  }
  let pending = 0;
  const images = document.images;
  for (let place = 0; place < images.length && place < 5000; place += 1) {
    const image = images[place];
    if (!image.complete && image.loading !== "lazy" && (image.currentSrc || image.src)) pending += 1;
  }
  return {
    ready: document.readyState,
    fonts: !document.fonts || document.fonts.status === "loaded",
    height: Math.ceil(Math.max(root.scrollHeight, window.innerHeight)),
    top: Math.round(window.scrollY),
    pending,
    drawn: globalThis.sijillDrawn !== false,
    elements: document.getElementsByTagName("*").length,
  };
}
