/** Times as attestations write them (RFC 3339, UTC, microseconds), and the time inside a capture id. */

import { MalformedCaptureId, MalformedTimestamp } from "./errors.js";
import { beginning, quoted } from "./text.js";

export const CAPTURE_ID = /^[0-9]{8}t[0-9]{6}z-[a-z2-7]{12}$/;
/** Microseconds. */
export const SECOND = 1_000_000n;

const TIMESTAMP = /^([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})\.([0-9]{6})Z$/;
const MILLISECOND = 1_000n;

/**
 * `moment` as `2026-11-21T01:16:30.123456Z`.
 *
 * @param {bigint} moment microseconds since 1970 in UTC, in the years 1 to 9999
 * @returns {string}
 */
export function formatTimestamp(moment) {
  const fraction = ((moment % SECOND) + SECOND) % SECOND;
  const whole = new Date(Number((moment - fraction) / MILLISECOND)).toISOString().slice(0, -5);
  return `${whole}.${String(fraction).padStart(6, "0")}Z`;
}

/**
 * The moment that `formatTimestamp` wrote as `text`, in microseconds since 1970.
 *
 * @param {string} text
 * @returns {bigint}
 */
export function parseTimestamp(text) {
  const match = TIMESTAMP.exec(text);
  if (!match) {
    throw new MalformedTimestamp(`not like 2026-11-21T01:16:30.123456Z: ${quoted(beginning(text, 40))}`);
  }
  const moment = momentOf(match.slice(1, 7).map(Number));
  if (moment === null) {
    throw new MalformedTimestamp(`no such moment: ${text}`);
  }
  return moment + BigInt(match[7]);
}

/**
 * The second in UTC at which the capture of this id began, as the id says, in microseconds since 1970.
 *
 * @param {string} captureId
 * @returns {bigint}
 */
export function captureIdTime(captureId) {
  if (!CAPTURE_ID.test(captureId)) {
    throw new MalformedCaptureId(`not a capture id: ${quoted(beginning(captureId, 80))}`);
  }
  const parts = [0, 4, 6, 9, 11, 13].map((place, at) => Number(captureId.slice(place, place + (at ? 2 : 4))));
  const moment = momentOf(parts);
  if (moment === null) {
    throw new MalformedCaptureId(`no such moment: ${captureId}`);
  }
  return moment;
}

/**
 * Microseconds since 1970 of a moment in UTC, or null if there is no such moment in the years 1 to 9999.
 *
 * @param {number[]} parts year, month, day, hour, minute, second
 * @returns {bigint | null}
 */
export function momentOf([year, month, day, hour, minute, second]) {
  const date = new Date(0);
  // Not by Date.UTC, which takes the years 0 to 99 for others.
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second);
  const same =
    date.getUTCFullYear() === year &&
    date.getUTCMonth() === month - 1 &&
    date.getUTCDate() === day &&
    date.getUTCHours() === hour &&
    date.getUTCMinutes() === minute &&
    date.getUTCSeconds() === second;
  return same && year >= 1 && year <= 9999 ? BigInt(date.getTime()) * MILLISECOND : null;
}
