// Keeps the document where it is: navigations to other documents are cancelled and remembered. A world of its own.
function () {
  if (globalThis.sijillHeld) return globalThis.sijillHeld.splice(0);
  const held = [];
  globalThis.sijillHeld = held;
  if (!globalThis.navigation) return held;
  globalThis.navigation.addEventListener(
    "navigate",
    (event) => {
      if (event.destination.sameDocument || event.hashChange || event.downloadRequest !== null) return;
      if (!event.cancelable) return;
      event.preventDefault();
      if (held.length < 100) held.push(String(event.destination.url).slice(0, 2000));
    },
    { capture: true },
  );
  return held.splice(0);
}
