"""The report: what it says, that nothing foreign acts in it, and that its bytes are the same everywhere."""

import base64
import copy
import dataclasses
import hashlib
import io
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest

VECTORS = Path(__file__).resolve().parents[2] / "vectors"
sys.path.insert(0, str(VECTORS))

from browsers import failing, shown  # noqa: E402  # the path is set above
from evidence import FULL_TRUST, TRUST, attested, evidence, zipped  # noqa: E402  # the path is set above

from sijill.archive.digest import digest_bytes  # noqa: E402
from sijill.provenance.attest.canonical import canonical  # noqa: E402
from sijill.provenance.attest.statement import parse_statement  # noqa: E402
from sijill.provenance.log.proof import parse_proof  # noqa: E402
from sijill.provenance.package_layout import About, Token  # noqa: E402
from sijill.provenance.report.browser import MOST_EMBEDDED, shown_pictures  # noqa: E402
from sijill.provenance.report.page import (  # noqa: E402
    ChainEvent,
    Paper,
    ReportInput,
    TokenFacts,
    Verification,
    report_html,
)
from sijill.provenance.verify.codes import SENTENCES, Code  # noqa: E402
from sijill.provenance.verify.verify import verify_package  # noqa: E402

VOID = {"meta", "br", "img"}
NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)


class Page(HTMLParser):
    """The elements of a page, and its text; raises if it is not well formed."""

    def __init__(self, data: bytes) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(data.decode("utf-8"))
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open and self._open[-1] != "style":
            self.text += data


@pytest.fixture(scope="module")
def true():
    return evidence()


def given(made, statement=None):
    return ReportInput(
        statement=parse_statement(canonical(statement or made.statement)),
        envelope=made.envelope,
        proof=parse_proof(made.proof),
        keyid=made.key.keyid,
        log_vkey=made.log.vkey,
        tokens=tuple(TokenFacts.of(token, data) for token, data in sorted(made.tokens.items())),
    )


def verification(made, trust):
    package = zipped(made.files())
    report = verify_package(io.BytesIO(package), trust)
    return Verification(report, NOW, "sijill 0.1.0", digest_bytes(package))


def changed(made, **edits):
    statement = copy.deepcopy(made.statement)
    for path, value in edits.items():
        *steps, last = path.split("__")
        at = statement
        for step in steps:
            at = at[int(step)] if isinstance(at, list) else at[step]
        at[last] = value
    return statement


def section(data, name):
    return data.decode().partition(f'<section id="{name}"')[2].partition("</section>")[0]


def test_it_says_all_that_the_signed_files_say(true):
    page = Page(report_html(given(true)))
    predicate = true.statement["predicate"]
    digests = [digest for subject in true.statement["subject"] for digest in subject["digest"].values()]
    for exchange in predicate["exchanges"]:
        digests += exchange["payload"]["digest"].values() if exchange["payload"] else ()
        digests += exchange["tls"]["chain"] if exchange["tls"] else ()
        digests += [exchange["record"]] if exchange["record"] else ()
    digests += [hashlib.sha256(data).hexdigest() for data in (true.envelope, *true.tokens.values())]
    head = parse_proof(true.proof).checkpoint.checkpoint
    told = [
        *digests,
        true.key.keyid,
        true.log.vkey,
        base64.b64encode(head.root).decode(),
        predicate["captureId"],
        predicate["title"],
        predicate["collector"]["name"],
        predicate["egress"],
        predicate["times"]["started"],
        predicate["times"]["ended"],
        predicate["settings"]["userAgent"],
        predicate["robots"]["reason"],
        *predicate["reasons"],
        *(exchange["url"] for exchange in predicate["exchanges"]),
        *(item["reason"] for item in predicate["berkeley"]),
        *(f"{item['name']} {item['version']}" for item in predicate["software"]),
        "self-signed certificate in certificate chain",
        "not verified",
        "no such host",
        "witness-one.example",
    ]
    assert [text for text in told if text not in page.text] == []


def test_without_a_verification_it_says_that_it_is_none(true):
    page = Page(report_html(given(true)))
    assert "A description, not a verification" in page.text
    assert "it is not a verification itself" in page.text
    assert "VERIFIED" not in page.text
    assert f"sijill-verify {true.statement['predicate']['captureId']}.wacz --trust trust.json" in page.text
    # Of what is taken from other captures only a report on a capture that takes anything.
    for code in set(Code) - {Code.WARC_05}:
        assert code in page.text
        assert SENTENCES[code].holds in page.text


def test_the_times_of_outside_parties_are_claims_unless_they_were_verified(true):
    claimed = Page(report_html(given(true))).text
    assert "2026-11-20T23:55:10.250000Z by the claim of" in claimed
    assert "2026-11-21T01:16:38.000000Z by the claim of the timestamp provenance/attestation.alpha.tsr" in claimed
    found = verification(true, FULL_TRUST)
    assert found.report.holds
    bracket = found.report.bracket
    verified = Page(report_html(given(true), found)).text
    assert "by the claim of" not in verified
    assert f"{bracket.not_after.time.isoformat(timespec='microseconds').replace('+00:00', 'Z')}, for which" in verified
    assert f"{bracket.not_before.time.isoformat(timespec='microseconds').replace('+00:00', 'Z')}, for which" in verified


def test_without_timestamps_it_claims_no_time():
    made = evidence(freshness=b"")
    facts = dataclasses.replace(given(made), tokens=())
    proof = parse_proof(made.proof)
    bare = dataclasses.replace(proof.checkpoint.note, signatures=proof.checkpoint.note.signatures[:1])
    proof = dataclasses.replace(proof, checkpoint=dataclasses.replace(proof.checkpoint, note=bare))
    text = Page(report_html(dataclasses.replace(facts, proof=proof))).text
    assert "no claim: the attestation quotes nothing that an outside party dated" in text
    assert "no claim: no outside party put a time on it" in text
    assert "It quotes none that could be read." in text


def test_with_a_verification_every_check_is_told(true):
    found = verification(true, TRUST)
    data = report_html(given(true), found)
    checks = section(data, "checks")
    assert "<strong>VERIFIED</strong>" in data.decode()
    assert "A description, not a verification" not in data.decode()
    for check in found.report.checks:
        row = next(row for row in checks.split("<tr>") if check.code in row)
        assert f'class="{check.status}"' in row
        assert ("not required" in row) == (not check.required)
    assert found.package.sha256.hex in checks
    assert found.package.blake3.hex in checks
    assert "2026-12-01T12:00:00.000000Z" in checks


def test_a_capture_that_does_not_verify_is_called_so(true):
    lying = attested(true, predicate__target="http://elsewhere.example/<b>")
    quoted = {token: stamp for token, stamp in true.tokens.items() if token.about is About.FRESHNESS}
    found = verification(dataclasses.replace(true, tokens=quoted), FULL_TRUST)
    assert not found.report.holds
    text = Page(report_html(given(true), found)).text
    assert "NOT VERIFIED" in text
    assert "nothing follows from this evidence" in text
    assert "2 needed, 0 found" in text
    forged = zipped(lying.forged_files())
    found = Verification(verify_package(io.BytesIO(forged), TRUST), NOW, "sijill 0.1.0", digest_bytes(forged))
    assert "E-WARC-04" in found.report.failed
    data = report_html(given(lying), found)
    findings = [finding.found for finding in found.report.check(Code.WARC_04).findings]
    assert findings
    assert [text for text in findings if text not in Page(data).text] == []
    assert "elsewhere.example/&lt;b&gt;" in section(data, "overview")


MARKUP = "</title></code><script>alert(1)</script><img src=x onerror=y>&amp;\"'"
HOSTILE = f"{MARKUP}\u202e\u2066\x1b[31m\x00\u200f\ue000\U000e0041"


def hostile(true):
    exchanges = copy.deepcopy(true.statement["predicate"]["exchanges"])
    for exchange in exchanges:
        exchange["mediaType"] = HOSTILE if exchange["mediaType"] else None
        if exchange["tls"]:
            exchange["tls"] |= {"version": HOSTILE, "cipher": HOSTILE, "verifyError": HOSTILE}
        if exchange["failure"]:
            exchange["failure"]["detail"] = HOSTILE
        exchange["via"] = exchange["via"] and HOSTILE
    return changed(
        true,
        predicate__title=HOSTILE,
        predicate__target=HOSTILE,
        predicate__exchanges=exchanges,
        predicate__reasons=[HOSTILE],
        predicate__collector={"name": HOSTILE, "contact": HOSTILE},
        predicate__software=[{"name": HOSTILE, "version": HOSTILE}],
        predicate__settings__userAgent=HOSTILE,
        predicate__settings__allowedNetworks=[HOSTILE[:60]],
        predicate__settings__pins={HOSTILE: "192.0.2.1"},
        predicate__robots={"consulted": True, "decision": HOSTILE, "reason": HOSTILE},
        predicate__berkeley=[item | {"reason": HOSTILE} for item in true.statement["predicate"]["berkeley"]],
    )


def test_nothing_foreign_acts_or_hides(true):
    found = verification(true, FULL_TRUST)
    attested_facts = dataclasses.replace(found.report.attested, collector=HOSTILE, target=HOSTILE)
    found = dataclasses.replace(found, report=dataclasses.replace(found.report, attested=attested_facts))
    event = ChainEvent(None, HOSTILE, HOSTILE, HOSTILE)
    facts = given(true, hostile(true))
    for data in (report_html(facts), report_html(facts, found, [event])):
        page = Page(data)
        assert {tag for tag, _ in page.elements} & {
            "script",
            "img",
            "a",
            "link",
            "iframe",
            "form",
            "input",
            "base",
        } == set()
        allowed = {"class", "dir", "id", "scope", "lang", "charset", "content", "name", "http-equiv"}
        assert {name for _, attributes in page.elements for name in attributes} <= allowed
        assert page.text.count("<script>alert(1)</script>") > 10
        for character in HOSTILE:
            if not character.isprintable():
                assert character not in data.decode()
                assert f"U+{ord(character):04X}" in page.text
        controls = {character for character in data.decode() if ord(character) < 32}
        assert controls == {"\n"}


def test_arabic_is_kept_whole_and_set_apart(true):
    words = "بيان\u200cمشترك – النص \u200dEnglish"
    data = report_html(given(true, changed(true, predicate__title=words)))
    assert f'<bdi dir="auto">{words}</bdi>' in data.decode()


def test_it_asks_for_nothing_from_outside(true):
    data = report_html(given(true), verification(true, TRUST))
    page = Page(data)
    policy = next(attributes for tag, attributes in page.elements if attributes.get("http-equiv"))
    assert policy["content"] == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    style = data.decode().partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style


@pytest.fixture(scope="module")
def in_browser():
    return evidence(shown())


def with_pictures(made, statement=None):
    facts = given(made, statement)
    return dataclasses.replace(facts, pictures={name: made.others[name] for name in shown_pictures(facts.statement)})


def test_pictures_are_shown_the_captioned_copy_first(in_browser):
    page = Page(report_html(with_pictures(in_browser)))
    sources = [attributes["src"] for tag, attributes in page.elements if tag == "img"]
    names = ("screenshot-captioned.png", "screenshot-2.png")
    encoded = [base64.b64encode(in_browser.others[name]).decode() for name in names]
    assert sources == [f"data:image/png;base64,{picture}" for picture in encoded]
    assert hashlib.sha256(in_browser.others["screenshot.png"]).hexdigest() in page.text
    assert "The screenshot shows how the collector's browser rendered" in page.text
    assert "scripts were not run" not in page.text
    assert "Screenshot" not in Page(report_html(given(evidence()))).text


def test_pictures_that_are_too_large_lie_beside_the_page(in_browser):
    statement = copy.deepcopy(in_browser.statement)
    sizes = {subject["name"]: subject["annotations"] for subject in statement["subject"]}
    sizes["screenshot-2.png"]["size"] = MOST_EMBEDDED - sizes["screenshot-captioned.png"]["size"]
    assert shown_pictures(given(in_browser, statement).statement) == ("screenshot-captioned.png", "screenshot-2.png")
    sizes["screenshot-2.png"]["size"] += 1
    facts = with_pictures(in_browser, statement)
    assert tuple(facts.pictures) == ("screenshot-captioned.png",)
    page = Page(report_html(facts))
    assert sum(tag == "img" for tag, _ in page.elements) == 1
    assert "It is too large for this page and lies beside it: screenshot-2.png." in page.text


def test_what_the_browser_did_is_told(in_browser):
    text = Page(report_html(with_pictures(in_browser))).text
    browser = in_browser.statement["predicate"]["browser"]
    told = [
        f"{browser['name']} {browser['version']}",
        "in its sandbox",
        browser["scripts"][0]["sha256"],
        *(file["name"] for file in browser["files"]),
        *(file["made"] for file in browser["files"]),
        "wss://site.example/live",
        "player of YouTube",
        "999 of 1,000",
        "A banner was hidden.",
    ]
    assert [words for words in told if words not in text] == []
    fallback = evidence(failing())
    assert "fetched without one: no Chromium was found" in Page(report_html(given(fallback))).text


def test_nothing_that_a_page_says_in_the_browser_acts(in_browser):
    browser = copy.deepcopy(in_browser.statement["predicate"]["browser"])
    browser |= {"name": HOSTILE, "version": HOSTILE, "userAgent": HOSTILE, "language": HOSTILE, "timeZone": HOSTILE}
    browser |= {"colorScheme": HOSTILE, "waiting": {HOSTILE: HOSTILE}}
    browser["quality"]["reason"] = HOSTILE
    browser["scripts"][0]["name"] = HOSTILE
    for one in (*browser["blocked"], *browser["notCollected"]):
        one |= {"url": HOSTILE, "reason": HOSTILE}
    changes = in_browser.statement["predicate"]["transformations"]
    changes = [one | {"name": HOSTILE, "description": HOSTILE} for one in changes]
    statement = changed(in_browser, predicate__browser=browser, predicate__transformations=changes)
    data = report_html(with_pictures(in_browser, statement))
    page = Page(data)
    assert {tag for tag, _ in page.elements} & {"script", "a", "link", "iframe", "form", "input", "base"} == set()
    assert all(
        attributes["src"].startswith("data:image/png;base64,") for tag, attributes in page.elements if tag == "img"
    )
    assert page.text.count("<script>alert(1)</script>") > 10
    assert not [character for character in HOSTILE if not character.isprintable() and character in data.decode()]


def test_the_form_has_ids_and_digests_and_nothing_that_only_a_person_can_state(true):
    form = section(report_html(given(true), verification(true, TRUST)), "certification")
    digest = true.statement["subject"][0]["digest"]
    for identified in (digest["sha256"], digest["blake3"], hashlib.sha256(true.envelope).hexdigest(), true.key.keyid):
        assert identified in form
    for rule in ("902(11)", "902(12)", "902(13)", "902(14)", "28 U.S.C. § 1746(1)", "28 U.S.C. § 1746(2)"):
        assert rule in form
    predicate = true.statement["predicate"]
    for known in (predicate["collector"]["name"], predicate["title"], predicate["times"]["started"], "2026-12-01"):
        assert known not in form
    for blank in ("Name", "Title or position", "Qualifications", "Description of the process", "Date", "Signature"):
        assert re.search(rf'<div class="blank"></div>\s*<p class="blank-label">{blank}', form), blank
    assert "checked" not in form
    assert form.count('class="tick"') == 13


def test_the_chain_of_custody_is_told_if_it_is_known(true):
    events = [
        ChainEvent(NOW, "handed over", "archive: key 00", "to the <court>"),
        ChainEvent(None, "stored", "store", ""),
    ]
    data = report_html(given(true), verification(true, TRUST), events)
    chain = section(data, "custody")
    assert "to the &lt;court&gt;" in chain
    assert "2026-12-01T12:00:00.000000Z" in chain
    assert "unknown" in chain
    assert section(report_html(given(true)), "custody") == ""


def test_the_bytes_are_the_same_wherever_it_is_made(true):
    here = report_html(given(true))
    assert report_html(given(evidence())) == here
    program = (
        f"import sys; sys.path[:0] = [{str(VECTORS)!r}, {str(Path(__file__).parent)!r}]\n"
        "import test_page, hashlib\n"
        "print(hashlib.sha256(test_page.report_html(test_page.given(test_page.evidence()))).hexdigest())"
    )
    for seed, zone in (("1", "Asia/Damascus"), ("2", "Pacific/Apia")):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": "C"}
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == hashlib.sha256(here).hexdigest()


def test_it_does_not_depend_on_the_unicode_tables_of_the_interpreter(true):
    """A letter that Unicode 17 assigned, and one that it did not: shown alike, since the tables differ by version."""
    data = report_html(given(true, changed(true, predicate__title="\U00010940\U0003fffd"))).decode()
    assert "\U00010940\U0003fffd" in data


def test_a_timestamp_that_cannot_be_read_is_called_so(true):
    token = Token(About.CHECKPOINT, "alpha")
    facts = TokenFacts.of(token, b"garbage")
    assert facts.time is None
    data = report_html(dataclasses.replace(given(true), tokens=(facts,)))
    assert "nothing that could be read" in section(data, "time")


def test_a_quoted_text_that_is_no_checkpoint_is_called_so(true):
    statement = changed(true, predicate__freshness="what <is> this", predicate__freshnessTimestamps=[])
    assert "It quotes none that could be read." in Page(report_html(given(true, statement))).text


def test_its_size_is_bounded(true):
    statement = copy.deepcopy(true.statement)
    predicate = statement["predicate"]
    first = predicate["exchanges"][0] | {"purpose": "requisite", "redirectTo": None, "via": "v" * 1000}
    long = "http://site.example/" + "\u202e&" * 5_000
    predicate |= {
        "outcome": "partial",
        "finalUrl": "http://site.example/",
        "redirectChain": ["http://site.example/"],
        "reasons": ["\u202e" * 1_000] * 20_000,
        "exchanges": [
            first | {"number": number + 1, "url": long, "record": f"urn:uuid:00000000-0000-4000-8000-{number:012x}"}
            for number in range(20_000)
        ],
    }
    predicate["exchanges"][0] |= {"purpose": "page", "url": "http://site.example/"}
    facts = given(true)
    parsed = facts.statement.model_validate(statement)
    data = report_html(dataclasses.replace(facts, statement=parsed))
    assert len(data) < 20 << 20
    text = data.decode()
    assert "19,000 more are in the attestation and not shown here." in text
    assert "19,900 more are in the attestation and not shown here." in text
    assert "20,000 requests, 20,000 answered" in text


def test_a_usual_report_is_small(true):
    assert len(report_html(given(true))) < 60_000


@pytest.mark.parametrize("paper", list(Paper))
def test_the_paper_is_set_only_if_it_is_asked_for(true, paper):
    assert b"@page { size" not in report_html(given(true))
    assert f"@page {{ size: {paper}; }}".encode() in report_html(given(true), paper=paper)
