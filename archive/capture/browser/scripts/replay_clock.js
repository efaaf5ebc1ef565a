// Lets the clock of a replayed page begin when the page was captured: what it counts from today comes out the same.
// Takes milliseconds to add to the clock. Runs first in every document of a replay, never when a page is captured.
function (milliseconds) {
  const Real = Date;
  const now = () => Real.now() + milliseconds;
  window.Date = new Proxy(Real, {
    construct: (real, given, target) => Reflect.construct(real, given.length ? given : [now()], target),
    apply: (real) => new real(now()).toString(),
    get: (real, name) => (name === "now" ? now : Reflect.get(real, name)),
  });
}
