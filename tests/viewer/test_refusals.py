"""What the site refuses, and how: over plain sockets, so that nothing between tidies a request."""

import http.client
import shutil
from urllib.parse import quote, urlsplit

import pytest

pytestmark = pytest.mark.timeout(400)

JOINT = "zarqunfamilies.example/en/statements/keep-the-records/"


def ask(url, path, *, method="GET", host=None, headers=(), body=None):
    """Status, header fields in lower case, and text of an answer."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    connection.putrequest(method, path, skip_host=host is not None, skip_accept_encoding=True)
    for name, value in [*([("Host", host)] if host else []), *headers]:
        connection.putheader(name, value)
    if body is not None:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    answer = connection.getresponse()
    data = answer.read()
    fields = {name.lower(): value for name, value in answer.getheaders()}
    connection.close()
    return answer.status, fields, data.decode("utf-8", "replace")


def test_every_answer_keeps_scripts_frames_and_guessing_out(site, sample):
    capture = sample.captures[JOINT][0]
    for path in ("/", "/static/style.css", f"/captures/{capture}/attestation", "/nowhere", "/api/health"):
        _, fields, _ = ask(site.url, path)
        assert "default-src 'none'" in fields["content-security-policy"], path
        assert "unsafe" not in fields["content-security-policy"]
        assert "frame-ancestors 'none'" in fields["content-security-policy"] or path.endswith("attestation")
        assert fields["x-content-type-options"] == "nosniff"
        assert fields["referrer-policy"] in ("same-origin", "no-referrer")
        assert "server" not in fields


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1", "localhost.evil.example", ""])
def test_another_host_name_gets_nothing(site, host):
    status, _, text = ask(site.url, "/", host=host)
    assert status in (400, 421)
    assert "Demo archive" not in text


def test_its_own_names_are_answered(site):
    port = urlsplit(site.url).port
    assert ask(site.url, "/", host=f"localhost:{port}")[0] == 200
    assert ask(site.url, "/", host=f"LOCALHOST:{port}")[0] == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_nothing_can_be_sent(site, method):
    status, fields, _ = ask(site.url, "/statements", method=method, body=b"")
    assert status == 405
    assert fields["allow"] == "GET, HEAD"


def test_head_is_get_without_a_body(site):
    status, fields, text = ask(site.url, "/statements", method="HEAD")
    assert status == 200
    assert int(fields["content-length"]) > 1000
    assert text == ""


@pytest.mark.parametrize(
    "path",
    [
        "/captures/../../etc/passwd",
        "/captures/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/captures/20200101t000000z-abcdefghijkl",
        "/captures/20209999t000000z-abcdefghijkl",
        "/captures/x' OR 1=1 --".replace(" ", "%20"),
        "/captures/20200101T000000Z-ABCDEFGHIJKL",
        "/statements/%00",
        "/statements/20200101t000000z-abcdefghijkl",
        "/runs/20200101t000000z-abcdefghijkl",
        "/log/-1",
        "/log/00",
        "/log/99999999999999",
        "/log/1e3",
        "/organisations/..",
        "/organisations/nobody",
        "/static/..%2f__init__.py",
        "/static/%2e%2e/app.py",
    ],
)
def test_an_address_of_nothing_says_so(site, path):
    status, _, text = ask(site.url, path)
    assert status == 404
    assert "Traceback" not in text


def test_files_of_a_capture_are_only_those_that_were_signed(site, sample):
    capture = sample.captures[JOINT][0]
    for name in ("attestation.dsse.json", "..%2f..%2fsijill.toml", "%2fetc%2fpasswd", "DATA.WARC.GZ", "leaf-index"):
        assert ask(site.url, f"/captures/{capture}/files/{name}")[0] == 404


def test_archived_pages_are_never_html_on_this_origin(site, sample):
    [capture] = sample.captures["olivegrowers.example/statements/the-well-of-tell-rumman/"]
    status, fields, text = ask(site.url, f"/captures/{capture}/files/dom.html")
    assert status == 200
    assert fields["content-type"].startswith("text/plain")
    assert "sandbox" in fields["content-security-policy"]
    assert "<html" in text
    _, fields, _ = ask(site.url, f"/captures/{capture}/files/page.pdf")
    assert fields["content-disposition"].startswith("attachment")
    _, fields, _ = ask(site.url, f"/captures/{capture}/report")
    assert fields["content-disposition"].startswith("attachment")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("q=" + "a" * 5000, 414),
        ("q=" + "a" * 301, 400),
        ("q=" + quote("ب" * 301), 400),
        ("page=0", 400),
        ("page=-1", 400),
        ("page=99999999", 400),
        ("page=x", 400),
        ("from=yesterday", 400),
        ("from=2018-13", 400),
        ("to=9999", 400),
        ("q=%22%22%22", 200),
        ("q=*", 200),
        ("q=%00", 200),
        ("q=a+OR+b+NEAR(c", 200),
        ("q=%ff%fe", 200),
        ("site=%27--&language=%25&signatory=%22", 200),
        ("lang=../../etc", 200),
    ],
)
def test_queries_are_bounded_and_their_faults_told(site, query, status):
    found, _, text = ask(site.url, f"/statements?{query}")
    assert found == status
    assert "Traceback" not in text


def test_faults_are_told_in_the_language_that_is_asked_for(site):
    _, _, text = ask(site.url, "/nowhere?lang=ar")
    assert 'dir="rtl"' in text
    assert "لا توجد صفحة كهذه في هذا الأرشيف" in text


def test_a_hostile_title_is_only_letters(tab, site, sample, sampling):
    [capture] = sample.captures["hostile.example/"]
    for path in (f"/captures/{capture}", f"/captures/{capture}/text", "/", "/captures", f"/statements/{capture}"):
        tab.goto(f"{site.url}{path}")
        tab.wait_for_selector(".waiting", state="detached", timeout=60_000)
        assert tab.title() != "taken over"
        assert tab.locator("script:not([src])").count() == 0
        assert tab.locator("img[onerror]").count() == 0
        assert "\u202e" not in tab.content()
    assert "<script>document.title" in tab.inner_text("h1")
    assert "<b>Bold Organisation</b>" in tab.inner_text(".signatories")
    assert tab.complaints == []


def flipped(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o600)
    path.write_bytes(data)


@pytest.fixture
def copied(sample, tmp_path):
    """The sample's archive in a folder of its own, that may be harmed."""
    folder = tmp_path / "archive"
    shutil.copytree(sample.settings.parent, folder)
    return folder


def stored(folder, capture_id, name="attestation.dsse.json"):
    year, month, day = capture_id[:4], capture_id[4:6], capture_id[6:8]
    return folder / "store" / "captures" / year / month / day / capture_id / name


def warc_of(sample, capture_id):
    import json

    from sijill.provenance.attest.envelope import parse_envelope

    payload = parse_envelope(stored(sample.settings.parent, capture_id).read_bytes()).payload
    sha256 = json.loads(payload)["subject"][0]["digest"]["sha256"]
    return f"store/objects/sha256/{sha256[:2]}/{sha256[2:4]}/{sha256}"


def test_a_capture_whose_objects_were_altered_is_red(tab, sample, copied, served):
    capture, other = sample.captures[JOINT][0], sample.captures["hostile.example/"][0]
    flipped(copied / warc_of(sample, capture))
    (copied / warc_of(sample, other)).unlink()
    with served(copied / "sijill.toml") as found:
        for one in (capture, other):
            tab.goto(f"{found.url}/captures/{one}")
            tab.wait_for_selector(".waiting", state="detached", timeout=60_000)
            assert "FAILED: NOT VERIFIED" in tab.inner_text("#verdict .banner.bad")
            assert tab.locator("#verdict tr.failed").count() >= 1
            background = tab.locator("#verdict .banner").evaluate("one => getComputedStyle(one).borderTopColor")
            red, green, blue = (int(part) for part in background[4:-1].split(","))
            assert red > 2 * max(green, blue)
        # Still listed.
        tab.goto(f"{found.url}/captures")
        assert tab.locator(f"a[href='/captures/{capture}']").count() == 1
        status, _, text = ask(found.url, f"/captures/{capture}/package")
        assert status == 409
        assert 'class="banner bad"' in text
        assert ask(found.url, f"/captures/{capture}/files/data.warc.gz")[0] == 409


def test_a_capture_whose_attestation_was_exchanged_or_lost_is_red(tab, sample, copied, served):
    lost, exchanged = sample.captures[JOINT][0], sample.captures[JOINT][1]
    with served(copied / "sijill.toml") as found:
        stored(copied, lost).unlink()
        stored(copied, exchanged).chmod(0o600)
        stored(copied, exchanged).write_bytes(b"{}")
        tab.goto(f"{found.url}/captures/{lost}")
        assert "its attestation is not in the store" in tab.inner_text(".banner.bad")
        tab.goto(f"{found.url}/captures/{exchanged}")
        assert "FAILED" in tab.inner_text(".banner.bad")


def test_a_catalog_that_cannot_be_brought_up_to_date_is_said_to_be_behind(sample, copied, served):
    from sijill.flows.viewing.site import Site
    from sijill.flows.viewing.site import served as serve
    from sijill.flows.wiring import open_archive
    from sijill.viewer.serving import Place

    for left in copied.glob("catalog.sqlite*"):
        left.unlink()
    for damaged in (copied / "store" / "log" / "tile").rglob("*"):
        if damaged.is_file():
            flipped(damaged)
    told = []
    place = Place("127.0.0.1", 0)
    with serve(open_archive(copied / "sijill.toml"), Site(place, place), show=told.append) as found:
        status, _, text = ask(found.url, "/")
        assert status == 200
        assert "could not be brought up to date" in text
        assert ask(found.url, "/log")[0] == 409
    assert len(told) == 1


def test_with_a_token_only_who_has_it_may_look(tab, sample, served):
    token = "long-enough-to-be-a-token"
    with served(sample.settings, token=token) as found:
        status, fields, text = ask(found.url, "/captures?page=1")
        assert status == 303
        assert fields["location"] == "/login?next=%2Fcaptures%3Fpage%3D1"
        assert "Demo archive" not in text
        assert ask(found.url, "/api/health")[0] == 401
        assert ask(found.url, "/api/health", headers=[("Authorization", f"Bearer {token}")])[0] == 200
        assert ask(found.url, "/api/health", headers=[("Authorization", "Bearer wrong")])[0] == 401
        tab.goto(f"{found.url}/captures")
        tab.fill("#token", "wrong")
        tab.click("button")
        assert "That is not the token" in tab.inner_text(".banner")
        tab.fill("#token", token)
        tab.click("button")
        tab.wait_for_url("**/captures")
        [cookie] = [one for one in tab.context.cookies() if one["name"] == "sijill"]
        assert cookie["httpOnly"]
        assert cookie["sameSite"] == "Strict"
        assert token not in cookie["value"]
        big = b"token=" + b"a" * 5000
        assert ask(found.url, "/login", method="POST", body=big)[0] == 413
        form = f"token={token}&next=//evil.example/".encode()
        assert ask(found.url, "/login", method="POST", body=form)[1]["location"] == "/"
