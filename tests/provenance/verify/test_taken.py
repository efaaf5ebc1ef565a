"""A capture that takes something from others: its package replays alone, and stock tools find it in order."""

from __future__ import annotations

import gzip
import http.client
import importlib.util
import io
import re
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from captures import CAPTURE_ID, GIF, IMAGE
from evidence import FULL_TRUST, zipped
from revisits import FIRST_ID, HTML, SCRIPT, SCRIPT_URL, SECOND_ID, SHARING, STYLE, STYLE_URL, TAKEN

from sijill.archive.capture.spool import MemoryBody
from sijill.archive.warc.wacz import ARCHIVE, DEPENDENCIES, INDEX
from sijill.provenance.package import UnfitForPackage, evidence_package
from sijill.provenance.verify.codes import Code
from sijill.provenance.verify.report import Status
from sijill.provenance.verify.verify import verify_package, verify_parts

BIN = Path(sys.executable).parent
TESTS = Path(__file__).resolve().parents[2]
PYWB = (sys.executable, "-W", "ignore", str(TESTS / "archive" / "warc" / "pywb_process.py"))


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The package, in a file."""
    path = tmp_path / f"{CAPTURE_ID}.wacz"
    path.write_bytes(zipped(SHARING.files()))
    return path


@pytest.fixture
def unpacked(package: Path) -> Path:
    """The package's files in a folder."""
    folder = package.with_name("unpacked")
    with zipfile.ZipFile(package) as files:
        files.extractall(folder)
    return folder


def run(*arguments: str | Path) -> str:
    done = subprocess.run(
        [BIN / arguments[0], *arguments[1:]], capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def get(port: int, path: str) -> tuple[int, str, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.getheader("Content-Type", ""), response.read()
    finally:
        connection.close()


@pytest.fixture
def pywb(tmp_path: Path, package: Path) -> Iterator[int]:
    """The port of a pywb that has this package and nothing else."""
    if importlib.util.find_spec("pywb") is None:
        pytest.skip("pywb is not installed: pip install --group dev")
    folder = tmp_path / "pywb"
    folder.mkdir()
    for arguments in (["init", "alone"], ["add", "--unpack-wacz", "alone", package]):
        done = subprocess.run(
            [*PYWB, "wb-manager", *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*PYWB, "wayback", "-b", "127.0.0.1", "-p", str(port), "-d", folder], stdout=log, stderr=log, cwd=folder
        )
    try:
        end = time.monotonic() + 60
        with socket.socket() as probe:
            while probe.connect_ex(("127.0.0.1", port)) and time.monotonic() < end:
                assert process.poll() is None, (folder / "log").read_text()
                time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=30)


def test_the_package_replays_alone(pywb):
    assert get(pywb, "/alone/20261121011630id_/https://site.example/statement")[2] == HTML
    for url, media_type, body in (
        (STYLE_URL, "text/css", STYLE),
        (IMAGE, "image/gif", GIF),
        (SCRIPT_URL, "text/javascript", SCRIPT),
    ):
        status, stated, found = get(pywb, f"/alone/20261121011630id_/{url}")
        assert (status, stated.partition(";")[0], found) == (200, media_type, body)


def test_stock_tools_find_nothing_wrong(package, unpacked):
    for name in (ARCHIVE, DEPENDENCIES):
        run("warcio", "check", unpacked / name)
        run("fastwarc", "check", unpacked / name)
    assert "Validation succeeded" in run("wacz", "validate", "-f", package)


def test_cdxj_indexer_writes_the_same_lines(unpacked):
    """Byte for byte, but for the digest of the one record without a payload digest: it takes the SHA-1 of chunks."""
    theirs: list[str] = []
    for name in (ARCHIVE, DEPENDENCIES):
        theirs += run("cdxj-indexer", "-s", "--records", "response,revisit", unpacked / name).splitlines()
    theirs = [line for line in theirs if '"status": "304"' not in line]
    digest = re.compile(r'"digest": "[^"]+"')
    ours = gzip.decompress((unpacked / INDEX).read_bytes()).decode().splitlines()
    assert len(ours) == 7
    for their, our in zip(sorted(theirs), ours, strict=True):
        assert their == our or "sha1:" in their
        assert digest.sub("", their) == digest.sub("", our)
    assert sum(their != our for their, our in zip(sorted(theirs), ours, strict=True)) == 1


def taken_of(made, taken: bytes | None):
    """The package with other bytes taken from others."""
    return evidence_package(
        envelope=made.envelope,
        warc=MemoryBody(made.warc),
        proof=made.proof,
        key=made.key,
        log=made.log,
        tokens=made.tokens,
        dependencies=None if taken is None else MemoryBody(taken),
    )


@pytest.mark.parametrize("taken", [None, b"", TAKEN[:-1], TAKEN + b"\0", b"\0" + TAKEN[1:]])
def test_no_package_is_made_of_other_records(taken):
    with pytest.raises(UnfitForPackage, match=DEPENDENCIES):
        taken_of(SHARING, taken)


def test_no_package_is_made_of_records_where_none_are_attested(true):
    with pytest.raises(UnfitForPackage, match="not attested"):
        taken_of(true, TAKEN)


def parts(taken: bytes | None):
    """What is said of the capture without a package."""
    source = None if taken is None else io.BytesIO(taken)
    return verify_parts(
        io.BytesIO(SHARING.warc),
        SHARING.envelope,
        SHARING.proof,
        FULL_TRUST,
        tokens=SHARING.tokens,
        dependencies=source,
    )


def test_the_parts_of_a_package_need_what_is_taken_from_others():
    assert parts(TAKEN).holds
    without = parts(None)
    assert (without.holds, without.failed) == (False, (Code.WARC_05,))
    assert parts(TAKEN[:-1]).failed == (Code.WARC_05,)


def test_a_capture_that_takes_nothing_needs_nothing(true, verify):
    check = verify(zipped(true.files())).check(Code.WARC_05)
    assert (check.status, check.required) == (Status.NOT_CHECKED, False)
    check = verify(zipped(SHARING.files())).check(Code.WARC_05)
    assert (check.status, check.required) == (Status.PASSED, True)


def test_any_flipped_byte_of_what_is_taken_is_found():
    files = SHARING.files()
    for place in range(0, len(TAKEN), 41):
        changed = bytearray(TAKEN)
        changed[place] ^= 1
        report = verify_package(io.BytesIO(zipped({**files, DEPENDENCIES: bytes(changed)})), FULL_TRUST)
        assert Code.WARC_05 in report.failed
        assert not report.holds


def test_the_report_and_the_instructions_tell_of_it(true):
    files, plain = SHARING.files(), true.files()
    report, text = (files[f"provenance/{name}"].decode() for name in ("report.html", "VERIFY.txt"))
    assert "Bytes that other captures received" in report
    assert "2 requests" not in report
    assert "4 requests, 4 answered" in report
    for said in (FIRST_ID, SECOND_ID, "2026-10-14T06:00:00.300000Z", "E-WARC-05", "no request was sent"):
        assert said in report
    assert "dependencies.warc.gz" in text
    for name in ("report.html", "VERIFY.txt"):
        assert b"dependencies" not in plain[f"provenance/{name}"]
        assert b"E-WARC-05" not in plain[f"provenance/{name}"]
