// Lists what the page plays: video, audio, frames and the usual stand-ins for players. Changes nothing. Its own world.
function (limits) {
  const short = (value) => String(value ?? "").slice(0, limits.string).toWellFormed();
  const roots = [document];
  const elements = document.querySelectorAll("*");
  for (let place = 0; place < elements.length && place < 200000 && roots.length < 500; place += 1) {
    if (elements[place].shadowRoot) roots.push(elements[place].shadowRoot);
  }
  const everywhere = (selector) =>
    roots.flatMap((root) => Array.from(root.querySelectorAll(selector))).slice(0, limits.list);
  const sources = (element) =>
    [element, ...element.querySelectorAll("source")]
      .map((one) => ({ url: short(one.src || one.getAttribute("data-src")), type: short(one.getAttribute("type")) }))
      .filter((one) => one.url);
  const name = (element) => element.tagName.toLowerCase();
  return {
    media: everywhere("video, audio").map((element) => ({
      tag: name(element),
      current: short(element.currentSrc),
      live: !!element.srcObject,
      asked: !!element.currentSrc && performance.getEntriesByName(element.currentSrc).length > 0,
      sources: sources(element),
    })),
    frames: everywhere("iframe, embed, object").map((frame) => ({
      tag: name(frame),
      url: short(name(frame) === "object" ? frame.data : frame.src),
      delayed: short(
        frame.getAttribute("data-src") || frame.getAttribute("data-lazy-src") || frame.getAttribute("data-cookieblock-src"),
      ),
      type: short(frame.getAttribute("type")),
    })),
    embeds: everywhere(
      "lite-youtube, youtube-video, amp-youtube, lite-vimeo, amp-vimeo, .twitter-tweet, .instagram-media, .fb-video, .fb-post",
    ).map((one) => ({
      tag: name(one),
      name: short(one.getAttribute("class")),
      id: short(one.getAttribute("videoid") || one.getAttribute("data-videoid")),
      url: short(one.getAttribute("data-href") || (Array.from(one.querySelectorAll("a[href]")).pop() || {}).href),
    })),
  };
}
