"""Both verifiers on packages that nobody thought of: bytes, records and members changed by chance, always the same."""

import copy
import hashlib
import json
import random
import re
import subprocess
from pathlib import Path

import pytest
from browsers import shown
from captures import records_of, warc_of
from evidence import ATTESTATION_KEY, FULL_TRUST, attested, evidence, proof_of, zipped
from revisits import SHARING

from sijill.provenance.attest.envelope import PAYLOAD_TYPE, sign_envelope
from sijill.provenance.package_layout import ATTESTATION, PROOF, subject_path
from sijill.provenance.verify.render import report_json
from sijill.provenance.verify.trust import format_trust, parse_trust
from sijill.provenance.verify.verify import verify_package

pytestmark = pytest.mark.timeout(600)

VERIFIER = Path(__file__).resolve().parents[3] / "viewer" / "verifier"
EACH = 40
VALUES = (None, True, 0, -1, 1.5, 2**53, "", "x" * 1001, [], {}, "\u202e", "\ud800", [None], {"a": 1}, "http://a/b")


def altered(chance, data):
    """The bytes with one of them changed, some left out, or some put in."""
    place = chance.randrange(len(data))
    match chance.randrange(3):
        case 0:
            return data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :]
        case 1:
            return data[:place] + data[place + chance.randrange(1, 20) :]
    return data[:place] + chance.choice((b"\r\n", b" ", b"\0", b"\xff", b"0", b'"')) + data[place:]


def file_altered(chance, base):
    """A package with one of its files altered."""
    files = base.files()
    name = chance.choice(sorted(files))
    return files | {name: altered(chance, files[name])}


def timestamp_altered(chance, base):
    """A package with one byte of a timestamp altered, so that it is DER still."""
    files = base.files()
    name = chance.choice(sorted(name for name in files if name.endswith(".tsr")))
    data = bytearray(files[name])
    data[chance.randrange(len(data))] = data[chance.randrange(len(data))]
    return files | {name: bytes(data)}


def record_altered(chance, base):
    """A package with one record of the WARC altered, its length and digest made right, and all of it signed."""
    records = records_of(base.warc)
    place = chance.randrange(len(records))
    head, blank, rest = altered(chance, records[place]).partition(b"\r\n\r\n")
    block = rest.removesuffix(b"\r\n\r\n")
    head = re.sub(rb"(Content-Length: )\d+", rb"\g<1>%d" % len(block), head)
    digest = hashlib.sha256(block).hexdigest().encode()
    head = re.sub(rb"(Block-Digest: sha256:)[0-9a-f]{64}", rb"\g<1>%s" % digest, head)
    records[place] = head + blank + block + b"\r\n\r\n"
    made = attested(base, warc=warc_of(records))
    return base.files() | made.signed_files() | {subject_path("data.warc.gz"): made.warc}


def places(value, path=()):
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield (*path, key)
            yield from places(value[key], (*path, key))


def statement_altered(chance, base):
    """A package with one member of the statement left out, doubled, or of another value, and all of it signed."""
    statement = copy.deepcopy(base.statement)
    *steps, last = chance.choice(list(places(statement)))
    at = statement
    for step in steps:
        at = at[step]
    match chance.randrange(4):
        case 0:
            del at[last]
        case 1 if isinstance(at, dict):
            at["another"] = 1
        case 2 if isinstance(at[last], str):
            at[last] = chance.choice((f"{at[last]}x", at[last][:-1], at[last].upper(), f" {at[last]}", f"{at[last]}\n"))
        case _:
            at[last] = chance.choice(VALUES)
    written = json.dumps(statement, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    envelope = sign_envelope(written.encode("utf-8", "backslashreplace"), PAYLOAD_TYPE, [ATTESTATION_KEY])
    return base.files() | {ATTESTATION: envelope, PROOF: proof_of(envelope)}


ALTERATIONS = (file_altered, timestamp_altered, record_altered, statement_altered)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("altered")


@pytest.mark.parametrize("alter", ALTERATIONS, ids=lambda alter: alter.__name__)
def test_both_say_the_same_of_what_chance_makes(alter, node, folder):
    chance = random.Random(f"{alter.__name__} 1")
    bases = (evidence(), evidence(shown()), SHARING)
    trust = folder / "trust.json"
    trust.write_bytes(format_trust(FULL_TRUST))
    paths = [folder / f"{alter.__name__}-{number}.wacz" for number in range(EACH)]
    for path in paths:
        path.write_bytes(zipped(alter(chance, chance.choice(bases))))
    done = subprocess.run(
        [node, VERIFIER / "test" / "verifications.mjs"],
        input=json.dumps({"cases": [{"package": str(path), "trust": str(trust)} for path in paths], "pages": []}),
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr
    different = {}
    refused = 0
    for path, found in zip(paths, json.loads(done.stdout), strict=True):
        with path.open("rb") as source:
            wanted = report_json(verify_package(source, parse_trust(trust.read_bytes())))
        refused += not wanted["verified"]
        if comparable(found["report"]) != comparable(wanted):
            different[path.name] = [
                (one["code"], one["status"], one["findings"], other["status"], other["findings"])
                for one, other in zip(wanted["checks"], found["report"]["checks"], strict=True)
                if one != other
            ]
    assert different == {}
    assert refused > EACH / 2


def comparable(report):
    """A report without what a DER library says, which each has its own words for."""
    report = copy.deepcopy(report)
    for finding in (finding for check in report["checks"] for finding in check["findings"]):
        finding["found"] = re.sub(r"(timestamp response in DER|cannot be read): .*", r"\1", finding["found"])
    return report
