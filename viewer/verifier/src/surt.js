/**
 * The sort-friendly form of a URL that replay tools look up in an index (SURT): `https://www.Example.org/A/?b=2&a=1`
 * becomes `org,example)/a?a=1&b=2`. The rules are those of the Internet Archive's canonicalizer.
 */

import { isAddress } from "./addresses.js";

const DEFAULT_PORTS = new Map([
  ["http", 80],
  ["https", 443],
]);
const URI = /^([A-Za-z][A-Za-z0-9+.-]*):(.*)$/s;
const HEX_DIGITS = /^[0-9A-Fa-f]{2}$/;
const HASH = 0x23;
const PERCENT = 0x25;

const SESSION_SEGMENT = /^(?:\((?:[a-z]\([0-9a-z]{24}\))+\)|\([0-9a-z]{24}\))$/i;
const SESSION_PAIRS = [
  /jsessionid=[0-9a-z]{32}(?:&|$)/gi,
  /phpsessid=[0-9a-z]{32}(?:&|$)/gi,
  /sid=[0-9a-z]{32}(?:&|$)/gi,
  /aspsessionid[a-z]{8}=[a-z]{24}(?:&|$)/gi,
  /cfid=[^&]+&cftoken=[^&]+(?:&|$)/gi,
];

/**
 * The key of an absolute http(s) URL; any other URI, and one whose address makes no sense, is its own key.
 *
 * @param {string} url printable ASCII
 * @returns {string}
 */
export function surt(url) {
  const parts = split(url);
  if (!parts) return url;
  const host = parts.host
    .replace(/\.\.+/g, ".")
    .replace(/^\.+|\.+$/g, "")
    .replace(/^www[0-9]*\./, "");
  let key = host.split(".").reverse().join(",");
  if (parts.port !== null && parts.port !== DEFAULT_PORTS.get(parts.scheme)) key += `:${parts.port}`;
  const query = queryKey(parts.query);
  return `${key})${pathKey(parts.path)}${query ? `?${query}` : ""}`;
}

/** As Python's `urlsplit` takes a URL apart; null if it is not http(s), has no host, or is not well formed. */
function split(url) {
  const found = URI.exec(url);
  const scheme = found?.[1].toLowerCase() ?? "";
  if (!DEFAULT_PORTS.has(scheme) || !found[2].startsWith("//")) return null;
  const rest = found[2].slice(2);
  const end = rest.search(/[/?#]/);
  const authority = end < 0 ? rest : rest.slice(0, end);
  const address = addressOf(authority);
  if (!address) return null;
  const [beforeFragment] = cut(end < 0 ? "" : rest.slice(end), "#");
  const [path, query] = cut(beforeFragment, "?");
  return { scheme, ...address, path, query };
}

function addressOf(authority) {
  if (authority.includes("[") !== authority.includes("]")) return null;
  if (authority.includes("[") && !isBracketedHost(cut(cut(authority, "[")[1], "]")[0])) return null;
  const hostInfo = authority.slice(authority.lastIndexOf("@") + 1);
  const bracketed = hostInfo.includes("[");
  const [name, after] = bracketed ? cut(cut(hostInfo, "[")[1], "]") : cut(hostInfo, ":");
  const port = bracketed ? cut(after, ":")[1] : after;
  if (!name || !/^[0-9]*$/.test(port) || Number(port) > 65535) return null;
  const [host, zone] = cut(name, "%");
  const rest = name.includes("%") ? `%${zone}` : "";
  return { host: host.toLowerCase() + rest, port: port ? Number(port) : null };
}

/** RFC 3986 §3.2.2: an IPv6 address, or an address of the future. */
function isBracketedHost(host) {
  if (host.startsWith("v")) return /^v[a-fA-F0-9]+\..+$/.test(host);
  return host.includes(":") && isAddress(host);
}

function cut(text, mark) {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + mark.length)];
}

/** Percent-decode until nothing changes, then encode once what is not printable ASCII. */
function reescaped(text) {
  const decoded = [];
  for (let at = 0; at < text.length; at += 1) {
    decoded.push(text.charCodeAt(at));
    // What was decoded may complete an escape with what stands before it.
    while (decoded.length >= 3 && decoded.at(-3) === PERCENT) {
      const digits = String.fromCharCode(decoded.at(-2), decoded.at(-1));
      if (!HEX_DIGITS.test(digits)) break;
      decoded.splice(-3, 3, Number.parseInt(digits, 16));
    }
  }
  return decoded.map(escaped).join("");
}

function escaped(byte) {
  const kept = byte > 0x20 && byte < 0x7f && byte !== HASH && byte !== PERCENT;
  return kept ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}

function pathKey(path) {
  const kept = [];
  for (const segment of reescaped(path).split("/").slice(1)) {
    if (segment === ".." && kept.length) kept.pop();
    else if (segment !== ".") kept.push(segment);
  }
  const segments = kept.filter((segment, place) => segment || place === kept.length - 1);
  const key = `/${withoutSession(segments).join("/")}`.toLowerCase();
  return (key.endsWith("/") ? key.slice(0, -1) : key) || "/";
}

/** ASP.NET writes the session as a path segment before an .aspx page. */
function withoutSession(segments) {
  const place = segments
    .slice(0, -1)
    .findIndex((segment, at) => SESSION_SEGMENT.test(segment) && /\.aspx/i.test(segments.slice(at + 1).join("/")));
  return place < 0 ? segments : segments.filter((_, at) => at !== place);
}

function queryKey(query) {
  let text = reescaped(query);
  for (const pattern of SESSION_PAIRS) {
    const last = [...text.matchAll(pattern)].at(-1);
    if (last) text = text.slice(0, last.index) + text.slice(last.index + last[0].length);
  }
  const pairs = text
    .toLowerCase()
    .split("&")
    .map((pair) => (pair.includes("=") ? cut(pair, "=") : [pair]));
  return pairs
    .sort(byParts)
    .map((pair) => pair.join("="))
    .join("&");
}

/** The order of lists of ASCII texts. */
function byParts(one, other) {
  for (let at = 0; at < Math.min(one.length, other.length); at += 1) {
    if (one[at] !== other[at]) return one[at] < other[at] ? -1 : 1;
  }
  return one.length - other.length;
}
