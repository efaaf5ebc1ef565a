/** What the evidence shows and what it does not, sentence by sentence. */

/**
 * @typedef {import("./report.js").ReportFacts} ReportFacts
 * @typedef {import("./report.js").BoundFacts} BoundFacts
 * @typedef {import("./report.js").HeadFacts} HeadFacts
 */

/**
 * @param {Pick<ReportFacts, "verified" | "attested" | "log" | "quoted" | "notBefore" | "notAfter">} facts
 * @returns {string[]}
 */
export function statementOf(facts) {
  const { attested, log } = facts;
  if (!facts.verified || attested === null || log === null) {
    return ["Not every required check passed, so nothing follows from this evidence."];
  }
  const collector =
    attested.collector.name ?? `A collector known here only by the commitment ${attested.collector.commitment}`;
  return [
    `${collector} signed a statement that it received these bytes; the statement existed no later than T1 and was ` +
      "made no earlier than T0; neither has changed since. It does not prove what the server sent.",
    `T1: ${notAfter(facts.notAfter)} It is in the log ${log.origin}, at index ${log.index}, under a checkpoint of ` +
      `${entries(log.size)}.`,
    `T0: ${notBefore(facts.notBefore, facts.quoted)}`,
    `By the collector's own clock it received them from ${attested.started} to ${attested.ended}; nobody else ` +
      "vouches for that.",
  ];
}

/** @param {BoundFacts | null} bound */
function notAfter(bound) {
  if (bound === null) {
    return "no trusted time, because no outside party of the trust root put a time on it.";
  }
  return `${bound.time}, as ${bound.vouchers.join(" and ")} vouch for.`;
}

/**
 * @param {BoundFacts | null} bound
 * @param {HeadFacts | null} head
 */
function notBefore(bound, head) {
  const order = head === null ? "" : ` It quotes the checkpoint of the log ${head.origin} with ${entries(head.size)}.`;
  if (bound === null) {
    return `no trusted time, because it quotes nothing that an outside party of the trust root dated.${order}`;
  }
  return `${bound.time}, because it quotes what ${bound.vouchers.join(" and ")} made then.${order}`;
}

/** @param {number | string} number */
function entries(number) {
  return `${number} ${number === 1 ? "entry" : "entries"}`;
}
