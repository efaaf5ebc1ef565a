/** Bytes from outside as findings quote them: as Python's `repr` writes them. For text see `text.js`. */

const NAMED = new Map([
  [0x09, "\\t"],
  [0x0a, "\\n"],
  [0x0d, "\\r"],
  [0x5c, "\\\\"],
]);
const APOSTROPHE = 0x27;
const QUOTE = 0x22;

/**
 * @param {Uint8Array} bytes
 * @returns {string}
 */
export function quotedBytes(bytes) {
  const quote = bytes.includes(APOSTROPHE) && !bytes.includes(QUOTE) ? QUOTE : APOSTROPHE;
  const mark = String.fromCharCode(quote);
  return `b${mark}${Array.from(bytes, (byte) => shown(byte, quote)).join("")}${mark}`;
}

function shown(byte, quote) {
  if (NAMED.has(byte)) return NAMED.get(byte);
  if (byte === quote) return `\\${String.fromCharCode(byte)}`;
  if (byte < 0x20 || byte >= 0x7f) return `\\x${byte.toString(16).padStart(2, "0")}`;
  return String.fromCharCode(byte);
}
