/** The page: takes files, has a worker check them one after another, and shows what came of it. */

import { utf8 } from "./encoding.js";
import { Invalid } from "./errors.js";
import { EARLIER_PAGES, pageDigest } from "./identity.js";
import { printable } from "./printable.js";
import { showReport, showUnusable } from "./showing.js";
import { parseTrust } from "./trust.js";
import { WORDS } from "./words.js";

/** The largest trust root that is looked at, in bytes. */
const MAX_TRUST = 1 << 20;
/** A file with such a name is a trust root, any other a package. */
const TRUST_NAME = /\.json$/i;

/** @type {(id: string) => any} */
const at = (id) => document.getElementById(id);

/** Make the page live. */
export function startPage() {
  const program = document.currentScript?.textContent ?? "";
  new Page(program).start();
}

class Page {
  /** @type {'en' | 'ar'} */
  #language = "en";
  /** @type {{name: string, data: Uint8Array} | null} */
  #trust = null;
  /** @type {{good: boolean, words: string, detail: string} | null} what was said of the trust root last */
  #said = null;
  /** @type {File[]} */
  #waiting = [];
  /** @type {File | null} */
  #current = null;
  /** @type {Worker | null} */
  #worker = null;
  /** @type {{name: string, report?: import('./report.js').ReportFacts, unusable?: string}[]} */
  #results = [];

  /** @param {string} program the text of the page's own script */
  constructor(program) {
    this.#own = pageDigest(program);
    this.#program = new Blob([program], { type: "text/javascript" });
    this.#address = URL.createObjectURL(this.#program);
  }

  /** @type {string} SHA-256 of this page */
  #own;
  /** @type {Blob} */
  #program;
  /** @type {string} where the worker gets the program from */
  #address;

  start() {
    at("own").textContent = this.#own;
    at("trust-file").addEventListener("change", (event) => this.#chosen(event.target));
    at("package-files").addEventListener("change", (event) => this.#chosen(event.target));
    at("trust-use").addEventListener("click", () => this.#useTrust("trust.json", utf8(at("trust-text").value)));
    at("cancel").addEventListener("click", () => this.#cancel());
    at("language").addEventListener("click", () => this.#speak(this.#language === "en" ? "ar" : "en"));
    at("given").addEventListener("submit", (event) => event.preventDefault());
    document.addEventListener("dragover", (event) => {
      event.preventDefault();
      document.body.classList.add("dragging");
    });
    document.addEventListener("dragleave", (event) => {
      if (event.relatedTarget === null) document.body.classList.remove("dragging");
    });
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      document.body.classList.remove("dragging");
      this.#take([...(event.dataTransfer?.files ?? [])]);
    });
    globalThis.addEventListener("beforeprint", () => {
      for (const told of toldAtLength()) told.open = true;
    });
    if (navigator.language.startsWith("ar")) this.#speak("ar");
  }

  /** @param {HTMLInputElement} input */
  #chosen(input) {
    const files = [...(input.files ?? [])];
    // So that the same file can be chosen again.
    input.value = "";
    if (input === at("trust-file")) files.forEach((file) => this.#readTrust(file));
    else this.#take(files);
  }

  /** @param {File[]} files */
  async #take(files) {
    for (const file of files.filter((one) => TRUST_NAME.test(one.name))) await this.#readTrust(file);
    this.#waiting.push(...files.filter((one) => !TRUST_NAME.test(one.name)));
    this.#next();
  }

  /** @param {File} file */
  async #readTrust(file) {
    if (file.size > MAX_TRUST) {
      this.#sayOfTrust(false, "trustBad", `${file.name}: ${file.size} bytes, limit ${MAX_TRUST}`);
      return;
    }
    try {
      this.#useTrust(file.name, new Uint8Array(await file.arrayBuffer()));
    } catch (error) {
      this.#sayOfTrust(false, "trustBad", `${file.name}: ${error instanceof Error ? error.message : error}`);
    }
  }

  /** @param {string} name @param {Uint8Array} data */
  #useTrust(name, data) {
    try {
      const trust = parseTrust(data);
      this.#trust = { name, data };
      this.#sayOfTrust(true, "trustGood", `${name}: ${trust.attestationKeys.map((key) => key.keyid).join(", ")}`);
    } catch (error) {
      if (!(error instanceof Invalid)) throw error;
      this.#trust = null;
      this.#sayOfTrust(false, "trustBad", `${name}: ${error.message}`);
    }
    this.#next();
  }

  /** @param {boolean} good @param {string} words @param {string} detail */
  #sayOfTrust(good, words, detail) {
    this.#said = { good, words, detail };
    this.#showState();
  }

  #showState() {
    const words = WORDS[this.#language];
    const state = at("trust-state");
    state.className = this.#said === null ? "state" : `state ${this.#said.good ? "good" : "bad"}`;
    state.textContent = this.#said === null ? "" : `${words[this.#said.words]}: ${printable(this.#said.detail)}`;
    const names = this.#waiting.map((file) => printable(file.name)).join(", ");
    at("package-state").textContent = !names
      ? ""
      : this.#trust === null
        ? `${words.needTrust} (${names})`
        : `${words.waiting}: ${names}`;
  }

  /** Begin with the next package, if there is one and nothing is being checked. */
  #next() {
    if (this.#current === null && this.#trust !== null && this.#waiting.length) this.#check(this.#waiting[0]);
    this.#showState();
  }

  /** @param {File} file */
  #check(file) {
    this.#waiting.shift();
    this.#current = file;
    at("work").hidden = false;
    at("work-name").textContent = printable(file.name);
    this.#progress({ done: 0, all: file.size });
    this.#worker ??= this.#started();
    const pages = [this.#own, ...EARLIER_PAGES];
    this.#worker.postMessage({ file, trust: this.#trust?.data, pages, program: this.#program });
  }

  /** A worker, which checks one package after another. */
  #started() {
    const worker = new Worker(this.#address);
    worker.addEventListener("message", ({ data }) => {
      if (data.progress) this.#progress(data.progress);
      else this.#finish(data);
    });
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      this.#dismiss();
      this.#finish({ unusable: event.message || "the check ended without an answer" });
    });
    return worker;
  }

  #dismiss() {
    this.#worker?.terminate();
    this.#worker = null;
  }

  /** @param {import('./worker.js').Progress} progress */
  #progress({ done, all }) {
    const percent = all ? Math.min(100, Math.floor((done * 100) / all)) : 100;
    at("bar").value = percent;
    const words = WORDS[this.#language];
    at("work-said").textContent = `${percent}% ${words.read}, ${megabytes(done)} ${words.of} ${megabytes(all)} MB`;
  }

  #cancel() {
    const file = this.#current;
    if (file === null) return;
    // What else waits is not checked either: who cancels wants quiet.
    this.#waiting = [];
    this.#dismiss();
    this.#rest();
    const words = `${WORDS[this.#language].cancelled} ${printable(file.name)}`;
    this.#announce(words);
    at("package-state").textContent = words;
    at("package-files").focus();
  }

  /** Nothing is being checked any more. */
  #rest() {
    this.#current = null;
    at("work").hidden = true;
  }

  /** @param {{report?: import('./report.js').ReportFacts, unusable?: string}} said */
  #finish(said) {
    const result = { name: this.#current?.name ?? "", ...said };
    this.#rest();
    this.#results.push(result);
    const shown = this.#show(result);
    // Of earlier results the verdict is enough, until someone asks.
    for (const earlier of toldAtLength()) earlier.open = false;
    at("results").prepend(shown);
    const words = WORDS[this.#language];
    const verdict = result.report ? words[result.report.verified ? "verified" : "notVerified"] : words.unusable;
    this.#announce(`${printable(result.name)}: ${verdict}`);
    if (!this.#waiting.length) shown.querySelector("h2")?.focus();
    this.#next();
  }

  #show(result) {
    const words = WORDS[this.#language];
    return result.report
      ? showReport(result.report, result.name, words)
      : showUnusable(result.unusable ?? "", result.name, words);
  }

  /** @param {string} words */
  #announce(words) {
    at("said").textContent = words;
  }

  /** @param {'en' | 'ar'} language */
  #speak(language) {
    this.#language = language;
    const words = WORDS[language];
    document.documentElement.lang = language;
    document.documentElement.dir = language === "ar" ? "rtl" : "ltr";
    document.title = words.title;
    for (const element of document.querySelectorAll("[data-text]")) {
      element.textContent = words[/** @type {HTMLElement} */ (element).dataset.text ?? ""];
    }
    const button = at("language");
    button.textContent = language === "ar" ? "English" : "العربية";
    button.lang = language === "ar" ? "en" : "ar";
    at("results").replaceChildren(...this.#results.map((result) => this.#show(result)).reverse());
    this.#showState();
  }
}

/** @returns {Iterable<HTMLDetailsElement>} */
function toldAtLength() {
  return document.querySelectorAll("details.told");
}

/** @param {number} bytes */
function megabytes(bytes) {
  return (bytes / 1e6).toFixed(1);
}
