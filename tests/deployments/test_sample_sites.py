"""The bundled sites: whole, valid, and as `expected.json` says; the walk goes through the real server."""

from __future__ import annotations

import http.client
import json
import re
import struct
import subprocess
import zlib
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest
import tinycss2
from lxml import etree, html

DEMO = Path(__file__).resolve().parents[2] / "deployments" / "demo"
SITES = DEMO / "sites"
EXPECTED = json.loads((DEMO / "expected.json").read_text(encoding="utf-8"))
ARTICLES = {address: page for address, page in EXPECTED.items() if page.get("kind") in {None, "report"}}

WESTERN = str.maketrans("٠١٢٣٤٥٦٧٨٩", "0123456789")
MONTHS = {
    3: ("March", "آذار"),
    1: ("January", "كانون الثاني"),
    2: ("February", "شباط"),
    11: ("November", "تشرين الثاني"),
}
HTML_UNKNOWN_TAG = "HTML_UNKNOWN_TAG"  # libxml2 knows HTML 4


@dataclass(frozen=True)
class Response:
    url: str
    status: int
    media_type: str
    location: str | None
    body: bytes


class Client:
    def __init__(self, sites):
        self._connection = http.client.HTTPConnection(sites.address, sites.port, timeout=10)
        self._seen = {}

    def get(self, url):
        if url not in self._seen:
            parts = urlsplit(url)
            target = parts.path + (f"?{parts.query}" if parts.query else "")
            self._connection.request("GET", target, headers={"Host": parts.netloc})
            answer = self._connection.getresponse()
            media_type = answer.headers["Content-Type"].partition(";")[0]
            self._seen[url] = Response(url, answer.status, media_type, answer.headers["Location"], answer.read())
        return self._seen[url]


@pytest.fixture(scope="module")
def client(sites):
    return Client(sites)


@pytest.fixture(scope="module")
def page(sites, client):
    """Return the parsed page at "host/path" and its URL."""

    def parse(address):
        host, _, path = address.partition("/")
        response = client.get(sites.url(host, f"/{path}"))
        return html.fromstring(response.body.decode()), response.url

    return parse


def style_addresses(tokens):
    """Yield what `url()` and `@import` name in a style, however deep."""
    imported = False
    for token in tokens:
        if token.type == "url":
            yield token.value
        elif token.type == "function" and token.lower_name == "url":
            yield token.arguments[0].value
        elif token.type == "string" and imported:
            yield token.value
        elif token.type in {"() block", "{} block", "[] block"}:
            yield from style_addresses(token.content)
        imported = (token.type == "at-keyword" and token.lower_value == "import") or (
            imported and token.type == "whitespace"
        )


def html_addresses(body):
    root = html.fromstring(body.decode())
    for name in ("href", "src"):
        yield from root.xpath(f"//@{name}")
    yield from root.xpath("//meta[@property='og:image']/@content")
    for srcset in root.xpath("//@srcset"):
        yield from (candidate.split()[0] for candidate in srcset.split(","))
    for style in root.xpath("//@style"):
        yield from style_addresses(tinycss2.parse_component_value_list(style))


def addresses(response):
    """Yield every address that a response names, as it names it."""
    match response.media_type:
        case "text/html":
            yield from html_addresses(response.body)
        case "text/css":
            yield from style_addresses(tinycss2.parse_component_value_list(response.body.decode()))
        case "application/xml" | "application/rss+xml":
            root = etree.fromstring(response.body)
            yield from root.xpath("//*[local-name()='loc' or local-name()='link']/text() | //@href")
        case "text/plain":
            yield from re.findall(r"^Sitemap: (\S+)$", response.body.decode(), re.MULTILINE)


@pytest.fixture(scope="module")
def walked(sites, client):
    """Everything reached from the home pages and robots.txt: response by URL, and who linked to it."""
    waiting = deque((sites.url(host, path), None) for host in sites.hosts for path in ("/", "/robots.txt"))
    reached, linked_from = {}, {}
    while waiting:
        url, source = waiting.popleft()
        linked_from.setdefault(url, source)
        if url in reached:
            continue
        response = reached[url] = client.get(url)
        if response.location:
            waiting.append((urljoin(url, response.location), url))
        for named in addresses(response):
            found, _, _ = urljoin(url, named.strip()).partition("#")
            if not found.startswith("mailto:"):
                assert found.startswith("http://"), (url, named)
                waiting.append((found, url))
    return reached, linked_from


def test_every_link_and_resource_resolves(serve, sites, walked):
    reached, linked_from = walked
    foreign = {url for url in reached if urlsplit(url).hostname not in sites.hosts}
    assert foreign == set()
    odd = {
        (urlsplit(url).hostname, urlsplit(url).path): (response.status, linked_from[url])
        for url, response in reached.items()
        if response.status != 200
    }
    declared = {
        where: 301 if special.moved_to else 404
        for where, special in serve.SPECIAL.items()
        if special.moved_to or special.gone
    }
    assert {where: status for where, (status, _) in odd.items()} == declared, odd


def test_every_file_is_reached(walked):
    reached, _ = walked
    seen = set()
    for url in reached:
        parts = urlsplit(url)
        path = unquote(parts.path)
        seen.add(f"{parts.hostname}{path}index.html" if path.endswith("/") else f"{parts.hostname}{path}")
    files = {str(file.relative_to(SITES)) for file in SITES.glob("*/**/*") if file.is_file()}
    # The error page stands for pages that are gone; figures, a statement and its picture are fetched by scripts.
    drawn = {f"{a.partition('/')[0]}{page['drawn_from']}" for a, page in EXPECTED.items() if "drawn_from" in page}
    assert files - seen == drawn | {
        "sahlandoc.example/404.html",
        "sahlandoc.example/embed/figures.json",
        "olivegrowers.example/assets/well.svg",
    }


def test_fragments_lead_somewhere(walked):
    reached, _ = walked
    checked = 0
    for response in reached.values():
        if response.media_type != "text/html":
            continue
        for link in html.fromstring(response.body.decode()).xpath("//a/@href[contains(., '#')]"):
            target, _, fragment = urljoin(response.url, link).partition("#")
            assert html.fromstring(reached[target].body.decode()).get_element_by_id(fragment) is not None
            checked += 1
    assert checked


def test_expected_names_every_page(walked):
    reached, _ = walked
    pages = {
        f"{urlsplit(url).hostname}{urlsplit(url).path}"
        for url, response in reached.items()
        if response.media_type == "text/html" or response.location
    }
    assert pages - set(EXPECTED) == {"sahlandoc.example/embed/figures.html"}
    assert set(EXPECTED) <= pages


@pytest.mark.parametrize("address", [a for a, p in EXPECTED.items() if "title" in p])
def test_title_and_language_are_as_expected(page, address):
    expected = EXPECTED[address]
    root, _ = page(address)
    headings = [heading.text_content().strip() for heading in root.iter("h1")]
    site_name = root.findtext(".//title")
    assert expected["title"] in [*headings, site_name]
    assert root.get("lang") == expected["language"]
    assert root.get("dir") == ("rtl" if expected["language"] == "ar" else "ltr")


@pytest.mark.parametrize("address", ARTICLES)
def test_date_stands_in_the_page(page, address):
    year, month, day = (int(part) for part in ARTICLES[address]["date"].split("-"))
    root, _ = page(address)
    (dated,) = root.xpath("//h1/following::*[@class='meta' or @class='date' or @class='by'][1]")
    text = dated.text_content().translate(WESTERN)
    assert re.search(rf"\b{day}\b", text)
    assert re.search(rf"\b{year}\b", text)
    assert any(name in text for name in MONTHS[month])


@pytest.mark.parametrize("address", ARTICLES)
def test_signatories_stand_in_the_page_in_order(page, address):
    root, _ = page(address)
    text = root.text_content()
    position = 0
    for name in ARTICLES[address]["signatories"]:
        position = text.index(name, position) + len(name)


def test_what_a_script_draws_is_not_in_the_page_and_what_it_draws_from_is_there(sites, client, page):
    address, expected = next((a, p) for a, p in EXPECTED.items() if "drawn_from" in p)
    root, _ = page(address)
    data = client.get(sites.url(address.partition("/")[0], expected["drawn_from"]))
    drawn = json.loads(data.body)
    assert drawn["title"] == expected["title"]
    assert drawn["signatories"] == expected["signatories"]
    shown = root.find("body").text_content()
    assert [words for words in (*drawn["paragraphs"], *drawn["demands"]) if words in shown] == []


def test_joint_statement_has_one_list_of_signatories_on_both_sites():
    lists = {}
    for address, expected in EXPECTED.items():
        if expected.get("same_statement") == "keep-the-records-of-zarqun":
            names = tuple(name.replace("’", "'") for name in expected["signatories"])
            assert len(names) >= 12
            lists.setdefault(expected["language"], {})[address.partition("/")[0]] = names
    assert set(lists) == {"en", "ar"}
    for by_host in lists.values():
        assert set(by_host) == {"sahlandoc.example", "zarqunfamilies.example"}
        assert len(set(by_host.values())) == 1


def test_joint_statement_has_one_text_on_both_sites(page):
    texts = {}
    for address, expected in EXPECTED.items():
        if expected.get("same_statement") == "keep-the-records-of-zarqun":
            root, _ = page(address)
            demands = root.xpath("//li[strong]")
            paragraphs = [demand.text_content() for demand in demands]
            paragraphs += [p.text_content() for p in demands[0].xpath("../preceding-sibling::p")]
            normal = " ".join(paragraphs).translate(WESTERN).replace("’", "'").replace("/نوفمبر", "")
            texts.setdefault(expected["language"], set()).add(normal)
    assert {language: len(found) for language, found in texts.items()} == {"en": 1, "ar": 1}


@pytest.mark.parametrize("address", [a for a, p in EXPECTED.items() if "language_versions" in p])
def test_language_versions_are_linked_both_ways(page, address):
    root, url = page(address)
    host = address.partition("/")[0]
    for language, path in EXPECTED[address]["language_versions"].items():
        version = urljoin(url, path)
        (alternate,) = root.xpath("//link[@rel='alternate'][@hreflang=$language]/@href", language=language)
        assert urljoin(url, alternate) == version
        assert version in [urljoin(url, link) for link in root.xpath("//body//a[@hreflang]/@href")]
        assert address == host + EXPECTED[host + path]["language_versions"][EXPECTED[address]["language"]]


@pytest.mark.parametrize("address", EXPECTED)
def test_links_and_documents_are_in_the_page(sites, page, address):
    expected = EXPECTED[address]
    named = expected.get("links", []) + expected.get("linked_documents", [])
    root, url = page(address)
    found = {urljoin(url, link).replace(f":{sites.port}", "") for link in root.xpath("//body//a/@href")}
    assert {urljoin(f"http://{address}", link) for link in named} <= found


@pytest.mark.parametrize("address", ARTICLES)
def test_what_must_not_be_in_the_text_surrounds_it(page, address):
    root, _ = page(address)
    for words in ARTICLES[address]["not_in_text"]:
        assert words in root.text_content()


def test_moved_and_gone_pages_are_as_expected(sites, client):
    for address, expected in EXPECTED.items():
        if "status" in expected:
            host, _, path = address.partition("/")
            response = client.get(sites.url(host, f"/{path}"))
            assert response.status == expected["status"]
            assert response.location == expected.get("location")


@pytest.mark.parametrize("file", sorted(SITES.glob("*/**/*.html")), ids=lambda file: str(file.relative_to(SITES)))
def test_html_is_well_formed(file):
    parser = etree.HTMLParser(encoding="utf-8")
    root = etree.fromstring(file.read_bytes(), parser)
    assert [str(error) for error in parser.error_log if error.type_name != HTML_UNKNOWN_TAG] == []
    assert root.xpath("string(/html/@lang)")
    identifiers = root.xpath("//@id")
    assert len(identifiers) == len(set(identifiers))
    assert all(image.get("alt") is not None for image in root.iter("img"))


@pytest.mark.parametrize("file", sorted(SITES.glob("*/**/*.css")), ids=lambda file: str(file.relative_to(SITES)))
def test_styles_parse(file):
    rules = tinycss2.parse_stylesheet(file.read_text(encoding="utf-8"), skip_comments=True, skip_whitespace=True)
    assert rules
    assert [rule.message for rule in rules if rule.type == "error"] == []


def check_png(data):
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    position, kinds = 8, []
    while position < len(data):
        (size,) = struct.unpack_from(">I", data, position)
        kind_and_data = data[position + 4 : position + 8 + size]
        assert struct.unpack_from(">I", data, position + 8 + size) == (zlib.crc32(kind_and_data),)
        kinds.append(kind_and_data[:4])
        position += 12 + size
    assert (kinds[0], kinds[-1]) == (b"IHDR", b"IEND")


def check_jpeg(data):
    assert data.startswith(b"\xff\xd8\xff")
    assert data.endswith(b"\xff\xd9")


def check_webp(data):
    assert (data[:4], data[8:12]) == (b"RIFF", b"WEBP")
    assert struct.unpack_from("<I", data, 4) == (len(data) - 8,)


def check_ico(data):
    reserved, kind, count = struct.unpack_from("<HHH", data)
    assert (reserved, kind) == (0, 1)
    for entry in range(count):
        size, offset = struct.unpack_from("<II", data, 6 + 16 * entry + 8)
        check_png(data[offset : offset + size])


def check_svg(data):
    assert etree.fromstring(data).tag == "{http://www.w3.org/2000/svg}svg"


def check_woff2(data):
    # WOFF2 §3.1: signature, flavor, length of the whole file.
    assert struct.unpack_from(">4sII", data) == (b"wOF2", 0x00010000, len(data))


def check_ttf(data):
    version, tables = struct.unpack_from(">IH", data)
    assert version == 0x00010000
    for table in range(tables):
        tag, checksum, offset, length = struct.unpack_from(">4sIII", data, 12 + 16 * table)
        content = data[offset : offset + length]
        assert len(content) == length
        if tag != b"head":  # its own sum is written into it afterwards
            words = struct.unpack(f">{-(-length // 4)}I", content.ljust(-(-length // 4) * 4, b"\0"))
            assert sum(words) & 0xFFFFFFFF == checksum


def check_pdf(data):
    assert data.startswith(b"%PDF-1.4\n")
    assert data.endswith(b"%%EOF\n")
    start = int(re.search(rb"startxref\n(\d+)\n", data)[1])
    count = int(re.match(rb"xref\n0 (\d+)\n", data[start:])[1])
    entries = re.findall(rb"(\d{10}) \d{5} n \n", data[start:])
    assert len(entries) == count - 1
    for number, offset in enumerate(entries, 1):
        assert data[int(offset) :].startswith(b"%d 0 obj\n" % number)
    for length, stream in re.findall(rb"/Length (\d+) >>\nstream\n(.*?)\nendstream", data, re.DOTALL):
        assert len(stream) == int(length)


CHECKS = {
    ".png": check_png,
    ".jpg": check_jpeg,
    ".webp": check_webp,
    ".ico": check_ico,
    ".svg": check_svg,
    ".woff2": check_woff2,
    ".ttf": check_ttf,
    ".pdf": check_pdf,
}
BINARIES = sorted(file for file in SITES.glob("*/**/*") if file.suffix in CHECKS)


def test_every_kind_of_file_is_there_and_small():
    assert {file.suffix for file in BINARIES} == set(CHECKS)
    assert max(file.stat().st_size for file in BINARIES) < 40_000


@pytest.mark.parametrize("file", BINARIES, ids=lambda file: str(file.relative_to(SITES)))
def test_file_is_valid(file):
    CHECKS[file.suffix](file.read_bytes())


def test_stock_tool_recognises_every_file(tool):
    known = {".jpg": "image/jpeg", ".ico": "image/vnd.microsoft.icon", ".ttf": "font/sfnt", ".svg": "image/svg+xml"}
    known |= {".png": "image/png", ".webp": "image/webp", ".pdf": "application/pdf", ".woff2": "font/woff2"}
    told = subprocess.run(
        [tool("file", "file"), "--brief", "--mime-type", *map(str, BINARIES)],
        capture_output=True,
        text=True,
        check=True,
    )
    found = dict(zip(BINARIES, told.stdout.split(), strict=True))
    old = {"font/woff2": "application/font-woff2", "font/sfnt": "application/font-sfnt"}
    assert {f: t for f, t in found.items() if t not in {known[f.suffix], old.get(known[f.suffix])}} == {}


def test_stock_tool_reads_the_fonts(tool):
    fonts = [str(file) for file in BINARIES if file.suffix in {".woff2", ".ttf"}]
    command = [tool("fc-scan", "fontconfig"), "--format", "%{family}\n", *fonts]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert told.stdout.split("\n") == ["Sahlan Signs", "Zarqun Signs", ""]


@pytest.mark.parametrize("file", [file for file in BINARIES if file.suffix == ".pdf"], ids=lambda file: file.name)
def test_documents_hold_their_text_uncompressed(file):
    lines = re.findall(rb"\((.*?)\) Tj", file.read_bytes())
    assert any(b"Zarqun Fortress" in line for line in lines)
    assert len(lines) > 40


def test_photograph_carries_embedded_metadata():
    data = (SITES / "sahlandoc.example/wp-content/uploads/2024/11/zarqun-fortress-960x480.jpg").read_bytes()
    assert b"Exif\0\0" in data
    assert b"2024:10:27 16:42:08" in data


def test_other_folders_of_sites_are_served_the_same_way(serve, shared_sites):
    expected = json.loads((shared_sites / "expected.json").read_text(encoding="utf-8"))
    with serve.serve_sites(shared_sites) as served:
        client = Client(served)
        for address in expected:
            host, _, path = address.partition("/")
            assert client.get(served.url(host, f"/{path}")).status == 200
