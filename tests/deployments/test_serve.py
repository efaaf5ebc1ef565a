"""The sample sites' server, seen from a raw socket."""

from __future__ import annotations

import gzip
import re
import socket
import subprocess
import sys

import pytest

JOINT_STATEMENT = "/2024/11/12/joint-statement-keep-the-records-of-zarqun/"
SDC = "sahlandoc.example"


class Wire:
    """One connection; `get` sends one request on it and reads exactly one response."""

    def __init__(self, sites):
        self._socket = socket.create_connection((sites.address, sites.port), timeout=10)
        self.stream = self._socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()
        self._socket.close()

    def get(self, path, host=SDC, *headers, method="GET"):
        lines = [f"{method} {path} HTTP/1.1", *([f"Host: {host}"] if host else []), *headers, "", ""]
        self._socket.sendall("\r\n".join(lines).encode())
        status = int(self.stream.readline().split()[1])
        found = {}
        while (line := self.stream.readline()) != b"\r\n":
            name, _, value = line.decode().partition(":")
            found[name.lower()] = value.strip()
        if method == "HEAD":
            return status, found, b""
        if found.get("transfer-encoding") == "chunked":
            return status, found, self._chunks()
        return status, found, self.stream.read(int(found["content-length"]))

    def _chunks(self):
        parts = []
        while True:
            size = self.stream.readline()
            assert re.fullmatch(rb"[0-9a-f]+\r\n", size)
            parts.append(self.stream.read(int(size, 16)))
            assert self.stream.read(2) == b"\r\n"
            if not parts[-1]:
                assert len(parts) > 2, "one chunk only would show nothing"
                return b"".join(parts)


@pytest.fixture
def wire(sites):
    with Wire(sites) as connection:
        yield connection


def test_one_connection_carries_many_requests_for_different_hosts(sites, wire):
    for host in sites.hosts:
        status, headers, body = wire.get("/", host)
        assert status == 200
        assert headers["content-type"] == "text/html; charset=utf-8"
        assert b"<!DOCTYPE html>" in body


def test_url_and_pins_name_every_host_with_the_port(sites):
    assert sites.url(SDC, "/ar/") == f"http://{SDC}:{sites.port}/ar/"
    assert sites.pins == {f"{host}:{sites.port}": "127.0.0.1" for host in sites.hosts}
    with pytest.raises(ValueError, match="not among"):
        sites.url("elsewhere.example")
    with pytest.raises(ValueError, match="slash"):
        sites.url(SDC, "ar/")


def test_old_address_moved(wire):
    status, headers, _ = wire.get("/node/118")
    assert (status, headers["location"]) == (301, JOINT_STATEMENT)


def test_folder_without_slash_moves_and_keeps_the_query(wire):
    status, headers, _ = wire.get("/statements?page=2")
    assert (status, headers["location"]) == (301, "/statements/?page=2")


def test_joint_statement_is_chunked_and_gzip_encoded(demo, sites, wire):
    status, headers, body = wire.get(JOINT_STATEMENT, SDC, "Accept-Encoding: gzip, deflate")
    assert status == 200
    assert headers["content-encoding"] == "gzip"
    assert headers["transfer-encoding"] == "chunked"
    assert "content-length" not in headers
    assert body[4:8] == b"\0\0\0\0"  # RFC 1952 §2.3.1: MTIME 0, no time stamp
    plain = gzip.decompress(body)
    file = demo / "sites" / SDC / JOINT_STATEMENT.strip("/") / "index.html"
    assert plain.replace(b".example:%d" % sites.port, b".example") == file.read_bytes()


def test_joint_statement_is_plain_for_clients_that_do_not_take_gzip(wire):
    status, headers, body = wire.get(JOINT_STATEMENT)
    assert status == 200
    assert headers["vary"] == "Accept-Encoding"
    assert "content-encoding" not in headers
    assert b"Keep the Records" in body


def test_gone_page_is_404_with_the_page_of_the_host(wire):
    status, headers, body = wire.get("/2019/03/02/visit-to-bir-nasr/")
    assert status == 404
    assert headers["content-type"].startswith("text/html")
    assert b"This page is not here" in body


def test_host_without_such_a_page_answers_404_in_text(wire):
    status, _, body = wire.get("/nothing", "zarqunfamilies.example")
    assert (status, body) == (404, b"not found\n")


def test_one_arabic_page_does_not_name_its_character_set_in_the_header(wire):
    _, headers, body = wire.get("/bayanat/sijillat-al-qalaa/", "zarqunfamilies.example")
    assert headers["content-type"] == "text/html"
    assert b'<meta charset="utf-8">' in body


def test_same_request_gets_the_same_response_but_for_the_date(wire):
    answers = []
    for _ in range(2):
        status, headers, body = wire.get(JOINT_STATEMENT, SDC, "Accept-Encoding: gzip")
        del headers["date"]
        answers.append((status, headers, body))
    assert answers[0] == answers[1]
    assert answers[0][1]["last-modified"] == "Wed, 05 Feb 2025 09:00:00 GMT"


def test_head_has_the_headers_and_no_body(wire):
    _, headers, body = wire.get("/", SDC, method="HEAD")
    _, of_get, whole = wire.get("/")  # would misread if a body had followed
    assert body == b""
    assert headers["content-length"] == of_get["content-length"] == str(len(whole))


def test_addresses_of_the_sites_get_the_port_and_others_do_not(serve, tmp_path):
    page = b"<a href='http://a.example/x'> //a.example? http://a.example.org/ http://b.example/ http://a.example:1/"
    (tmp_path / "a.example").mkdir()
    (tmp_path / "a.example" / "index.html").write_bytes(page)
    (tmp_path / "a.example" / "kept.js").write_bytes(page)
    with serve.serve_sites(tmp_path) as served, Wire(served) as connection:
        _, _, body = connection.get("/", "a.example")
        _, _, script = connection.get("/kept.js", "a.example")
    port = b":%d" % served.port
    assert body == page.replace(b"a.example/x", b"a.example" + port + b"/x").replace(b"?", port + b"?")
    assert script == page


@pytest.mark.parametrize("host", [SDC.upper(), f"{SDC}:80"])
def test_host_is_told_by_name_alone(wire, host):
    assert wire.get("/", host)[0] == 200


def test_unknown_host_is_misdirected(wire):
    assert wire.get("/", "elsewhere.example")[0] == 421


@pytest.mark.parametrize("headers", [(None,), (SDC, f"Host: {SDC}")])
def test_host_must_be_named_once(wire, headers):
    assert wire.get("/", *headers)[0] == 400


@pytest.mark.parametrize(
    "path",
    [
        "/../README.md",
        "/..%2fREADME.md",
        "/%2e%2e/README.md",
        "/ar/../index.html",
        "/ar/%2e%2e/%2e%2e/zarqunfamilies.example/index.html",
        "/ar//index.html",
        "/./index.html",
        "/%00",
        "/favicon.ico/",
        "/embed/",
    ],
)
def test_paths_that_name_nothing(wire, path):
    assert wire.get(path)[0] == 404


def test_link_out_of_a_site_is_not_followed(serve, tmp_path):
    site = tmp_path / "root" / "a.example"
    site.mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("secret")
    (site / "link.txt").symlink_to(tmp_path / "secret.txt")
    with serve.serve_sites(tmp_path / "root") as served, Wire(served) as connection:
        assert connection.get("/link.txt", "a.example")[0] == 404


def test_folder_without_sites_is_refused(serve, tmp_path):
    with pytest.raises(ValueError, match="no folder"), serve.serve_sites(tmp_path):
        pass


def test_end_of_the_block_closes_kept_connections(serve):
    with serve.serve_sites() as served:
        connection = Wire(served)
        assert connection.get("/")[0] == 200
    with connection:
        assert connection.stream.read() == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((served.address, served.port), timeout=10)


def test_command_says_where_it_serves(demo, serve):
    command = [sys.executable, str(demo / "serve.py"), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            found = re.fullmatch(r"http://([\w.]+):(\d+)/ at 127\.0\.0\.1\n", process.stdout.readline())
            served = serve.ServedSites("127.0.0.1", int(found[2]), (found[1],))
            with Wire(served) as connection:
                assert connection.get("/", found[1])[0] == 200
        finally:
            process.terminate()
