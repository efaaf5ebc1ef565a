import importlib.util
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from asn1crypto import tsp

SCRIPT = Path(__file__).resolve().parents[2] / "deployments" / "tsa" / "serve.py"


@pytest.fixture(scope="module")
def server(tool):
    tool("openssl", "openssl")
    spec = importlib.util.spec_from_file_location("tsa_server", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["tsa_server"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def query(tmp_path):
    """A request over `tmp_path / "message"`, made by openssl."""
    (tmp_path / "message").write_bytes(b"to be stamped")
    openssl(tmp_path, "ts", "-query", "-data", "message", "-sha256", "-cert", "-out", "query.tsq")
    return (tmp_path / "query.tsq").read_bytes()


def openssl(folder, *arguments):
    return subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout


def ask(url, query, content_type="application/timestamp-query"):
    request = urllib.request.Request(url, query, headers={"Content-Type": content_type})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.headers["Content-Type"], answer.read()


@pytest.mark.parametrize("intermediate", [False, True])
def test_openssl_verifies_what_it_answers(server, query, tmp_path, intermediate):
    with server.serve_tsa("one", intermediate=intermediate) as tsa:
        content_type, response = ask(tsa.url, query)
    assert content_type == "application/timestamp-reply"
    (tmp_path / "root.pem").write_text(tsa.root_pem)
    (tmp_path / "untrusted.pem").write_text(tsa.intermediate_pem or tsa.certificate_pem)
    (tmp_path / "response.tsr").write_bytes(response)
    files = ("-queryfile", "query.tsq", "-in", "response.tsr", "-CAfile", "root.pem", "-untrusted", "untrusted.pem")
    openssl(tmp_path, "ts", "-verify", *files)
    assert (tsa.intermediate_pem is not None) is intermediate


def test_many_at_once_get_serial_numbers_of_their_own(server, query):
    with server.serve_tsa("busy") as tsa, ThreadPoolExecutor(12) as threads:
        responses = list(threads.map(lambda _: ask(tsa.url, query)[1], range(24)))
        assert tsa.requests == 24
    serials = {info(response)["serial_number"].native for response in responses}
    assert len(serials) == 24


def info(response):
    return tsp.TimeStampResp.load(response)["time_stamp_token"]["content"]["encap_content_info"]["content"].parsed


def test_two_authorities_have_nothing_in_common(server):
    with server.serve_tsa("one") as one, server.serve_tsa("two") as two:
        assert len({one.url, two.url}) == len({one.root_pem, two.root_pem}) == 2


def test_it_fails_as_told_and_then_no_more(server, query):
    asked = tsp.TimeStampReq.load(query)
    with server.serve_tsa("faulty") as tsa:
        tsa.fault = server.Fault.OTHER_NONCE
        other = info(ask(tsa.url, query)[1])
        assert other["nonce"].native != asked["nonce"].native
        assert other["message_imprint"].native == asked["message_imprint"].native
        tsa.fault = server.Fault.OTHER_BYTES
        other = info(ask(tsa.url, query)[1])
        assert other["nonce"].native == asked["nonce"].native
        assert other["message_imprint"].native != asked["message_imprint"].native
        tsa.fault = server.Fault.ERROR
        with pytest.raises(urllib.error.HTTPError, match="500"):
            ask(tsa.url, query)
        tsa.fault = server.Fault.CLOSED
        with pytest.raises(ConnectionError):
            ask(tsa.url, query)
        tsa.fault = server.Fault.NONE
        assert info(ask(tsa.url, query)[1])["nonce"].native == asked["nonce"].native
        assert tsa.requests == 5


def test_it_takes_timestamp_queries_only(server, query):
    with server.serve_tsa("strict") as tsa:
        with pytest.raises(urllib.error.HTTPError, match="400"):
            ask(tsa.url, query, "application/octet-stream")
        with pytest.raises(urllib.error.HTTPError, match="400"):
            ask(tsa.url, query + bytes(5000))
        assert tsa.requests == 0


def test_as_a_script_it_writes_its_root_and_leaves_nothing_else(server, query, tmp_path):
    command = [sys.executable, SCRIPT, "--port", "0", "--root", tmp_path / "root.pem"]
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = {**os.environ, "TMPDIR": str(temporary)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        url = process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:[0-9]+/", url)
        (tmp_path / "response.tsr").write_bytes(ask(url, query)[1])
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    openssl(tmp_path, "ts", "-verify", "-queryfile", "query.tsq", "-in", "response.tsr", "-CAfile", "root.pem")
    assert not list(temporary.iterdir())
