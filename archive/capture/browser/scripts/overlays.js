// Finds what lies over the page: consent, newsletter and other boxes, by geometry and words. Changes nothing.
// A world of its own; what was found stays in it for clean.js.
function () {
  const consent =
    /cookie|consent|gdpr|rgpd|dsgvo|ccpa|(?:we|our partners) (?:use|store)|(?:your|data) privacy|privacy (?:policy|settings|choices)|(?:accept|reject|allow) all|témoins de connexion|consentement|vie privée|tout (?:accepter|refuser)|données personnelles|ملفات تعريف الارتباط|ملفات الارتباط|كوكيز|سياسة الخصوصية|إعدادات الخصوصية|قبول الكل|رفض الكل|أوافق|موافق|einwilligung|datenschutz|alle (?:akzeptieren|ablehnen)|consentimiento|privacidad|privacidade|aceptar tod|aceitar tod|consenso|accetta tutt|toestemming|accepteer alle|çerez|gizlilik|файлы? cookie|куки|конфиденциальност|کوکی|حریم خصوصی|עוגיות|פרטיות/i;
  const newsletter =
    /newsletter|subscribe|sign[ -]?up|mailing list|join (?:us|our)|stay (?:informed|updated)|your e-?mail|infolettre|lettre d['’]information|abonnez|inscrivez|votre e-?mail|votre courriel|النشرة (?:البريدية|الإخبارية)|نشرتنا|القائمة البريدية|اشترك|بريدك الإلكتروني|rundbrief|abonnieren|anmelden|bolet[ií]n|suscr[ií]b|inscreva|iscriviti|nieuwsbrief|inschrijven|bülten|abone ol|рассылк|подпиш|خبرنامه|עלון|הירשמו/i;
  const boxName = /cookie|consent|gdpr|cmp|onetrust|didomi|newsletter|subscribe|pop-?up|modal|overlay|lightbox|interstitial/i;
  const wide = window.innerWidth;
  const high = window.innerHeight;
  const body = document.body;
  if (!body || !wide || !high) return [];
  const pageText = (body.innerText || "").length;
  const parent = (element) => element.assignedSlot || element.parentElement || (element.getRootNode() || {}).host || null;
  const styles = new Map();
  const style = (element) => {
    if (!styles.has(element)) styles.set(element, getComputedStyle(element));
    return styles.get(element);
  };
  const floats = (element) => {
    const position = style(element).position;
    return position === "fixed" || position === "sticky" || element.matches("dialog[open]") || element.matches(":popover-open");
  };
  // The outermost element that floats, for what is seen at a point.
  const outermost = (element) => {
    let found = null;
    for (let at = element, depth = 0; at && at !== body && depth < 500; at = parent(at), depth += 1) {
      if (at !== document.documentElement && floats(at)) found = at;
    }
    return found;
  };
  const stack = (x, y) => {
    const deep = (root, depth) =>
      root.elementsFromPoint(x, y).flatMap((e) => (e.shadowRoot && depth < 8 && root !== e.shadowRoot ? [...deep(e.shadowRoot, depth + 1), e] : [e]));
    return deep(document, 0);
  };
  const seen = new Map();
  const columns = 8;
  const rows = 24;
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const elements = stack(((column + 0.5) * wide) / columns, ((row + 0.5) * high) / rows);
      const here = new Set();
      elements.slice(0, 60).forEach((element, place) => {
        const box = outermost(element);
        if (!box || here.has(box)) return;
        here.add(box);
        const counts = seen.get(box) || { points: 0, top: 0 };
        counts.points += 1;
        if (place === 0) counts.top += 1;
        seen.set(box, counts);
      });
    }
  }
  // Hit tests do not find what is inert or takes no pointer: a walk does.
  const open = [body];
  for (let walked = 0; open.length && walked < 10000; walked += 1) {
    const element = open.pop();
    if (element !== body && floats(element)) {
      if (!seen.has(element)) seen.set(element, { points: 0, top: 0 });
      continue;
    }
    open.push(...Array.from(element.children).reverse());
    if (element.shadowRoot) open.push(...Array.from(element.shadowRoot.children).reverse());
  }
  const textOf = (box) => {
    const parts = [box.innerText || ""];
    const roots = [box, ...box.querySelectorAll("*")].slice(0, 3000);
    for (const element of roots) {
      if (element.shadowRoot) for (const child of element.shadowRoot.children) parts.push(child.innerText || "");
      if (element.tagName === "IFRAME") parts.push(element.title, element.name, element.id, element.src.slice(0, 300));
      if (element.placeholder) parts.push(element.placeholder);
    }
    return parts.join("\n").slice(0, 20000);
  };
  const found = [];
  const bare = [];
  for (const [box, counts] of seen) {
    const area = box.getBoundingClientRect();
    const width = Math.min(area.right, wide) - Math.max(area.left, 0);
    const height = Math.min(area.bottom, high) - Math.max(area.top, 0);
    const computed = style(box);
    if (width < 1 || height < 1 || computed.visibility !== "visible" || Number(computed.opacity) === 0) continue;
    const share = (width * height) / (wide * high);
    const text = textOf(box);
    const names = [box.id, box.getAttribute("class"), box.getAttribute("aria-label"), box.tagName].join(" ").slice(0, 500);
    const dialog = box.matches("dialog, [role=dialog], [role=alertdialog], [aria-modal=true]") || !!box.querySelector("[role=dialog], [aria-modal=true]");
    const bar = box.matches("header, nav, [role=banner], [role=navigation]") || (!!box.querySelector("nav, [role=navigation]") && !dialog);
    const buttons = !!box.querySelector("button, [role=button], input, a, iframe") || text.length > 0;
    const shell = text.length > 400 && text.length > 0.5 * pageText && !!box.querySelector("main, article, h1");
    if (shell) continue;
    const asks = consent.test(text) || consent.test(names);
    const invites = newsletter.test(text) || newsletter.test(names);
    const onTop = counts.points > 0 && counts.top >= 0.5 * counts.points;
    const sticky = computed.position === "sticky";
    let kind = null;
    if (asks && buttons && share >= 0.01 && !bar) kind = "consent";
    else if (invites && !bar && !sticky && share >= (dialog ? 0.005 : 0.03) && (dialog || boxName.test(names) || box.querySelector("input, iframe"))) kind = "newsletter";
    else if (!bar && !sticky && share >= 0.3 && onTop && text.trim().length > 0) kind = "other";
    else if (!sticky && share >= 0.3 && text.trim().length === 0 && Number(computed.zIndex) !== -1 && !(Number(computed.zIndex) < 0)) {
      // What has no text may be the curtain behind a box, or a background: the former only with a box.
      bare.push({ box, kind: "backdrop", share, area, names, text: "", position: computed.position, onTop });
      continue;
    }
    if (kind) found.push({ box, kind, share, area, names, text, position: computed.position });
  }
  if (found.length) found.push(...bare.filter((one) => !one.box.querySelector("img, video, canvas, iframe")));
  globalThis.sijillOverlays = found.slice(0, 50).map((one) => one.box);
  return found.slice(0, 50).map((one) => ({
    kind: one.kind,
    element: one.names.replace(/\s+/g, " ").trim().slice(0, 200),
    position: one.position,
    left: Math.round(one.area.left),
    top: Math.round(one.area.top),
    width: Math.round(one.area.width),
    height: Math.round(one.area.height),
    thousandths: Math.round(one.share * 1000),
    text: one.text.replace(/\s+/g, " ").trim().slice(0, 300),
  }));
}
