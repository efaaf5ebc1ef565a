// Runs before every script of a replayed document. Requests that scripts make by their own means are led to the replay
// server, what an origin of nobody may not have (cookies, storage, history) is stood in for by memory that is gone with
// the page, and the clock begins when the page was captured. It makes pages work; what they may reach is not decided
// here but by the headers of the replay server.
(() => {
  "use strict";
  const own = document.currentScript;
  const { prefix, url: pageUrl, began } = own.dataset;
  const home = new URL(own.src).origin;
  const standIn = own.outerHTML;
  own.remove();

  const capturePath = prefix.split("/", 2).join("/") + "/";
  const realBase = () => {
    const base = document.baseURI;
    return base.startsWith(home + prefix) ? base.slice((home + prefix).length) : pageUrl;
  };
  const wrap = (value) => {
    const text = String(value).trim();
    if (!text || text.startsWith("#") || text.startsWith(capturePath)) return value;
    let found;
    try {
      found = new URL(text, realBase());
      if (found.origin === home) {
        if (found.pathname.startsWith(capturePath)) return value;
        found = new URL(found.pathname + found.search + found.hash, realBase());
      }
    } catch {
      return value;
    }
    return found.protocol === "http:" || found.protocol === "https:" ? home + prefix + found.href : value;
  };
  const unwrap = (value) => {
    const text = String(value);
    return text.startsWith(home + prefix) ? text.slice((home + prefix).length) : text;
  };
  const wrapSet = (value) =>
    String(value)
      .split(/,\s+/)
      .map((one) => one.trim().replace(/^\S+/, wrap))
      .join(", ");
  const define = (object, name, description) => {
    try {
      Object.defineProperty(object, name, { configurable: true, enumerable: true, ...description });
    } catch {
      // It is not there, or may not be changed: the page then sees what the browser gives it.
    }
  };

  // Requests.
  const { fetch: realFetch, Request: RealRequest, XMLHttpRequest: RealXhr, EventSource: RealEvents } = window;
  const led = (input) => (input instanceof RealRequest ? new RealRequest(wrap(input.url), input) : wrap(input));
  window.fetch = (input, options) => realFetch.call(window, led(input), options);
  const realOpen = RealXhr.prototype.open;
  RealXhr.prototype.open = function (method, address, ...rest) {
    return realOpen.call(this, method, wrap(address), ...rest);
  };
  window.EventSource = new Proxy(RealEvents, { construct: (real, [to, ...rest]) => new real(wrap(to), ...rest) });
  const realBeacon = navigator.sendBeacon;
  define(Navigator.prototype, "sendBeacon", {
    value: (to, body) => realBeacon.call(navigator, wrap(to), body),
  });

  // What elements refer to.
  const ADDRESSES = {
    src: ["Image", "Script", "IFrame", "Source", "Media", "Embed", "Input", "Track", "Frame"],
    href: ["Link", "Anchor", "Area", "Base"],
    srcset: ["Image", "Source"],
    imageSrcset: ["Link"],
    poster: ["Video"],
    data: ["Object"],
    action: ["Form"],
  };
  for (const [name, kinds] of Object.entries(ADDRESSES)) {
    for (const kind of kinds) {
      const prototype = window[`HTML${kind}Element`]?.prototype;
      const real = prototype && Object.getOwnPropertyDescriptor(prototype, name);
      if (!real?.set) continue;
      const change = name.toLowerCase().endsWith("srcset") ? wrapSet : wrap;
      define(prototype, name, {
        get() {
          return unwrap(real.get.call(this));
        },
        set(value) {
          real.set.call(this, change(value));
        },
      });
    }
  }
  // A document within this one begins as this one did.
  const realSrcdoc = Object.getOwnPropertyDescriptor(HTMLIFrameElement.prototype, "srcdoc");
  const begun = (text) => (String(text).startsWith(standIn) ? text : standIn + text);
  define(HTMLIFrameElement.prototype, "srcdoc", {
    get: realSrcdoc.get,
    set(text) {
      realSrcdoc.set.call(this, begun(text));
    },
  });
  const ATTRIBUTES = ["src", "href", "poster", "action", "xlink:href", "srcset", "imagesrcset"];
  const changed = (name, value) => (name.endsWith("srcset") ? wrapSet(value) : wrap(value));
  const realSet = Element.prototype.setAttribute;
  Element.prototype.setAttribute = function (name, value) {
    const lower = String(name).toLowerCase();
    const is = ATTRIBUTES.includes(lower) || (lower === "data" && this.localName === "object");
    if (lower === "srcdoc" && this.localName === "iframe") return realSet.call(this, name, begun(value));
    return realSet.call(this, name, is ? changed(lower, value) : value);
  };
  const mend = (element) => {
    for (const name of ATTRIBUTES) {
      const value = element.getAttribute(name);
      const better = value === null ? null : changed(name, value);
      if (better !== value) realSet.call(element, name, better);
    }
  };
  // What scripts write as markup is seen only once it is there.
  new MutationObserver((records) => {
    for (const { addedNodes } of records) {
      for (const node of addedNodes) {
        if (node.nodeType !== Node.ELEMENT_NODE) continue;
        mend(node);
        node.querySelectorAll(ATTRIBUTES.map((name) => `[${CSS.escape(name)}]`).join()).forEach(mend);
      }
    }
  }).observe(document, { childList: true, subtree: true });

  // What the page believes to be its own.
  for (const name of ["localStorage", "sessionStorage"]) {
    const kept = new Map();
    const storage = {
      getItem: (key) => kept.get(String(key)) ?? null,
      setItem: (key, value) => void kept.set(String(key), String(value)),
      removeItem: (key) => void kept.delete(String(key)),
      clear: () => kept.clear(),
      key: (index) => [...kept.keys()][index] ?? null,
    };
    define(storage, "length", { get: () => kept.size, enumerable: false });
    define(window, name, { value: storage });
  }
  const cookies = new Map();
  define(Document.prototype, "cookie", {
    get: () => [...cookies].map((pair) => pair.join("=")).join("; "),
    set(value) {
      const [name, ...rest] = String(value).split(";", 1)[0].split("=");
      cookies.set(name.trim(), rest.join("=").trim());
    },
  });
  const shown = new URL(pageUrl);
  for (const name of ["URL", "documentURI"]) define(Document.prototype, name, { get: () => pageUrl });
  define(Document.prototype, "domain", { get: () => shown.hostname, set() {} });
  define(Document.prototype, "referrer", { get: () => "" });
  for (const name of ["pushState", "replaceState"]) {
    const real = history[name];
    define(history, name, {
      value(state, title, to) {
        try {
          real.call(history, state, title, to == null ? undefined : wrap(to));
        } catch {
          real.call(history, state, title);
        }
      },
    });
  }
  delete Navigator.prototype.serviceWorker;
  if (window.parent === window.top) define(window, "parent", { value: window });

  for (const name of ["RTCPeerConnection", "webkitRTCPeerConnection"]) {
    if (!(name in window)) continue;
    window[name] = class {
      constructor() {
        throw new DOMException(`${name} is not allowed in a replay`, "NotAllowedError");
      }
    };
  }

  const RealDate = Date;
  const behind = Number(began) - RealDate.now();
  const now = () => RealDate.now() + behind;
  window.Date = new Proxy(RealDate, {
    construct: (real, given, target) => Reflect.construct(real, given.length ? given : [now()], target),
    apply: (real) => new real(now()).toString(),
    get: (real, name) => (name === "now" ? now : Reflect.get(real, name)),
  });
})();
