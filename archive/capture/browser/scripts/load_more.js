// Presses the first button that shows more of a list and was not pressed too often; only names it without `press`. With `vain`
// the one pressed last is left alone from now on. A world of its own.
function (most, press, vain) {
  const words = [
    // English
    "load more", "show more", "view more", "see more", "more results", "load more posts", "load older posts",
    "older posts", "load more articles", "load more news", "more posts", "more articles", "more news",
    "load more results", "show more results", "load all", "show all", "view all comments", "load more comments",
    // French
    "charger plus", "afficher plus", "voir plus", "en voir plus", "montrer plus", "plus de résultats",
    "plus d'articles", "plus d'actualités", "charger la suite", "voir la suite", "afficher la suite", "tout afficher",
    "charger davantage", "afficher davantage",
    // Arabic
    "المزيد", "عرض المزيد", "تحميل المزيد", "شاهد المزيد", "أظهر المزيد", "إظهار المزيد", "اظهار المزيد",
    "مشاهدة المزيد", "المزيد من النتائج", "المزيد من الأخبار", "المزيد من المقالات", "المزيد من البيانات", "عرض الكل",
    // German, Spanish, Portuguese, Italian, Dutch, Turkish, Russian, Persian, Hebrew
    "mehr laden", "mehr anzeigen", "weitere laden", "weitere anzeigen", "cargar más", "ver más", "mostrar más",
    "carregar mais", "ver mais", "mostrar mais", "carica altro", "mostra altro", "vedi altro", "mostra di più",
    "meer laden", "meer tonen", "toon meer", "daha fazla", "daha fazla göster", "daha fazla yükle", "показать еще",
    "показать ещё", "загрузить еще", "загрузить ещё", "بیشتر", "نمایش بیشتر", "بارگذاری بیشتر", "טען עוד", "הצג עוד",
  ];
  const known = new Set(words);
  const plain = (text) =>
    text
      .normalize("NFC")
      .toLowerCase()
      .replace(/[\u064b-\u065f\u0640\u200e\u200f]/g, "")
      .replace(/[’`]/g, "'")
      .replace(/[\s\u00a0]+/g, " ")
      .replace(/^[\s.…+»›>▼↓→←⌄(\[]+|[\s.…+»›>▼↓→←⌄)\]]+$/g, "")
      .replace(/\s*\(?\d+\)?$/, "")
      .trim();
  const pressed = (globalThis.sijillPressed ||= new Map());
  if (vain && globalThis.sijillLast) pressed.set(globalThis.sijillLast, Infinity);
  const candidates = document.querySelectorAll(
    "button, [role=button], input[type=button], input[type=submit], a[class*=more i], a[id*=more i], a[href^='#'], a:not([href])",
  );
  for (let place = 0; place < candidates.length && place < 5000; place += 1) {
    const button = candidates[place];
    const text = button.tagName === "INPUT" ? button.value : button.innerText || button.getAttribute("aria-label") || "";
    if (text.length > 80) continue;
    const label = plain(text);
    if (!known.has(label)) continue;
    if (button.disabled || button.getAttribute("aria-disabled") === "true") continue;
    // What only opens or folds something that is there already is the page's own way of showing it.
    if (button.hasAttribute("aria-expanded") || button.hasAttribute("aria-haspopup")) continue;
    if (button.type === "submit" && button.form && button.form.method === "post") continue;
    const box = button.getBoundingClientRect();
    if (box.width < 1 || box.height < 1 || getComputedStyle(button).visibility !== "visible") continue;
    const times = pressed.get(button) || 0;
    if (times >= most && (press || times === Infinity)) continue;
    if (!press) return label;
    pressed.set(button, times + 1);
    globalThis.sijillLast = button;
    button.scrollIntoView({ block: "center", behavior: "instant" });
    button.click();
    return label;
  }
  return null;
}
