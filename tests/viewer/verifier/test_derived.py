"""`report.html` as the page makes it, beside `report.html` as the exporter makes it: for far more than the vectors."""

import copy
import dataclasses
import json
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from browsers import failing, shown
from evidence import evidence
from revisits import SHARING

from sijill.archive.digest import digest_bytes
from sijill.provenance.attest.canonical import canonical
from sijill.provenance.attest.statement import parse_statement
from sijill.provenance.attest.timestamps import format_timestamp
from sijill.provenance.errors import MalformedCheckpoint
from sijill.provenance.log.checkpoint import parse_checkpoint
from sijill.provenance.log.proof import parse_proof
from sijill.provenance.package_layout import About, Token
from sijill.provenance.report.browser import MOST_EMBEDDED, shown_pictures
from sijill.provenance.report.page import ReportInput, TokenFacts, report_html

pytestmark = pytest.mark.timeout(600)

VERIFIER = Path(__file__).resolve().parents[3] / "viewer" / "verifier"
MARKUP = "</title></code><script>alert(1)</script><img src=x onerror=y>&amp;\"'"
HOSTILE = f"{MARKUP}\u202e\u2066\x1b[31m\x00\u200f\ue000\U000e0041\U00010940\U0003fffd\u200c\ufffd\xad بيان"
LONG = "𝕏" * 500 + "é" * 499


def given(made, statement=None, **edits):
    """What the report of `made` is made from, with another statement; and that statement as JSON."""
    statement = statement or made.statement
    parsed = parse_statement(canonical(statement))
    facts = ReportInput(
        statement=parsed,
        envelope=made.envelope,
        proof=parse_proof(made.proof),
        keyid=made.key.keyid,
        log_vkey=made.log.vkey,
        tokens=tuple(TokenFacts.of(token, data) for token, data in sorted(made.tokens.items())),
        pictures={name: made.others[name] for name in shown_pictures(parsed)},
    )
    return dataclasses.replace(facts, **edits), statement


def edited(made, edit):
    statement = copy.deepcopy(made.statement)
    edit(statement["predicate"])
    return given(made, statement)


def hostile(predicate):
    for exchange in predicate["exchanges"]:
        exchange["mediaType"] = HOSTILE if exchange["mediaType"] else None
        exchange["via"] = exchange["via"] and HOSTILE
        if exchange["tls"]:
            exchange["tls"] |= {"version": HOSTILE, "cipher": HOSTILE}
            exchange["tls"]["verifyError"] = exchange["tls"]["verifyError"] and HOSTILE
        if exchange["failure"]:
            exchange["failure"]["detail"] = HOSTILE
        if exchange["server"]:
            exchange["server"]["pinned"] = True
    predicate |= {
        "title": HOSTILE,
        "target": HOSTILE,
        "reasons": [HOSTILE] * 150,
        "collector": {"name": HOSTILE, "contact": HOSTILE},
        "egress": "2001:db8::1",
        "supersedes": "20250101t000000z-aaaaaaaaaaaa",
        "trigger": "schedule",
        "software": [{"name": HOSTILE, "version": HOSTILE}],
        "robots": {"consulted": True, "decision": HOSTILE, "reason": HOSTILE},
        "orchestrator": {"name": "prefect", "version": HOSTILE, "flowRunId": HOSTILE},
        "berkeley": [item | {"reason": HOSTILE} for item in predicate["berkeley"]],
    }
    predicate["times"]["clock"]["offsetMicroseconds"] = -1234567
    predicate["settings"] |= {
        "userAgent": HOSTILE,
        "allowedNetworks": [f"10.0.{number}.0/24" for number in range(103)],
        "pins": {"\ufffd": "192.0.2.1", "𝕏": "192.0.2.2", "1": "::1", "10": "::1", "2": "::1", "__proto__": "::2"},
        "rejectInvalidCertificates": True,
    }


def hostile_browser(predicate):
    browser = predicate["browser"]
    browser |= {"name": HOSTILE, "version": HOSTILE, "userAgent": HOSTILE, "language": HOSTILE, "timeZone": HOSTILE}
    browser |= {"colorScheme": HOSTILE, "waiting": {HOSTILE: HOSTILE, "\ufffd": 1234567, "𝕏": 0}}
    browser |= {"sandboxed": False, "headless": False, "deviceScaleFactorThousandths": 2005, "quality": None}
    browser |= {"blockedLeftOut": 12345, "notCollected": [], "scripts": browser["scripts"] * 60}
    browser["blocked"] = [
        {"kind": kind, "url": url, "reason": HOSTILE * 4}
        for url in ("", HOSTILE * 5)
        for kind in (
            *("websocket", "webrtc", "service-worker", "download", "popup", "dialog", "permission", "address"),
            *("scheme", "navigation", "connection", "request", "limit"),
        )
    ] * 8


def without_picture(predicate):
    browser = predicate["browser"]
    browser |= {"blocked": [], "scripts": [], "waiting": {}, "notCollectedLeftOut": 1}


def many(predicate):
    last = predicate["exchanges"][-1]
    for _ in range(1_100):
        number = len(predicate["exchanges"]) + 1
        record = last["record"] and f"urn:uuid:00000000-0000-4000-8000-{number:012x}"
        again = copy.deepcopy(last) | {"number": number, "record": record}
        predicate["exchanges"].append(again)


def long(predicate):
    predicate |= {"title": LONG, "target": LONG * 3, "egress": None, "collector": {"commitment": "ab" * 32}}
    predicate["robots"] = {"consulted": False, "decision": None, "reason": LONG + "x"}
    predicate["times"]["clock"]["offsetMicroseconds"] = 0
    predicate["settings"]["pins"] = {}


def unanswered(predicate):
    predicate |= {"exchanges": [], "redirectChain": [], "finalUrl": None, "outcome": "failed", "reasons": ["nothing"]}


def cases():
    true, in_browser, revisiting = evidence(), evidence(shown()), SHARING
    yield "true", given(true)
    yield "hostile", edited(true, hostile)
    yield "long", edited(true, long)
    yield "many", edited(true, many)
    yield "unanswered", edited(true, unanswered)
    yield "fallback", given(evidence(failing()))
    yield "browser", given(in_browser)
    yield "browser, hostile", edited(in_browser, hostile_browser)
    yield "browser, nothing blocked", edited(in_browser, without_picture)
    large = copy.deepcopy(in_browser.statement)
    next(one for one in large["subject"] if one["name"] == "screenshot-2.png")["annotations"]["size"] = MOST_EMBEDDED
    yield "browser, too large a picture", given(in_browser, large)
    yield "revisits", given(revisiting)
    yield "nothing quoted", given(evidence(freshness=b""))
    garbled = TokenFacts.of(Token(About.CHECKPOINT, "alpha"), b"garbage")
    yield "a token that is none", given(true, tokens=(garbled,))
    proof = parse_proof(true.proof)
    bare = dataclasses.replace(proof.checkpoint.note, signatures=proof.checkpoint.note.signatures[:1])
    bare = dataclasses.replace(proof, checkpoint=dataclasses.replace(proof.checkpoint, note=bare))
    yield "nobody outside", given(evidence(freshness=b""), tokens=(), proof=bare)


def as_json(facts, statement):
    """`facts` as the page's own report takes them, bytes in hexadecimal."""
    envelope = digest_bytes(facts.envelope)
    quoted = statement["predicate"]["freshness"]
    try:
        head = None if quoted is None else _head(parse_checkpoint(quoted.encode()))
    except MalformedCheckpoint:
        head = None
    return {
        "statement": statement,
        "envelope": {"sha256": envelope.sha256.hex, "blake3": envelope.blake3.hex, "size": envelope.size},
        "proof": {
            "index": facts.proof.index,
            "hashes": len(facts.proof.hashes),
            "checkpoint": _head(facts.proof.checkpoint),
        },
        "quoted": head,
        "keyid": facts.keyid,
        "logVkey": facts.log_vkey,
        "tokens": [_token(stamp) for stamp in facts.tokens],
        "pictures": [(name, data.hex()) for name, data in facts.pictures.items()],
    }


def _head(signed):
    return {
        "origin": signed.checkpoint.origin,
        "size": signed.checkpoint.size,
        "root": signed.checkpoint.root.hex(),
        "signatures": [
            {"name": one.name, "keyId": one.key_id.hex(), "value": one.value.hex()} for one in signed.note.signatures
        ],
    }


def _token(stamp):
    return {
        "about": str(stamp.token.about),
        "path": stamp.token.path,
        "sha256": stamp.sha256,
        "time": None if stamp.time is None else format_timestamp(stamp.time),
        "accuracy": None if stamp.accuracy is None else stamp.accuracy // timedelta(microseconds=1),
        "signerSha256": stamp.signer_sha256,
    }


CASES = dict(cases())


@pytest.fixture(scope="module")
def reports(node):
    """The page's reports by name of the case."""
    given = json.dumps([as_json(*case) for case in CASES.values()])
    done = subprocess.run(
        [node, VERIFIER / "test" / "reports.mjs"], input=given, capture_output=True, text=True, check=True, timeout=500
    )
    return dict(zip(CASES, json.loads(done.stdout), strict=True))


@pytest.mark.parametrize("name", CASES)
def test_the_page_makes_the_same_report_as_the_exporter(name, reports):
    assert reports[name] == report_html(CASES[name][0]).decode()
