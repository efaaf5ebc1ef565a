"""`sijill report`: a verified report as HTML and PDF, whole or not at all, and no browser left behind."""

import json
import os
import tempfile
import time
from pathlib import Path

import pytest

from sijill.flows.errors import BrowserMissing, PdfNotMade
from sijill.flows.pdf import find_browser, print_pdf


@pytest.fixture
def browser(tool):
    tool("chromium", "chromium")
    return find_browser()


@pytest.fixture(scope="module")
def captured(sites, new_archive, tmp_path_factory):
    """Settings, and the id of a sealed capture of an Arabic page."""
    from sijill.flows.evidence import archive_url, seal
    from sijill.flows.wiring import open_archive

    settings = new_archive(tmp_path_factory.mktemp("archive"), sites.pins)
    archive = open_archive(settings)
    url = sites.url("sahlandoc.example", "/ar/2024/11/12/bayan-mushtarak-sijillat-zarqun/")
    made = archive_url(archive, url)
    seal(archive)
    return settings, made.capture.id


@pytest.fixture
def temporary(monkeypatch):
    """Where temporary files go during a test; a short path, and nothing may be left there."""
    with tempfile.TemporaryDirectory(prefix="t") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield folder
        assert list(Path(folder).iterdir()) == []


@pytest.fixture
def report(run, captured, tmp_path, temporary):
    settings, capture_id = captured

    def call(*arguments, **options):
        return run("sijill", "--config", settings, "report", capture_id, *arguments, cwd=tmp_path, **options)

    return call


def processes_of(folder):
    """Processes other than this one that have `folder` in their command line or environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            told = (path / "cmdline").read_bytes() + (path / "environ").read_bytes()
        except OSError:
            continue
        if os.fsencode(folder) in told and path.name != str(os.getpid()):
            found.append(told)
    return found


def none_left(folder):
    """Whether all such processes are gone; a killed one takes a moment to go."""
    for _ in range(200):
        if not processes_of(folder):
            return True
        time.sleep(0.05)
    return False


def test_html_is_the_default_and_tells_a_verification(report, captured, tmp_path):
    done = report()
    assert done.returncode == 0, done.stderr
    path = tmp_path / f"{captured[1]}.html"
    text = path.read_text(encoding="utf-8")
    assert "<strong>VERIFIED</strong>" in text
    assert "بيان مشترك" in text
    assert "Chain of custody" in text
    assert "captured</bdi>" in text
    assert "file://" not in text
    assert str(tmp_path) not in text
    assert f"{path.stat().st_size:,} bytes" in done.stdout
    assert "VERIFIED" in done.stdout
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.startswith(".")] == []


def test_json_names_the_file_by_its_digests(report, tmp_path):
    import hashlib

    done = report("-o", "r.html", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    data = (tmp_path / "r.html").read_bytes()
    assert (said["size"], said["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    assert said["verified"] is True
    assert said["notPassed"] == []
    assert said["packageSha256"] in data.decode()


def test_pdf_is_printed_by_a_browser_that_is_gone_afterwards(report, browser, temporary, tmp_path):
    path = tmp_path / "report.pdf"
    path.write_bytes(b"an older one")
    done = report("-o", path, "--paper", "letter")
    assert done.returncode == 0, done.stderr
    data = path.read_bytes()
    assert data.startswith(b"%PDF-")
    assert b"/MediaBox [0 0 612 792]" in data
    assert none_left(temporary)
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.startswith(".")] == []


def test_pdf_is_a4_unless_asked_otherwise(report, browser, tmp_path):
    assert report("-o", "report.pdf").returncode == 0
    assert b"/MediaBox [0 0 594.95996 841.91998]" in (tmp_path / "report.pdf").read_bytes()


def test_without_a_browser_one_line_says_what_to_install(report, tmp_path):
    (tmp_path / "empty").mkdir()
    path = tmp_path / "report.pdf"
    path.write_bytes(b"an older one")
    done = report("-o", path, env={"PATH": str(tmp_path / "empty")})
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "apt-get install chromium" in done.stderr
    assert path.read_bytes() == b"an older one"


def test_a_capture_that_does_not_verify_is_reported_as_such(report, captured, run, tmp_path):
    """The trust root asks for an authority's timestamp, and there is none."""
    settings, _ = captured
    trust = settings.with_name("trust.json")
    before = trust.read_bytes()
    trust.write_text(json.dumps(json.loads(before) | {"tsaRoots": [root_certificate()]}), encoding="utf-8")
    done = report("-o", "r.html")
    trust.write_bytes(before)
    assert done.returncode == 1, done.stderr
    assert "NOT VERIFIED: E-TSA-01" in done.stdout
    assert "<strong>NOT VERIFIED</strong>" in (tmp_path / "r.html").read_text(encoding="utf-8")


def root_certificate():
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a root")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    now = datetime.now(UTC)
    builder = builder.not_valid_before(now).not_valid_after(now + timedelta(days=1))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-o", "report.docx"), "must end in .html or .pdf"),
        (("-o", "nowhere/report.html"), "nowhere/report.html"),
        (("-o", "report.html", "--paper", "B5"), "--paper"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(report, tmp_path, arguments, said):
    before = sorted(tmp_path.iterdir())
    done = report(*arguments)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert said in done.stderr
    assert sorted(tmp_path.iterdir()) == before


def test_an_unknown_capture_leaves_what_was_there(run, captured, tmp_path):
    path = tmp_path / "report.html"
    path.write_bytes(b"an older one")
    done = run("sijill", "--config", captured[0], "report", "20200101t000000z-aaaaaaaaaaaa", "-o", path)
    assert done.returncode == 2
    assert "no such capture" in done.stderr
    assert path.read_bytes() == b"an older one"


def test_a_browser_that_hangs_is_ended_with_all_its_children(tmp_path, temporary):
    slow = script(tmp_path, 'sh -c "sleep 600 # $0" "$@" & sleep 600')
    page = written_page(tmp_path)
    with pytest.raises(PdfNotMade, match="no PDF after 1 s"):
        print_pdf(page, tmp_path / "out.pdf", browser=str(slow), seconds=1)
    assert none_left(temporary)


@pytest.mark.parametrize("wrong", ["exit 3", "exit 0", ': > "$pdf"', 'printf "%%PDF-1.4 cut" > "$pdf"'])
def test_a_browser_that_prints_no_whole_pdf_is_an_error(tmp_path, wrong):
    find = 'for word in "$@"; do case $word in --print-to-pdf=*) pdf=${word#*=};; esac; done'
    broken = script(tmp_path, f"{find}\n{wrong}")
    with pytest.raises(PdfNotMade, match="printed no PDF"):
        print_pdf(written_page(tmp_path), tmp_path / "out.pdf", browser=str(broken))


def test_a_browser_that_cannot_be_run_is_an_error(tmp_path):
    with pytest.raises(PdfNotMade, match="No such file"):
        print_pdf(written_page(tmp_path), tmp_path / "out.pdf", browser=str(tmp_path / "none"))


def test_no_browser_is_found_where_there_is_none(tmp_path):
    with pytest.raises(BrowserMissing):
        find_browser(str(tmp_path))


def test_the_browser_has_no_network(browser, temporary, tmp_path):
    """Not even to this machine: a page that asks for an image brings no connection."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        port = server.getsockname()[1]
        page = tmp_path / "page.html"
        page.write_text(f'<img src="http://127.0.0.1:{port}/x.png"><img src="http://localhost:{port}/y.png">')
        print_pdf(page, tmp_path / "out.pdf", browser=browser)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert none_left(temporary)


def script(folder, body):
    path = folder / "browser"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o700)
    return path


def written_page(folder):
    page = folder / "page.html"
    page.write_text("<p>page</p>")
    return page
