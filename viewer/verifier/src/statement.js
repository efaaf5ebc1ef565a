/**
 * The strict parser of `https://sijill.org/capture/v1` statements, and the rules between their members.
 *
 * Reading a statement proves nothing about who made it: verify the envelope's signatures first.
 */

import { AS_SEEN, CAPTIONED_NAME, PNG, SCREENSHOT_NAME } from "./browser.js";
import { parseCanonical } from "./canonical.js";
import { MalformedCaptureId, MalformedJson, MalformedStatement } from "./errors.js";
import { BERKELEY_ITEMS, CAPTURE_STATEMENT, WARC_NAME, WARC_TYPE } from "./members.js";
import { SECOND, captureIdTime, parseTimestamp } from "./timestamps.js";

/** The largest statement accepted, in bytes; its base64 fits into the largest envelope. */
export const MAX_PAYLOAD = 47 * 2 ** 20;

/**
 * Parse the payload of a capture attestation.
 *
 * @param {Uint8Array} payload
 * @returns {any} the statement as JSON, every member of it checked
 */
export function parseStatement(payload) {
  let statement;
  try {
    statement = parseCanonical(payload, { limit: MAX_PAYLOAD });
  } catch (error) {
    throw error instanceof MalformedJson ? new MalformedStatement("", error.reason) : error;
  }
  CAPTURE_STATEMENT(statement, "");
  checkSubjects(statement);
  checkTimes(statement.predicate);
  checkOutcome(statement.predicate);
  checkExchanges(statement.predicate);
  checkDependencies(statement.predicate);
  checkBrowser(statement);
  checkBerkeley(statement);
  return statement;
}

/**
 * @param {boolean} condition
 * @param {string} path
 * @param {string} reason
 */
function require(condition, path, reason) {
  if (!condition) {
    throw new MalformedStatement(path, reason);
  }
}

/** @param {any} statement */
function checkSubjects(statement) {
  const [warc] = statement.subject;
  require(warc.name === WARC_NAME, "subject.0.name", `the first subject is not ${WARC_NAME}`);
  require(warc.mediaType === WARC_TYPE, "subject.0.mediaType", `not ${WARC_TYPE}`);
  require(areDistinct(namesOf(statement.subject)), "subject", "a name occurs twice");
}

/** @param {any} predicate */
function checkTimes(predicate) {
  const { started, ended } = predicate.times;
  require(idTime(predicate.captureId) ===
    wholeSecond(started), "predicate.captureId", "its date and time are not those of times.started");
  // Times are written in one form, whose order is theirs.
  require(started <= ended, "predicate.times.ended", "before times.started");
  const names = namesOf(predicate.freshnessTimestamps);
  const path = "predicate.freshnessTimestamps";
  require(areOrdered(names), path, "not in the order of their names, each once");
  require(!names.length || predicate.freshness !== null, path, "timestamps of a checkpoint that is not quoted");
  require(predicate.supersedes !== predicate.captureId, "predicate.supersedes", "the capture itself");
}

/** @param {any} predicate */
function checkOutcome(predicate) {
  const { outcome, finalUrl, redirectChain, exchanges } = predicate;
  const complete = outcome === "complete";
  require(complete === !predicate.reasons.length, "predicate.reasons", `${outcome} with or without reasons`);
  require((outcome === "failed") ===
    (finalUrl ===
      null), "predicate.finalUrl", `outcome ${outcome}; a page was reached if and only if the capture did not fail`);
  const reached = finalUrl === null || redirectChain[redirectChain.length - 1] === finalUrl;
  require(reached, "predicate.finalUrl", "not the last of redirectChain");
  const hops = exchanges.filter((/** @type {any} */ one) => one.purpose === "page");
  const same =
    hops.length === redirectChain.length &&
    hops.every((/** @type {any} */ one, /** @type {number} */ place) => one.url === redirectChain[place]);
  require(same, "predicate.redirectChain", "not the URLs of the page's exchanges");
  exchanges.forEach((/** @type {any} */ one, /** @type {number} */ place) => {
    const whole = one.failure === null && one.truncated === null;
    require(whole || !complete, `predicate.exchanges.${place}`, "not whole in a complete capture");
  });
}

/** @param {any} predicate */
function checkExchanges(predicate) {
  const records = new Set();
  predicate.exchanges.forEach((/** @type {any} */ exchange, /** @type {number} */ place) => {
    const path = `predicate.exchanges.${place}`;
    require(exchange.number === place + 1, `${path}.number`, `${exchange.number}, expected ${place + 1}`);
    checkExchange(exchange, path);
    if (exchange.record !== null) {
      require(!records.has(exchange.record), `${path}.record`, "another exchange has it too");
      records.add(exchange.record);
    }
  });
}

/**
 * @param {any} exchange
 * @param {string} path
 */
function checkExchange(exchange, path) {
  const answered = exchange.status !== null;
  require(exchange.started <= exchange.ended, `${path}.ended`, "before started");
  require(answered || exchange.failure !== null, path, "neither response nor failure");
  const both = "a response has one, and only a response";
  require(answered === (exchange.payload !== null), `${path}.payload`, both);
  require(answered === (exchange.record !== null), `${path}.record`, both);
  if (!answered) {
    require(exchange.mediaType === null, `${path}.mediaType`, "there is no response");
    require(exchange.truncated === null, `${path}.truncated`, "there is no response");
    require(exchange.redirectTo === null, `${path}.redirectTo`, "there is no response");
    require(exchange.surplus === 0, `${path}.surplus`, "there is no response");
  }
  const reused = exchange.revisit?.kind === "reused";
  if (exchange.revisit !== null) {
    checkRevisit(exchange, path);
  }
  require(!answered || reused || exchange.server !== null, `${path}.server`, "a response came from somewhere");
  const secure = exchange.url.startsWith("https:");
  const { tls } = exchange;
  if (tls !== null) {
    require(exchange.server !== null, `${path}.server`, "TLS was spoken with someone");
    require(secure, `${path}.tls`, "the URL is not https");
    require(tls.verified ===
      (tls.verifyError ===
        null), `${path}.tls.verifyError`, "states an error if and only if the certificate did not verify");
  } else if (answered && !reused) {
    require(!secure, `${path}.tls`, "the URL is https");
  }
}

/**
 * A revisit stands for a whole response with status 200, and never for the page itself.
 *
 * @param {any} exchange
 * @param {string} path
 */
function checkRevisit(exchange, path) {
  const { kind } = exchange.revisit;
  require(exchange.purpose !== "page", `${path}.revisit`, "the page itself is always stored in full");
  require(exchange.method === "GET", `${path}.method`, "not that of a revisit");
  const status = kind === "not-modified" ? 304 : 200;
  require(exchange.status === status, `${path}.status`, `${shown(exchange.status)}, of a revisit that is ${kind}`);
  const whole = exchange.failure === null && exchange.truncated === null && exchange.surplus === 0;
  require(whole, `${path}.revisit`, "of a response that is not whole, or more than that");
  require(exchange.redirectTo === null, `${path}.redirectTo`, "of a revisit");
  if (kind === "reused") {
    require(exchange.server === null && exchange.tls === null, `${path}.server`, "no request was sent");
  }
}

/**
 * Each revisit names one record of the dependencies, with the same URL and payload, and each record is named.
 *
 * @param {any} predicate
 */
function checkDependencies(predicate) {
  const path = "predicate.dependencies";
  const ids = predicate.dependencies.map((/** @type {any} */ one) => one.captureId);
  require(areOrdered(ids), path, "not in the order of their capture ids, each once");
  require(!ids.includes(predicate.captureId), path, "the capture itself");
  /** @type {Map<string, any>} */
  const listed = new Map();
  predicate.dependencies.forEach((/** @type {any} */ dependency, /** @type {number} */ place) => {
    let end = 0;
    for (const record of dependency.records) {
      require(record.offset >= end, `${path}.${place}.records`, "not in the order of their places, or they overlap");
      // At most 2^54, and beyond 2^53 greater than any size, whatever of it is lost.
      end = record.offset + record.length;
      listed.set(keyOf(dependency.captureId, record.record), record);
    }
    require(end <= dependency.warc.size, `${path}.${place}.records`, "beyond the end of the WARC");
  });
  const records = predicate.dependencies.flatMap((/** @type {any} */ one) => one.records);
  require(listed.size === records.length, path, "a record is listed twice");
  const unnamed = new Set(listed.keys());
  predicate.exchanges.forEach((/** @type {any} */ exchange, /** @type {number} */ place) => {
    if (exchange.revisit !== null) {
      const key = keyOf(exchange.revisit.captureId, exchange.revisit.record);
      checkOriginal(exchange, listed.get(key), `predicate.exchanges.${place}`);
      unnamed.delete(key);
    }
  });
  require(!unnamed.size, path, "a record that no exchange names");
}

/**
 * @param {any} exchange
 * @param {any} original
 * @param {string} path
 */
function checkOriginal(exchange, original, path) {
  require(original !== undefined, `${path}.revisit`, "no dependency lists the record");
  require(original.url === exchange.url, `${path}.url`, "not that of the record it stands on");
  require(samePayload(original.payload, exchange.payload), `${path}.payload`, "not that of the record it stands on");
  require(original.mediaType === exchange.mediaType, `${path}.mediaType`, "not that of the record");
}

/**
 * The further subjects are the files that the browser made, and what is said of files is said of those.
 *
 * @param {any} statement
 */
function checkBrowser(statement) {
  const { browser, browserFallback, transformations } = statement.predicate;
  const names = namesOf(statement.subject.slice(1));
  const made = browser === null ? [] : namesOf(browser.files);
  const same = names.length === made.length && names.every((name, place) => name === made[place]);
  require(same, "predicate.browser.files", "not the further subjects in their order");
  require(browser === null ||
    browserFallback === null, "predicate.browserFallback", "a browser showed the page all the same");
  transformations.forEach((/** @type {any} */ change, /** @type {number} */ place) => {
    const path = `predicate.transformations.${place}`;
    require(names.includes(change.output), `${path}.output`, "not a further subject");
    const known = change.input !== change.output && ["page", ...names].includes(change.input);
    require(known, `${path}.input`, "neither page nor another file");
  });
  if (browser !== null) {
    checkScreenshots(statement, browser.screenshots);
  }
}

/**
 * @param {any} statement
 * @param {any[]} screenshots
 */
function checkScreenshots(statement, screenshots) {
  const path = "predicate.browser.screenshots";
  /** @type {Map<string, string>} */
  const types = new Map(statement.subject.map((/** @type {any} */ one) => [one.name, one.mediaType]));
  const listed = namesOf(screenshots);
  require(areDistinct(listed), path, "a name occurs twice");
  screenshots.forEach((one, place) => {
    require(types.get(one.name) === PNG, `${path}.${place}.name`, `no subject, or not of the type ${PNG}`);
    const first = one.kind === AS_SEEN && one.top === 0;
    require((one.name === SCREENSHOT_NAME) ===
      first, `${path}.${place}`, `${SCREENSHOT_NAME} is the page as it first stood, from its top`);
  });
  const pictures = [...types].filter(([, mediaType]) => mediaType === PNG).map(([name]) => name);
  const bare = pictures.filter((name) => !listed.includes(name)).sort();
  require(!bare.length, path, `does not say what ${bare.join(", ")} shows`);
}

/** @param {any} statement */
function checkBerkeley(statement) {
  const path = "predicate.berkeley";
  const { berkeley } = statement.predicate;
  const all = berkeley.map((/** @type {any} */ entry) => entry.item).join() === BERKELEY_ITEMS.join();
  require(all, path, `not the items ${BERKELEY_ITEMS.join(", ")} in this order`);
  const names = namesOf(statement.subject);
  const stored = names.includes(SCREENSHOT_NAME) && names.includes(CAPTIONED_NAME);
  const { met } = berkeley.find((/** @type {any} */ entry) => entry.item === "screenshot");
  require(stored || !met, path, "screenshot met, but there is none, or none with date");
}

/** @param {string} captureId */
function idTime(captureId) {
  try {
    return captureIdTime(captureId);
  } catch (error) {
    if (error instanceof MalformedCaptureId) {
      throw new MalformedStatement("predicate.captureId", error.reason);
    }
    throw error;
  }
}

/** @param {string} moment */
function wholeSecond(moment) {
  const exact = parseTimestamp(moment);
  return exact - (((exact % SECOND) + SECOND) % SECOND);
}

/**
 * @param {{name: string}[]} items
 * @returns {string[]}
 */
function namesOf(items) {
  return items.map((item) => item.name);
}

/** @param {string[]} names */
function areDistinct(names) {
  return new Set(names).size === names.length;
}

/** @param {string[]} names */
function areOrdered(names) {
  return names.every((name, place) => place === 0 || names[place - 1] < name);
}

/**
 * @param {any} one
 * @param {any} other
 */
function samePayload(one, other) {
  return (
    other !== null &&
    one.size === other.size &&
    one.digest.sha256 === other.digest.sha256 &&
    one.digest.blake3 === other.digest.blake3
  );
}

/**
 * @param {string} captureId
 * @param {string} record
 */
function keyOf(captureId, record) {
  return `${captureId} ${record}`;
}

/** @param {number | null} status */
function shown(status) {
  return status === null ? "None" : status;
}
