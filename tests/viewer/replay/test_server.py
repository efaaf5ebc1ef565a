"""What the replay server answers, asked by plain HTTP: archived status, headers and bytes, and nothing else."""

import contextlib
import gzip
import http.client
import zlib
from urllib.parse import urlsplit

import pytest

from sijill.flows import evidence
from sijill.flows.crawl.resources import RunResources
from sijill.storage.layout import object_key
from sijill.viewer.replay import bodies
from sijill.viewer.replay.addresses import Mode
from sijill.viewer.replay.records import read_holdings

from .conftest import Page, StoreSource, make_archive, replay_server

TEXT = b"<!doctype html><title>t</title><p>words</p><a href='/next'>n</a>"


def ask(served, address, method="GET", body=None, host=None, **headers):
    """Status, headers in lower case and body."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(urlsplit(served.origin).netloc, timeout=30)
    with contextlib.closing(connection):
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body=body, headers=fields | ({"Host": host} if host else {}))
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


@pytest.fixture
def replayed(archived, website):
    """`replayed(body, *headers)` captures a page that is so; gives server, address, capture and archive."""
    with contextlib.ExitStack() as stack:

        def make(body=TEXT, *headers, status=200, mode=Mode.PAGE, path="/", **more):
            website.pages[path] = Page(body, headers or (("Content-Type", "text/html; charset=utf-8"),), status)
            archive, source, (capture,) = archived(website.url(path))
            served = stack.enter_context(replay_server(source, **more))
            address = served.links(capture.id, capture.started, website.url(path), mode)
            return served, address, capture, archive

        yield make


def test_the_page_with_our_headers_and_none_of_its_own(replayed, website):
    served, address, capture, _ = replayed(
        TEXT,
        ("Content-Type", "text/html; charset=utf-8"),
        ("Set-Cookie", "a=b"),
        ("Strict-Transport-Security", "max-age=100"),
        ("X-Frame-Options", "DENY"),
        ("Content-Security-Policy", "default-src *"),
        ("Link", "<https://elsewhere.example/>; rel=preconnect"),
        ("Content-Language", "ar"),
        ("Access-Control-Allow-Origin", "*"),
    )
    status, headers, body = ask(served, address, Sec_Fetch_Dest="iframe", Sec_Fetch_Site="same-site")
    assert status == 200
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["content-language"] == "ar"
    assert not {"set-cookie", "strict-transport-security", "x-frame-options", "access-control-allow-origin"} & set(
        headers
    )
    policy = headers["content-security-policy"]
    assert "sandbox allow-scripts" in policy
    assert "allow-same-origin" not in policy
    assert f"frame-ancestors 'self' {served.viewer}" in policy
    assert headers["connection-allowlist"] == "(response-origin)"
    assert "elsewhere" not in str(headers)
    prefix = urlsplit(address).path.removesuffix(website.url("/"))
    assert f'<a href="{prefix}{website.url("/next")}">'.encode() in body
    # Everything besides the rewritten address and the stand-in is as it was.
    left = body.replace(f'="{prefix}{website.url("/next")}"'.encode(), b"='/next'")
    start = left.index(b"<script src=")
    assert left[:start] + left[left.index(b"</script>") + 9 :] == TEXT
    raw = ask(served, served.links(capture.id, capture.started, website.url("/"), Mode.RAW))
    assert raw[2] == TEXT
    assert "allow-scripts" not in raw[1]["content-security-policy"]


@pytest.mark.parametrize("status", [200, 203, 404, 410, 500, 503])
def test_the_archived_status(replayed, status):
    served, address, *_ = replayed(TEXT, status=status)
    assert ask(served, address)[0] == status


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_lead_to_the_replay_server(replayed, website, status):
    website.pages["/there"] = Page(TEXT)
    served, address, *_ = replayed(b"", ("Location", "/there?x=1"), status=status)
    found, headers, _ = ask(served, address)
    assert found == status
    assert headers["location"] == urlsplit(address).path + "there?x=1"


@pytest.mark.parametrize("location", ["javascript:alert(1)", "https://[bad", "mailto:x@y.example", "\\\\//", ""])
def test_a_redirect_to_nowhere_leads_nowhere(replayed, location):
    served, address, *_ = replayed(b"gone", ("Location", location), status=302)
    headers = ask(served, address)[1]
    assert headers.get("location", "/").startswith("/")


def test_what_is_not_in_the_capture_is_said_to_be_so(replayed):
    served, address, *_ = replayed()
    status, headers, body = ask(served, address + "nothing")
    assert (status, headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert b"Not in this capture" in body
    assert b"\xd9\x84" in body  # and in Arabic
    assert b"<script" not in body
    assert ask(served, address + "nothing", Sec_Fetch_Dest="image")[2] == b"Not in this capture"
    assert ask(served, f"{served.origin}/20200101t000000z-aaaaaaaaaaaa/20200101000000/page/http://x.example/")[0] == 404
    assert ask(served, f"{served.origin}/../../etc/passwd")[0] == 404
    assert ask(served, address, method="POST", body=b"x" * 10)[0] == 404
    assert ask(served, address + "%3Cscript%3E")[0] == 404


def test_only_what_reads_is_allowed_and_only_by_its_name(replayed):
    served, address, *_ = replayed()
    for method in ("PUT", "DELETE", "PATCH", "TRACE"):
        assert ask(served, address, method=method)[0] == 405
    status, headers, body = ask(served, address, method="HEAD")
    assert (status, body) == (200, b"")
    assert int(headers["content-length"]) > len(TEXT)
    for host in ("evil.example", "localhost:1"):
        assert ask(served, address, host=host)[0] == 421
    status, headers, _ = ask(
        served,
        address,
        method="OPTIONS",
        Origin="null",
        Access_Control_Request_Headers="x-a",
        Sec_Fetch_Site="cross-site",
    )
    assert status == 204
    assert headers["access-control-allow-headers"] == "x-a"
    with contextlib.suppress(OSError):  # it answers, and does not read on
        assert ask(served, address, method="POST", body=b"x" * (5 << 20))[0] == 413


def test_a_pass_is_for_one_capture_and_for_this_server(archived, website):
    website.pages |= {"/": Page(TEXT), "/b": Page(TEXT)}
    _, source, (first, second) = archived(website.url("/"), website.url("/b"))
    cross = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Dest": "empty", "Origin": "null"}
    with replay_server(source) as served:
        own = served.links(first.id, first.started, website.url("/"))
        assert ask(served, own, **cross)[1]["access-control-allow-origin"] == "null"
        bare = served.links.lasting(first.id, first.started, website.url("/"))
        assert ask(served, bare, **cross)[0] == 403
        assert ask(served, bare)[0] == 200, "a program may ask"
        assert ask(served, own.replace(first.id, second.id), **cross)[0] == 403
        status, headers, _ = ask(served, bare, Sec_Fetch_Site="same-site", Sec_Fetch_Dest="iframe")
        assert (status, served.origin + headers["location"]) == (307, own)
        status, _, body = ask(served, bare, Sec_Fetch_Site="none", Sec_Fetch_Dest="document")
        assert status == 200
        assert b'sandbox="allow-scripts"' in body
        assert b"words" not in body
    with replay_server(source, admits=lambda fields: (b"authorization", b"Bearer it") in fields) as served:
        own = served.links(first.id, first.started, website.url("/"))
        bare = served.links.lasting(first.id, first.started, website.url("/"))
        assert ask(served, own)[0] == 200
        assert ask(served, bare)[0] == 403
        assert ask(served, bare, Authorization="Bearer it")[0] == 200


def test_requests_that_forgot_where_they_are_come_back_by_their_referer(replayed, website):
    website.pages["/next"] = Page(b"next")
    served, address, *_ = replayed()
    status, headers, _ = ask(served, served.origin + "/fonts/a.woff?v=1", Referer=address)
    assert status == 307
    assert headers["location"] == urlsplit(address).path + "fonts/a.woff?v=1"
    assert ask(served, served.origin + "/fonts/a.woff", Referer="http://elsewhere.example/x")[0] == 404
    bare = address.replace("/page." + address.split("/page.")[1].split("/")[0], "/page")
    assert ask(served, served.origin + "/fonts/a.woff", Referer=bare)[0] == 404


@pytest.mark.parametrize(
    ("coding", "encode"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("br", lambda data: b"\x8b" + data),
        ("gzip, gzip", lambda data: data),
    ],
)
def test_codings(replayed, coding, encode):
    served, address, *_ = replayed(encode(TEXT), ("Content-Type", "text/html"), ("Content-Encoding", coding))
    status, headers, body = ask(served, address)
    assert status == 200
    if coding in ("gzip", "deflate"):
        assert b"words" in body
        assert b"/stand-in.js" in body
        assert "content-encoding" not in headers
    else:
        assert body == encode(TEXT), "what cannot be read here is given as it was sent"
        assert headers["content-encoding"].replace(" ", "") == coding.replace(" ", "")


@pytest.mark.timeout(120)
def test_a_gzip_bomb_takes_no_more_than_is_allowed(replayed, monkeypatch):
    monkeypatch.setattr(bodies, "LARGEST", 1 << 20)
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(b"<p>" * (1 << 18)) for _ in range(4)) + packer.flush()
    served, address, *_ = replayed(bomb, ("Content-Type", "text/html"), ("Content-Encoding", "gzip"))
    status, headers, body = ask(served, address)
    assert (status, body) == (200, bomb), "the browser may unpack it or not"
    assert headers["content-encoding"] == "gzip"


@pytest.mark.parametrize(
    "content_type",
    ["text/html; charset=nonsense", "text/html; charset=", "text/html; charset=utf-7", "text/html; charset=utf-16",
     'text/html; charset="windows-1256"', "text/html;;;", "", "text/html\x01", "text/html; charset=iso-2022-jp"],
)  # fmt: skip
def test_odd_types_and_charsets(replayed, content_type):
    served, address, *_ = replayed(TEXT, *([("Content-Type", content_type)] if content_type else [("X-No", "type")]))
    status, _, body = ask(served, address)
    assert status == 200
    if "utf-16" not in content_type:  # bytes of ASCII stated to be UTF-16 show as other letters, as they did then
        assert b"words" in body


def test_large_bodies_are_streamed_whole(replayed):
    data = bytes(range(256)) * (4 << 12)
    served, address, *_ = replayed(data, ("Content-Type", "video/mp4"), path="/film.mp4")
    status, headers, body = ask(served, address)
    assert (status, headers["content-length"]) == (200, str(len(data)))
    assert body == data


@pytest.mark.parametrize("how", ["altered", "missing"])
def test_altered_and_missing_bytes_are_not_shown(archived, website, how):
    website.pages["/"] = Page(TEXT)
    archive, source, (capture,) = archived(website.url("/"))
    path = warc_path(archive, source, capture)
    if how == "missing":
        path.unlink()
    else:
        damage(path, path.stat().st_size // 2)
    with replay_server(source) as served:
        status, _, body = ask(served, served.links(capture.id, capture.started, website.url("/")))
        assert status == 409
        assert b"Missing or altered" in body
        assert b"words" not in body


def test_bytes_that_are_altered_while_it_is_replayed_break_off(archived, website):
    website.pages["/"] = Page(TEXT)
    website.pages["/film"] = Page(bytes(3 << 20), (("Content-Type", "video/mp4"),))
    archive, source, (page, film) = archived(website.url("/"), website.url("/film"))
    with replay_server(source) as served:
        for capture, url in ((page, "/"), (film, "/film")):
            address = served.links(capture.id, capture.started, website.url(url))
            assert ask(served, address)[0] == 200
            records = read_holdings(source, capture.id).records
            offset = next(one.stored.offset for one in records if one.url == website.url(url))
            damage(warc_path(archive, source, capture), offset + 10)
            status, _, body = ask(served, address)
            assert status == 409
            assert b"Missing or altered" in body


def test_what_was_taken_from_another_capture_is_found_there(tmp_path, demo_sites):
    archive = make_archive(tmp_path / "archive", demo_sites.pins)
    source = StoreSource(archive)
    shared = RunResources(archive, "sahlandoc", "one-run")
    made = []
    for path in ("/2025/02/04/ten-walls/", "/"):
        with shared.capturing() as known:
            done = evidence.archive_url(archive, demo_sites.url("sahlandoc.example", path), known=known)
            known.stored(done)
        made.append(done.capture)
    first, second = made
    predicate = source.envelope(second.id).statement.predicate
    taken = [one.url for one in predicate.dependencies[0].records]
    assert taken
    with replay_server(source) as served:
        for url in taken:
            status, _, body = ask(served, served.links(second.id, second.started, url))
            assert status == 200
            assert body
    damage(warc_path(archive, source, first), predicate.dependencies[0].records[0].offset + 12)
    with replay_server(source) as served:
        assert ask(served, served.links(second.id, second.started, taken[0]))[0] == 409
        assert ask(served, served.links(second.id, second.started, second.final_url))[0] == 200


def damage(path, offset):
    """Change some bytes of a stored object."""
    data = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(data[:offset] + bytes(20) + data[offset + 20 :])


def warc_path(archive, source, capture):
    """Where the WARC of a capture lies in the folder of the store."""
    key = object_key(source.envelope(capture.id).statement.subject[0].digest.sha256)
    return archive.folder / "store" / key
