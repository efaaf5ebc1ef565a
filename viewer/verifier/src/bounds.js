/** Which moments follow from what several parties vouch for. */

import { byCodePoints } from "./text.js";

/**
 * @typedef {import("./report.js").Bound} Bound
 * @typedef {import("./vouchers.js").Vouched} Vouched
 */

/**
 * The moment by which as many parties as are needed had seen it.
 *
 * @param {Vouched[]} vouched
 * @param {number} needed
 * @returns {Bound | null}
 */
export function notAfter(vouched, needed) {
  const earliestFirst = [...vouched].sort((one, other) => compare(one.latest, other.latest));
  const counted = distinctParties(earliestFirst).slice(0, needed);
  return boundOf(counted, needed, (one) => one.latest);
}

/**
 * The last moment after which, as many parties as are needed say, it was made.
 *
 * @param {Vouched[]} vouched
 * @param {number} needed
 * @returns {Bound | null}
 */
export function notBefore(vouched, needed) {
  const latestFirst = [...vouched].sort((one, other) => compare(other.earliest, one.earliest));
  const counted = distinctParties(latestFirst).slice(0, needed);
  return boundOf(counted, needed, (one) => one.earliest);
}

/** @param {Vouched[]} vouched */
function distinctParties(vouched) {
  return vouched.filter(({ party }, place) => vouched.findIndex((one) => one.party === party) === place);
}

/**
 * @param {Vouched[]} counted
 * @param {number} needed
 * @param {(one: Vouched) => bigint} time
 * @returns {Bound | null}
 */
function boundOf(counted, needed, time) {
  if (!needed || counted.length < needed) {
    return null;
  }
  return { time: time(counted[counted.length - 1]), vouchers: counted.map(({ party }) => party).sort(byCodePoints) };
}

/**
 * The earliest of those that there are.
 *
 * @param {...(Bound | null)} bounds
 * @returns {Bound | null}
 */
export function first(...bounds) {
  return bounds.reduce((best, one) => (best === null || (one !== null && one.time < best.time) ? one : best), null);
}

/**
 * The latest of those that there are.
 *
 * @param {...(Bound | null)} bounds
 * @returns {Bound | null}
 */
export function last(...bounds) {
  return bounds.reduce((best, one) => (best === null || (one !== null && one.time > best.time) ? one : best), null);
}

/**
 * @param {bigint} one
 * @param {bigint} other
 */
function compare(one, other) {
  return one < other ? -1 : one > other ? 1 : 0;
}
