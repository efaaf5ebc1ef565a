"""The commands while an outside party is away: nothing is lost, and what was missed is made up for."""

import json
import socket
import threading
from contextlib import contextmanager
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from urllib.parse import urlsplit
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def sijill(run):
    def call(settings, *arguments):
        return run("sijill", "--config", settings, *arguments)

    return call


@pytest.fixture(scope="module")
def serve_tsa(script, tool):
    tool("openssl", "openssl")
    return script(ROOT / "deployments" / "tsa" / "serve.py", "tsa_of_outages").serve_tsa


@pytest.fixture
def page(sites):
    return sites.url("remedylawyers.example")


def with_authority(settings, tsa, url):
    (settings.parent / "roots.pem").write_text(tsa.root_pem)
    with settings.open("a", encoding="utf-8") as file:
        file.write(f'\n[[timestamps]]\nname = "first"\nurl = "{url}"\nroots = "roots.pem"\ntimeout_seconds = 30\n')


def captured(done):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def verified(run, package, settings):
    done = run("sijill-verify", package, "--trust", settings.parent / "trust.json", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def passed(report, code):
    [check] = [check for check in report["checks"] if check["code"] == code]
    return check["status"] == "passed"


def test_a_timestamp_over_the_attestation_goes_into_the_package_and_counts(
    sijill, run, serve_tsa, page, archive_settings, tmp_path
):
    with serve_tsa("first") as tsa:
        with_authority(archive_settings, tsa, tsa.url)
        assert sijill(archive_settings, "trust", "refresh").returncode == 0
        answer = captured(sijill(archive_settings, "capture", "--timestamp", "attestation", "--json", page))
        assert tsa.requests == 2, "one about the attestation, one about the checkpoint"
    [capture] = answer["captures"]
    package = tmp_path / "page.wacz"
    assert sijill(archive_settings, "export", capture["captureId"], "-o", package).returncode == 0
    of_both = {"provenance/attestation.first.tsr", "provenance/checkpoint.first.tsr"}
    with ZipFile(package) as zipped:
        assert of_both <= set(zipped.namelist())
        content = {name: zipped.read(name) for name in zipped.namelist()}
    report = verified(run, package, archive_settings)
    assert passed(report, "E-TSA-01")
    assert passed(report, "E-TSA-02")
    # Without a checkpoint's timestamp nothing else can date it: this is what the attestation's own is for.
    (tmp_path / "attestation.dsse.json").write_bytes(content["provenance/attestation.dsse.json"])
    (tmp_path / "attestation.first.tsr").write_bytes(content["provenance/attestation.first.tsr"])
    (tmp_path / "inclusion.tlog-proof").write_bytes(content["provenance/inclusion.tlog-proof"])
    (tmp_path / "data.warc.gz").write_bytes(content["archive/data.warc.gz"])
    arguments = ("--attestation", "attestation.dsse.json", "--proof", "inclusion.tlog-proof")
    trust = ("--trust", archive_settings.parent / "trust.json", "--json")
    dated = ("--timestamp", "attestation.first.tsr")
    alone = run("sijill-verify", "data.warc.gz", *arguments, *dated, *trust, cwd=tmp_path)
    without = run("sijill-verify", "data.warc.gz", *arguments, *trust, cwd=tmp_path)
    assert json.loads(alone.stdout)["notAfter"]["vouchers"] == ["timestamping authority 1"]
    assert json.loads(without.stdout)["notAfter"] is None


@contextmanager
def relayed(port, upstream):
    """Connections to `port` are passed on to the server at `upstream`, one request and one answer each."""

    class Handler(StreamRequestHandler):
        def handle(self):
            with socket.create_connection(upstream, timeout=30) as connection:
                request = b""
                while b"\r\n\r\n" not in request:
                    request += self.connection.recv(1 << 16)
                head, _, body = request.partition(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
                connection.sendall(request + self.rfile.read(length - len(body)))
                while answer := connection.recv(1 << 16):
                    self.wfile.write(answer)

    class Relay(ThreadingTCPServer):
        allow_reuse_address = True

    with Relay(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def test_a_dead_authority_is_asked_again_by_the_next_sealing(sijill, run, serve_tsa, page, archive_settings, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with serve_tsa("first") as tsa:
        with_authority(archive_settings, tsa, f"http://127.0.0.1:{port}/")
        assert sijill(archive_settings, "trust", "refresh").returncode == 0
        captures = []
        for _ in range(2):
            answer = captured(sijill(archive_settings, "capture", page, "--json"))
            assert answer["log"]["partners"] == [
                {"name": "first", "held": False, "problem": "the connection was refused"}
            ]
            captures += answer["captures"]
        in_vain = sijill(archive_settings, "seal")
        assert in_vain.returncode == 0
        assert in_vain.stderr == "missing: first: the connection was refused; asked again by the next sealing\n"
        assert tsa.requests == 0
        upstream = urlsplit(tsa.url)
        with relayed(port, (upstream.hostname, upstream.port)):
            held = sijill(archive_settings, "seal")
            assert (held.returncode, held.stderr) == (0, "")
            assert "vouched for by: first" in held.stdout
            asked = tsa.requests
            assert asked >= 1
            assert sijill(archive_settings, "seal").stderr == ""
            assert tsa.requests == asked, "what is held is not asked for again"
    for capture in captures:
        package = tmp_path / f"{capture['captureId']}.wacz"
        assert sijill(archive_settings, "export", capture["captureId"], "-o", package).returncode == 0
        assert passed(verified(run, package, archive_settings), "E-TSA-01")


@pytest.fixture
def ill_s3(s3, script):
    """A proxy before the S3 server, and what it can do to requests."""
    faults = script(ROOT / "tests" / "storage" / "proxy.py", "faults_of_outages")
    with faults.between(s3.endpoint) as proxy:
        yield proxy, faults


def test_a_store_that_answers_500_for_a_while(ill_s3, sijill, new_archive, sites, page, tmp_path):
    proxy, faults = ill_s3
    url = f"s3://versioned/{tmp_path.name}?endpoint={proxy.endpoint}"
    settings = new_archive(tmp_path / "archive", sites.pins, url=url)
    [first] = captured(sijill(settings, "capture", page, "--json"))["captures"]

    for what in ("objects/sha256/", "captures/2"):
        ill = faults.Fault(status=500)
        proxy.choose = faults.times(
            faults.ALWAYS, lambda asked, what=what: asked.puts_object and what in asked.path, ill
        )
        done = sijill(settings, "capture", page, "--json")
        assert done.returncode == 3
        assert done.stdout == ""
        [line] = done.stderr.splitlines()
        assert line.startswith(f"sijill: {what}")
        assert "500" in line
        assert len(sijill(settings, "list").stdout.splitlines()) == 1
    proxy.choose = lambda _request: None
    [last] = captured(sijill(settings, "capture", page, "--json"))["captures"]
    listed = [line.split()[0] for line in sijill(settings, "list").stdout.splitlines()]
    # The second attempt could not store what the first one had left, and so fetched nothing of its own.
    assert len(listed) == 3
    assert [listed[0], listed[-1]] == [first["captureId"], last["captureId"]]
    for capture_id in listed:
        assert sijill(settings, "export", capture_id, "-o", tmp_path / f"{capture_id}.wacz").returncode == 0
    audited = sijill(settings, "audit", "--json")
    assert audited.returncode == 0, audited.stdout + audited.stderr
