// Reads the page: its markup with open shadow roots, its text, and what it says of itself.
// Changes nothing. A world of its own.
function (limits) {
  const short = (value) => String(value ?? "").slice(0, limits.string).toWellFormed();
  const list = (values) => Array.from(values).slice(0, limits.list);
  const all = (selector) => list(document.querySelectorAll(selector));
  const html = document.documentElement;
  const getter = (name) => Object.getOwnPropertyDescriptor(Document.prototype, name).get.call(document);
  const body = getter("body") || html;
  const roots = [];
  const gather = (root, depth) => {
    const elements = root.querySelectorAll("*");
    for (let place = 0; place < elements.length && place < 200000 && roots.length < 2000; place += 1) {
      const inner = elements[place].shadowRoot;
      if (inner && depth < 32) {
        roots.push(inner);
        gather(inner, depth + 1);
      }
    }
  };
  if (html) gather(document, 0);
  let markup = "";
  if (html) {
    markup = html.outerHTML;
    if (roots.length && html.getHTML) {
      const shell = html.cloneNode(false).outerHTML;
      const end = shell.lastIndexOf("</");
      markup = shell.slice(0, end) + html.getHTML({ serializableShadowRoots: true, shadowRoots: roots }) + shell.slice(end);
    }
    if (getter("doctype")) markup = new XMLSerializer().serializeToString(getter("doctype")) + "\n" + markup;
  }
  const texts = [body ? body.innerText || "" : ""];
  for (const root of roots) for (const child of root.children) if (child.innerText) texts.push(child.innerText);
  const text = texts.join("\n\n");
  const metas = all("meta").map((meta) => [short(meta.getAttribute("property") || meta.name || meta.getAttribute("itemprop")), short(meta.content)]).filter(([name]) => name);
  const links = all("link[rel]").map((link) => ({ rel: short(link.rel).toLowerCase(), href: short(link.href), type: short(link.type), title: short(link.title), hreflang: short(link.hreflang) }));
  const root = document.scrollingElement || html;
  let animations = 0;
  if (document.getAnimations) animations = document.getAnimations().filter((one) => one.playState === "running").length;
  return {
    html: markup.slice(0, limits.html).toWellFormed(),
    htmlLength: markup.length,
    text: text.slice(0, limits.text).toWellFormed(),
    textLength: text.length,
    shadowRoots: roots.length,
    url: short(document.URL),
    title: short(getter("title")),
    language: short(html && html.lang),
    direction: html ? short(getComputedStyle(body).direction) : "",
    encoding: short(document.characterSet),
    contentType: short(document.contentType),
    referrerPolicy: short((document.querySelector("meta[name=referrer]") || {}).content),
    metas,
    links: links.filter((link) => /canonical|alternate|amphtml|shortlink|license|author|prev|next/.test(link.rel)),
    jsonLd: all('script[type="application/ld+json"]').map((script) => String(script.textContent).slice(0, limits.jsonLd).toWellFormed()),
    times: all("time[datetime], time").map((time) => ({ value: short(time.getAttribute("datetime")), text: short(time.textContent).replace(/\s+/g, " ").trim().slice(0, 200) })),
    itemDates: all("[itemprop*=date i]").map((one) => ({ name: short(one.getAttribute("itemprop")), value: short(one.getAttribute("content") || one.getAttribute("datetime") || one.textContent).replace(/\s+/g, " ").trim().slice(0, 200) })),
    facts: {
      webdriver: navigator.webdriver === true,
      contentWidth: root ? Math.ceil(root.scrollWidth) : 0,
      contentHeight: root ? Math.ceil(root.scrollHeight) : 0,
      animationsRunning: animations,
      images: document.images.length,
      frames: window.length,
    },
  };
}
