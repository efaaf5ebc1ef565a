/** The sections of a report about the page as a browser showed it: pictures, and what was recorded of the showing. */

import { base64 } from "../encoding.js";
import { byCodePoints } from "../text.js";
import { code, facts, more, number, paragraph, plain, section, small, table, text, url } from "./markup.js";

/** Bytes of pictures that a report shows; further ones lie beside it in the package. */
const MOST_EMBEDDED = 8 << 20;
const SCREENSHOT = "screenshot.png";
const CAPTIONED = "screenshot-captioned.png";
const SHORT = 300;
const FEW = 100;
const KINDS = {
  "as-seen": "the page as it first stood",
  "overlays-removed": "after what lay over the page was hidden",
  captioned: "a copy under a strip with address, time, capture and SHA-256",
};
const BLOCKED = {
  websocket: "WebSocket",
  webrtc: "WebRTC",
  "service-worker": "service worker",
  download: "download",
  popup: "window of its own",
  dialog: "dialog",
  permission: "permission",
  address: "address that may not be reached",
  scheme: "neither http nor https",
  navigation: "leaving the page",
  connection: "connection past the recorder",
  request: "request that cannot be repeated",
  limit: "beyond a limit",
};
const NOT_COLLECTED = { stream: "stream", player: "player of another platform" };

/**
 * The subjects that a report shows as pictures, in their order: the copy with a caption, or the picture itself if there
 * is no copy, and the further parts of a page that is too high for one picture, as many of them as fit.
 *
 * @param {any} statement
 * @returns {string[]}
 */
export function shownPictures(statement) {
  const sizes = new Map(statement.subject.map((subject) => [subject.name, subject.annotations.size]));
  const chosen = [];
  let total = 0;
  for (const name of pictures(statement)) {
    total += sizes.get(name);
    if (total > MOST_EMBEDDED) break;
    chosen.push(name);
  }
  return chosen;
}

/**
 * The page as the browser showed it; empty if there is no picture.
 *
 * @param {any} statement
 * @param {Map<string, Uint8Array>} images
 */
export function screenshot(statement, images) {
  const named = pictures(statement);
  if (!named.length) return "";
  const digests = new Map(statement.subject.map((subject) => [subject.name, subject.digest.sha256]));
  let words = "How the collector's browser showed the page.";
  if (named.includes(CAPTIONED)) {
    words +=
      " The strip at the top was added by the collector's software; the picture without it is " +
      `${code(SCREENSHOT)}, SHA-256 ${code(digests.get(SCREENSHOT))}.`;
  }
  const shown = named.map(
    (name) => paragraph(`${code(name)}, SHA-256 ${code(digests.get(name))}`, "note") + picture(name, images.get(name)),
  );
  return section("screenshot", "Screenshot", paragraph(words), shown.join(""));
}

/** Which browser showed the page, what was made of it, and what was not let happen; empty if none did. */
export function showing(statement) {
  const { browser, browserFallback } = statement.predicate;
  if (browser === null) {
    if (browserFallback === null) return "";
    const words = `A browser was asked for; the page was fetched without one: ${text(browserFallback)}`;
    return section("browser", "The page in a browser", paragraph(words));
  }
  return section(
    "browser",
    "The page in a browser",
    paragraph(
      "The browser had no network of its own: each of its requests was made and recorded by the collector's " +
        "software, and is listed above. What could not go that way was blocked.",
    ),
    facts(described(browser)),
    "<h3>Files made of the page</h3>\n",
    files(statement, browser),
    "<h3>Blocked</h3>\n",
    entries(browser.blocked, BLOCKED, "Nothing was blocked."),
    leftOut(browser.blockedLeftOut),
    "<h3>Not collected</h3>\n",
    entries(
      browser.notCollected,
      NOT_COLLECTED,
      "Nothing that the page shows was left out for being a stream or a player of another platform.",
    ),
    leftOut(browser.notCollectedLeftOut),
  );
}

/** What was changed of anything, as a cell of a table. */
export function changes(statement) {
  const lines = statement.predicate.transformations
    .slice(0, FEW)
    .map((one) => `${code(one.output)} from ${code(one.input)}: ${text(one.description)}`);
  return `none${lines.length ? `, but these files were made:<br>${lines.join("<br>")}` : ""}`;
}

/** @returns {string[]} */
function pictures(statement) {
  const { browser } = statement.predicate;
  if (browser === null) return [];
  const captioned = browser.screenshots.some((one) => one.name === CAPTIONED);
  return browser.screenshots
    .filter((one) => one.kind === "as-seen")
    .map((one) => (captioned && one.name === SCREENSHOT ? CAPTIONED : one.name));
}

/** @param {string} name @param {Uint8Array | undefined} image */
function picture(name, image) {
  if (image === undefined) {
    return paragraph(`It is too large for this page and lies beside it: ${code(name)}.`);
  }
  const source = `data:image/png;base64,${base64(image)}`;
  return `<img class="shot" alt="Screenshot of the page, ${plain(name)}" src="${source}">\n`;
}

/** @returns {[string, string][]} */
function described(browser) {
  const scale = browser.deviceScaleFactorThousandths;
  const exact = `${Math.floor(scale / 1000)}.${String(scale % 1000).padStart(3, "0")}`;
  const window = `${number(browser.viewport.width)} by ${number(browser.viewport.height)} CSS pixels`;
  const ran = browser.scripts
    .slice(0, FEW)
    .map((script) => small(`${text(script.name)}, SHA-256 ${code(script.sha256)}`));
  const waited = Object.keys(browser.waiting)
    .sort(byCodePoints)
    .map((name) => `${text(name)}: ${fact(browser.waiting[name])}`);
  return [
    ["Browser", `${text(browser.name)} ${text(browser.version)}, ${how(browser)}`],
    ["Window", `${window}, ${exact} pixels of the picture for each`],
    ["Language", text(browser.language)],
    ["Time zone", text(browser.timeZone)],
    ["Colours", text(browser.colorScheme)],
    ["User-Agent shown to scripts", text(browser.userAgent)],
    ["Scripts of the collector run in it", ran.join("") || "none"],
    ["Waiting until the page was done", waited.join("<br>") || "not stated"],
    ["Replay compared with the page", browser.quality === null ? "not made" : quality(browser.quality)],
  ];
}

function how(browser) {
  const sandbox = browser.sandboxed ? "in its sandbox" : "<b>without its sandbox</b>";
  return `${sandbox}, ${browser.headless ? "without a window" : "in a window"}`;
}

/** @param {number | string} value */
function fact(value) {
  return typeof value === "string" ? text(value) : number(value);
}

function quality(found) {
  const scores = [
    ["in all", found.score],
    ["text", found.text],
    ["resources", found.resources],
    ["picture", found.picture],
  ];
  const reason = found.reason ? `: ${text(found.reason)}` : "";
  return scores.map(([name, score]) => `${name} ${score} of 1,000`).join(", ") + reason;
}

function files(statement, browser) {
  if (!browser.files.length) return paragraph("None could be made.");
  const shots = new Map(browser.screenshots.map((one) => [one.name, one]));
  const types = new Map(statement.subject.map((subject) => [subject.name, subject.mediaType]));
  const rows = browser.files.map((one) => [
    `${code(one.name)}${shows(shots.get(one.name))}`,
    text(types.get(one.name), 80),
    code(one.made),
  ]);
  return table(["File", "Type", "Made"], rows, { kind: "exchanges" });
}

function shows(one) {
  if (one === undefined) return "";
  const top = one.top ? `, from line ${number(one.top)} of the page` : "";
  return small(`${plain(KINDS[one.kind])}: ${number(one.width)} by ${number(one.height)} pixels${top}`);
}

function entries(listed, kinds, nothing) {
  if (!listed.length) return paragraph(nothing);
  const rows = listed
    .slice(0, FEW)
    .map((one) => [plain(kinds[one.kind]), `${one.url ? url(one.url, SHORT) : ""}${small(text(one.reason, SHORT))}`]);
  return table(["What", "Address and reason"], rows) + more(listed.length - FEW);
}

/** @param {number} left */
function leftOut(left) {
  return left ? paragraph(`${number(left)} more happened that the attestation does not list.`, "note") : "";
}
