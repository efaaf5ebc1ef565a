/** Which texts are IP addresses: those that Python's `ipaddress` takes for one. */

const DECIMAL = /^(?:0|[1-9][0-9]{0,2})$/;
const GROUP = /^[0-9a-fA-F]{1,4}$/;
const GROUPS = 8;

/**
 * Whether `text` is an IPv4 address, or an IPv6 address with a zone or without one.
 *
 * @param {string} text
 * @returns {boolean}
 */
export function isAddress(text) {
  return !text.includes("/") && (isFour(text) || isSix(text));
}

/** @param {string} text */
function isFour(text) {
  const parts = text.split(".");
  return parts.length === 4 && parts.every((part) => DECIMAL.test(part) && Number(part) <= 255);
}

/** @param {string} text */
function isSix(text) {
  // RFC 4007 §11.2
  const zone = text.indexOf("%");
  if (zone >= 0 && (zone === text.length - 1 || text.includes("%", zone + 1))) {
    return false;
  }
  const groups = (zone < 0 ? text : text.slice(0, zone)).split(":");
  const last = groups[groups.length - 1];
  if (groups.length >= 3 && last.includes(".")) {
    if (!isFour(last)) {
      return false;
    }
    groups.splice(-1, 1, "0", "0");
  }
  return groups.length >= 3 && groups.length <= GROUPS + 1 && areGroups(groups);
}

/**
 * RFC 4291 §2.2: eight groups, or fewer around one `::`.
 *
 * @param {string[]} groups
 */
function areGroups(groups) {
  const end = groups.length - 1;
  const empty = groups.flatMap((group, place) => (group === "" && place > 0 && place < end ? [place] : []));
  if (empty.length > 1 || groups.some((group) => group !== "" && !GROUP.test(group))) {
    return false;
  }
  if (!empty.length) {
    return groups.length === GROUPS && groups[0] !== "" && groups[end] !== "";
  }
  // An empty first or last group belongs to a `::` beside it.
  const atStart = groups[0] === "";
  const atEnd = groups[end] === "";
  if ((atStart && empty[0] !== 1) || (atEnd && empty[0] !== end - 1)) {
    return false;
  }
  const before = empty[0] - (atStart ? 1 : 0);
  const after = groups.length - empty[0] - 1 - (atEnd ? 1 : 0);
  return before + after < GROUPS;
}
