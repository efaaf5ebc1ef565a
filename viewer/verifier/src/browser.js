/** What a capture's statement says of the browser that showed the page: its members and their bounds. */

import {
  MAX_LINE,
  anyOf,
  boolean,
  count,
  hexadecimal,
  integer,
  line,
  list,
  named,
  nullable,
  object,
  oneOf,
  string,
  subjectName,
  text,
  timestamp,
} from "./parts.js";

/** The page as it first stood, or its first part. */
export const SCREENSHOT_NAME = "screenshot.png";
/** A copy of that under a strip with URL, date and time. */
export const CAPTIONED_NAME = "screenshot-captioned.png";
export const PNG = "image/png";
export const AS_SEEN = "as-seen";

const MAX_FILES = 99;
const MAX_FACTS = 40;
const MOST_LISTED = 1_000;

const label = string(1, 200);
const thousandths = integer(0, 1_000);
const url = string(0, MAX_LINE);

/** The member `browser`. */
export const BROWSER = object("Browser", {
  name: label,
  version: label,
  sandboxed: boolean,
  headless: boolean,
  userAgent: line,
  language: label,
  timeZone: label,
  colorScheme: label,
  viewport: object("Viewport", { width: count, height: count }),
  deviceScaleFactorThousandths: count,
  scripts: list(object("Script", { name: label, sha256: hexadecimal }), { most: 100 }),
  waiting: named(label, anyOf({ "constrained-int": count, "constrained-str": text }), MAX_FACTS),
  files: list(object("ShownFile", { name: subjectName, made: timestamp }), { most: MAX_FILES }),
  screenshots: list(
    object("Screenshot", {
      name: subjectName,
      kind: oneOf(AS_SEEN, "overlays-removed", "captioned"),
      width: count,
      height: count,
      top: count,
    }),
    { most: MAX_FILES },
  ),
  blocked: list(
    object("Blocked", {
      kind: oneOf(
        "websocket",
        "webrtc",
        "service-worker",
        "download",
        "popup",
        "dialog",
        "permission",
        "address",
        "scheme",
        "navigation",
        "connection",
        "request",
        "limit",
      ),
      url,
      reason: text,
    }),
    { most: MOST_LISTED },
  ),
  blockedLeftOut: count,
  notCollected: list(object("NotCollected", { kind: oneOf("stream", "player"), url, reason: text }), {
    most: MOST_LISTED,
  }),
  notCollectedLeftOut: count,
  quality: nullable(
    object("QualityPart", {
      text: thousandths,
      resources: thousandths,
      picture: thousandths,
      score: thousandths,
      reason: text,
    }),
  ),
});

/** How one file was made of another, or of the page. */
export const TRANSFORMATION = object("Transformation", {
  name: label,
  input: subjectName,
  output: subjectName,
  description: text,
});
