"""`verify.html` in a real browser, opened from a file with the network off."""

import base64
import dataclasses
import hashlib
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "provenance" / "verify.html"
VECTORS = ROOT / "tests" / "vectors"
CASES = {path.parent.name: path for path in sorted(VECTORS.glob("*/*/package.wacz"))}
GOOD = VECTORS / "good" / "browser" / "package.wacz"
BAD = VECTORS / "bad" / "E-SUB-02_byte-changed" / "package.wacz"
TRUST = VECTORS / "trust.json"
HANG = 600_000

RESULTS = """() => [...document.querySelectorAll('#results > article')].map((article) => ({
  name: article.querySelector('h2 .name').textContent,
  verdict: article.querySelector('h2 > span').textContent,
  failed: [...article.querySelectorAll('.failures b')].map((code) => code.textContent),
}))"""


@pytest.fixture
def context(chromium):
    """A browser without a network, and afterwards the proof that nothing was asked of one."""
    context = chromium.new_context(locale="en-GB")
    context.set_offline(True)
    asked, faults = [], []
    context.on("request", lambda request: asked.append(request))
    context.on("weberror", lambda error: faults.append(str(error.error)))
    context.set_default_timeout(HANG)
    yield context
    left = [one.url for one in asked if not one.url.startswith(("file:///", "blob:null/")) and one.failure != "csp"]
    context.close()
    assert left == []
    assert faults == []


@pytest.fixture
def page(context):
    page = context.new_page()
    page.goto(PAGE.as_uri())
    return page


def given(name, path):
    return {"name": name, "mimeType": "application/octet-stream", "buffer": path.read_bytes()}


def choose(page, trust, files):
    """Choose a trust root, then packages, and wait for all of them."""
    before = page.locator("#results > article").count()
    page.set_input_files("#trust-file", trust)
    page.locator("#trust-state.good").wait_for()
    page.set_input_files("#package-files", files)
    page.wait_for_function(
        "count => document.querySelectorAll('#results > article').length === count", arg=before + len(files)
    )


@pytest.mark.timeout(900)
def test_every_vector_gets_the_verdict_and_the_codes_that_it_should(page):
    groups = {}
    for name, path in CASES.items():
        own = path.with_name("trust.json")
        groups.setdefault(own.read_bytes() if own.exists() else TRUST.read_bytes(), []).append((name, path))
    for trust, cases in groups.items():
        root = {"name": "trust.json", "mimeType": "application/json", "buffer": trust}
        choose(page, root, [given(f"{name}.wacz", path) for name, path in cases])
    found = {result["name"].removesuffix(".wacz"): result for result in page.evaluate(RESULTS)}
    assert found.keys() == CASES.keys()
    wrong = {}
    for name, path in CASES.items():
        expected = json.loads(path.with_name("expected.json").read_bytes())
        verdict = "VERIFIED" if expected["verified"] else "NOT VERIFIED"
        if (found[name]["verdict"], sorted(found[name]["failed"])) != (verdict, expected["failed"]):
            wrong[name] = found[name]
    assert wrong == {}


def test_a_result_says_what_the_terminal_says(page):
    choose(page, TRUST, [given("capture.wacz", GOOD)])
    text = page.locator("#results article").text_content()
    for words in (
        "every derived file is what the signed files give",
        "It does not prove what the server sent.",
        "T0: 2026-11-20T23:55:10",
        "T1: 2026-11-21T01:20:05",
        "What the server sent. The collector signed that it received these bytes",
        "capture.wacz: VERIFIED",
        "witness-one.example",
    ):
        assert words in text, words
    assert "capture.wacz: VERIFIED" in page.locator("#said").text_content()
    assert page.evaluate("document.activeElement.closest('article') !== null")


def test_what_failed_is_told_at_the_top_and_in_red(page):
    choose(page, TRUST, [given("capture.wacz", BAD)])
    verdict = page.locator(".verdict")
    assert "NOT VERIFIED" in verdict.text_content()
    assert "E-SUB-02 the SHA-256 of a subject is not the attested one" in verdict.text_content()
    red, green, blue = map(
        int, page.evaluate("getComputedStyle(document.querySelector('.failures')).color.match(/\\d+/g)")
    )
    assert red > 2 * max(green, blue)
    assert "It does not prove" not in page.locator("article").text_content()


def test_the_page_states_the_digest_of_its_own_bytes(page):
    assert page.locator("#own").text_content() == hashlib.sha256(PAGE.read_bytes()).hexdigest()


def test_its_own_page_in_a_package_is_let_in_and_another_is_not(page):
    from evidence import evidence, zipped

    from sijill.archive.capture.spool import MemoryBody
    from sijill.provenance.package import evidence_package

    made = evidence()

    def packed(held):
        members = evidence_package(
            envelope=made.envelope,
            warc=MemoryBody(made.warc),
            proof=made.proof,
            key=made.key,
            log=made.log,
            tokens=made.tokens,
            verify_page=held,
        )
        return zipped({name: body.content for name, body in members})

    held = PAGE.read_bytes()
    packages = {"own.wacz": packed(held), "other.wacz": packed(held.replace(b"VERIFIED", b"verified"))}
    files = [{"name": name, "mimeType": "a/b", "buffer": data} for name, data in packages.items()]
    choose(page, TRUST, files)
    found = {result["name"]: (result["verdict"], result["failed"]) for result in page.evaluate(RESULTS)}
    assert found == {"own.wacz": ("VERIFIED", []), "other.wacz": ("NOT VERIFIED", ["E-PKG-03"])}
    assert "provenance/verify.html: not a page that this verifier knows" in page.locator("#results").text_content()


def test_a_trust_root_can_be_pasted_and_packages_wait_for_it(page):
    page.set_input_files("#package-files", [given("capture.wacz", GOOD)])
    page.get_by_text("Choose a trust root first").wait_for()
    page.get_by_text("Or paste it").click()
    page.get_by_label("The text of trust.json").fill(TRUST.read_text("utf-8"))
    page.get_by_role("button", name="Use this text").click()
    page.locator("article").wait_for()
    assert page.evaluate(RESULTS)[0]["verdict"] == "VERIFIED"


def test_what_is_no_trust_root_is_refused_with_the_reason(page):
    for data, reason in (
        (b"{", "not JSON"),
        (b'{"attestationKeys":[],"logKeys":[],"evil<b>":[]}', "unknown member 'evil<b>'"),
        (b" " * (1 << 20) + b"{}", "limit 1048576"),
    ):
        page.set_input_files("#trust-file", {"name": "trust.json", "mimeType": "a/b", "buffer": data})
        page.locator("#trust-state.bad", has_text=reason).wait_for()
    page.set_input_files("#package-files", [given("capture.wacz", GOOD)])
    page.get_by_text("Choose a trust root first").wait_for()
    assert page.locator("#results > article").count() == 0


def test_files_can_be_dropped_anywhere_the_trust_root_last_of_all(page):
    page.evaluate(
        """async ([packed, trust]) => {
          const bytes = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
          const dropped = new DataTransfer();
          dropped.items.add(new File([bytes(packed)], 'capture.wacz'));
          dropped.items.add(new File([bytes(trust)], 'Trust.JSON'));
          document.body.dispatchEvent(new DragEvent('drop', { dataTransfer: dropped, bubbles: true }));
        }""",
        [base64.b64encode(path.read_bytes()).decode() for path in (GOOD, TRUST)],
    )
    page.locator("article").wait_for()
    assert page.evaluate(RESULTS)[0]["verdict"] == "VERIFIED"


def test_names_and_titles_with_markup_are_text(page):
    from captures import capture
    from evidence import evidence, zipped

    title = "<script>alert(1)</script><img src=x onerror=alert(2)>\u202eبيان"
    package = zipped(evidence(dataclasses.replace(capture(), title=title)).files())
    name = "<img src=x onerror=alert(3)>\u202egpj.wacz"
    choose(page, TRUST, [{"name": name, "mimeType": "a/b", "buffer": package}])
    assert page.evaluate(RESULTS)[0]["verdict"] == "VERIFIED"
    assert page.locator("img, #results script, #results a").count() == 0
    shown = page.locator("#results").text_content()
    assert "<img src=x onerror=alert(3)>\\u{202e}gpj.wacz" in shown
    assert "<script>alert(1)</script><img src=x onerror=alert(2)>\\u{202e}بيان" in shown
    assert "\u202e" not in shown


def test_files_that_are_no_packages_get_a_verdict_too(page):
    files = {"empty.wacz": b"", "text.wacz": b"hello", "zeroes.wacz": bytes(5_000_000), "page.html": PAGE.read_bytes()}
    choose(page, TRUST, [{"name": name, "mimeType": "a/b", "buffer": data} for name, data in files.items()])
    results = page.evaluate(RESULTS)
    assert {result["name"] for result in results} == files.keys()
    assert all((one["verdict"], one["failed"]) == ("NOT VERIFIED", ["E-PKG-01"]) for one in results)


@pytest.mark.parametrize("size", [3 << 30, 5 << 30])
def test_a_file_of_gigabytes_that_is_no_package_is_refused_at_once(page, tmp_path, size):
    path = tmp_path / "huge.wacz"
    with path.open("wb") as file:
        file.truncate(size)
    page.set_input_files("#trust-file", TRUST)
    page.locator("#trust-state.good").wait_for()
    page.set_input_files("#package-files", path)
    page.locator("article").wait_for(timeout=60_000)
    assert page.evaluate(RESULTS) == [{"name": "huge.wacz", "verdict": "NOT VERIFIED", "failed": ["E-PKG-01"]}]


def test_a_large_warc_is_digested_in_workers_of_their_own(page, tmp_path):
    from captures import HTML, capture
    from evidence import evidence, zipped

    from sijill.archive.warc.wacz import ARCHIVE

    workers = []
    page.on("worker", lambda worker: workers.append(worker))
    made = evidence(capture(html=HTML + bytes(5 << 20))).files()
    warc = bytearray(made[ARCHIVE])
    warc[-1_000_000] ^= 1
    for name, files in (("good.wacz", made), ("changed.wacz", made | {ARCHIVE: bytes(warc)})):
        tmp_path.joinpath(name).write_bytes(zipped(files))
    choose(page, TRUST, [tmp_path / "good.wacz"])
    # One checks; meanwhile one digests the file, and one what is in it.
    assert len(workers) == 3
    choose(page, TRUST, [tmp_path / "changed.wacz"])
    assert len(workers) == 5, "the first is kept"
    changed, good = page.evaluate(RESULTS)
    assert (good["verdict"], good["failed"]) == ("VERIFIED", [])
    assert (changed["verdict"], changed["failed"]) == ("NOT VERIFIED", ["E-SUB-02", "E-SUB-03"])


def test_a_check_can_be_cancelled_and_the_next_one_made(page):
    page.set_input_files("#trust-file", TRUST)
    page.locator("#trust-state.good").wait_for()
    # The event that chooses the files is followed by the click before any worker can answer.
    page.evaluate(
        """() => {
          const dropped = new DataTransfer();
          for (const name of ['one.wacz', 'two.wacz']) dropped.items.add(new File([new Uint8Array(9_000_000)], name));
          document.body.dispatchEvent(new DragEvent('drop', { dataTransfer: dropped, bubbles: true }));
          return Promise.resolve().then(() => document.querySelector('#cancel').click());
        }"""
    )
    page.get_by_text("Cancelled; nothing was found out about one.wacz").first.wait_for()
    assert page.locator("#work").is_hidden()
    choose(page, TRUST, [given("capture.wacz", GOOD)])
    assert [one["name"] for one in page.evaluate(RESULTS)] == ["capture.wacz"]


def test_the_interface_speaks_arabic_from_right_to_left(page):
    choose(page, TRUST, [given("capture.wacz", GOOD)])
    page.get_by_role("button", name="العربية").click()
    assert page.evaluate("[document.documentElement.lang, document.documentElement.dir]") == ["ar", "rtl"]
    assert page.locator("h1").text_content() == "التحقق من حزمة أدلة"
    assert "تم التحقق" in page.locator(".verdict").text_content()
    assert "every derived file is what the signed files give" in page.locator("article").text_content()
    untold = page.evaluate("[...document.querySelectorAll('[data-text]')].filter((one) => !one.textContent).length")
    assert untold == 0
    page.get_by_role("button", name="English").click()
    assert page.evaluate("document.documentElement.dir") == "ltr"


def test_the_keyboard_is_enough(page):
    seen = []
    for _ in range(8):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))
    assert seen[:5] == ["Skip to the page", "language", "trust-file", "Or paste it", "package-files"]
    choose(page, TRUST, [given("capture.wacz", GOOD)])
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Details"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('details') === null"), "what is folded away is passed over"
    page.get_by_text("Details", exact=True).focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "The same as sijill-verify prints it"


def test_nothing_can_leave_the_page(page):
    for attempt in (
        "fetch('https://example.org/')",
        "new Promise((done, fail) => Object.assign(new Image(), {onload: done, onerror: fail, src: 'https://a.example'}))",
        "import('data:text/javascript,0')",
        "new Promise((done, fail) => setTimeout(() => { try { done(eval('1')) } catch { fail() } }))",
    ):
        assert page.evaluate(f"{attempt}.then(() => 'let through', () => 'refused')") == "refused"
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<style>body { color: rgb(1, 2, 3) }</style>')")
    assert page.evaluate("getComputedStyle(document.body).color") != "rgb(1, 2, 3)"


def test_a_page_whose_program_was_changed_does_not_run(context, tmp_path):
    changed = tmp_path / "verify.html"
    changed.write_bytes(PAGE.read_bytes().replace(b"NOT VERIFIED", b"IS  VERIFIED"))
    page = context.new_page()
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    page.goto(changed.as_uri())
    assert page.locator("#own").text_content() == "…"
