"""Whatever the bytes are: a result, or "not found" with the reason; the same bytes give the same result."""

import datetime
import io
import json

import pypdf
import pytest

from sijill.archive.reading.reading import LONGEST, read_statement
from sijill.archive.reading.statement import READER, reading_json

URL = "http://orgs.example/en/statements/archive/"
BODY = (
    "<p>We, the undersigned, ask that the registers of the prison be sealed and that families be "
    "told where they are.</p>" * 4
)
ARABIC = (
    "<p>نحن المنظمات الموقعة أدناه نطالب بختم سجلات السجن وبأن تُبلَّغ العائلات بمصير ذويها دون تأخير أو شروط.</p>" * 4
)


def page(body, head="", lang="en"):
    return f"<!doctype html><html lang={lang}><head><title>A statement</title>{head}</head><body>{body}</body></html>"


def read(html, *, charset=None, encoding="utf-8", url=URL, media_type="text/html", **more):
    data = html if isinstance(html, bytes) else html.encode(encoding)
    return read_statement(data, media_type=media_type, charset=charset, url=url, **more)


@pytest.mark.parametrize(
    ("html", "encoding", "charset", "note"),
    [
        (page(ARABIC, lang="ar"), "windows-1256", "windows-1256", None),
        (page(ARABIC, '<meta charset="windows-1256">', "ar"), "windows-1256", None, None),
        (page(ARABIC, lang="ar"), "windows-1256", None, "read as windows-1256"),
        (page(ARABIC, lang="ar"), "windows-1256", "utf-8", "read as windows-1256"),
        (page(ARABIC, lang="ar"), "windows-1256", "iso-8859-1", "read as windows-1256"),
        (page(ARABIC, lang="ar"), "utf-8", "windows-1256", "read as utf-8"),
        (page(ARABIC, lang="ar"), "utf-8", "iso-8859-1", "read as utf-8"),
        (page(ARABIC, lang="ar"), "utf-16", None, None),
        (page(ARABIC, lang="ar").encode().decode("latin-1"), "utf-8", "utf-8", "utf-8 twice"),
    ],
)
def test_arabic_in_any_encoding_reads_the_same(html, encoding, charset, note):
    if encoding == "windows-1256":
        html = html.replace("ُ", "").replace("َّ", "")
    reading = read(html, encoding=encoding, charset=charset)
    assert "نحن المنظمات الموقعة أدناه نطالب بختم سجلات السجن" in reading.text
    assert reading.language.value == "ar"
    assert bool(reading.notes) == bool(note)
    assert note is None or note in reading.notes[0].lower()


def test_french_in_windows_1252_is_not_taken_for_arabic():
    body = (
        "<p>Nous, les organisations signataires, demandons que les registres de la prison "
        "soient scellés dès à présent et protégés.</p>" * 4
    )
    reading = read(page(body, lang="fr"), encoding="windows-1252")
    assert "scellés dès à présent et protégés" in reading.text
    assert reading.language.value == "fr"


def test_a_few_broken_bytes_leave_utf8_and_are_noted():
    reading = read(page(ARABIC, lang="ar").encode() + b"<p>\xff\xfe</p>")
    assert "نحن المنظمات" in reading.text
    assert "not valid UTF-8" in reading.notes[0]


def test_zero_width_and_presentation_forms_and_mixed_direction():
    marked = (
        "<p>نح\u200bن ال\ufeffمنظمات</p><p>ﺍﻟﻤﻨﻈﻤﺎﺕ ﺍﻟﻤﻮﻗﻌﺔ ﻓﻲ ﻫﺬﺍ ﺍﻟﺒﻴﺎﻥ</p>"
        "<p>\u202bمركز \u2066(SDC)\u2069 للتوثيق\u202c</p>" + ARABIC
    )
    reading = read(page(marked, lang="ar"))
    assert reading.text.startswith("نحن المنظمات\n\n")
    assert reading.language.value == "ar"
    assert "(SDC)" in reading.text


@pytest.mark.parametrize(
    ("data", "media_type", "kind"),
    [
        (b"", "text/html", "empty"),
        (b"  \n", None, "empty"),
        (b"\x00\x01\x02", "text/html", "empty"),
        (b"<!-- only -->", "text/html", "empty"),
        (b"<html><body></body></html>", "text/html", "empty"),
        (b"<title>App</title><div id=root></div><script>boot()</script>", "text/html", "empty"),
        (b"<body><nav><a href=/a>Home</a></nav></body>", "text/html", "empty"),
        (b"<body><a href=/a>Statements of ours</a></body>", "text/html", "index"),
        (
            page("<form><input name=u><input type=password name=p><button>Log in</button></form>").encode(),
            "text/html",
            "login",
        ),
        (page("<p>Please wait.</p>").encode(), "text/html", "other"),
        (b"\x89PNG\r\n\x1a\n", "image/png", "other"),
        (b'{"a":1}', "application/json", "other"),
        (b"%PDF-1.4 broken", "application/pdf", "document"),
        (b"not a pdf", "application/pdf", "document"),
        (b"%PDF-1.7\n1 0 obj<</Type/Catalog/Pages 1 0 R>>endobj trailer<</Root 1 0 R>>", None, "document"),
    ],
)
def test_little_or_nothing_is_a_result_with_reasons(data, media_type, kind):
    reading = read(data, media_type=media_type)
    assert reading.kind == kind
    assert reading.kind_reason
    assert reading.date.value is None
    assert reading.date.reason.startswith("not found: ")
    assert not reading.signatories
    assert reading.signatories_reason
    reading_json(reading)


def test_twenty_mebibytes_are_read_and_more_are_not():
    sentence = "The registers of the prison are to be sealed, and what they say is to be told to the families. "
    paragraph = f"<div class=x><p>{sentence * 20}</p></div>"
    start, end = "<!doctype html><title>Long</title><body><main><h1>Long</h1>", "</main></body>"
    count = (LONGEST - len(start) - len(end)) // len(paragraph)
    reading = read(start + paragraph * count + end)
    assert reading.kind == "statement"
    assert reading.text.count(sentence.strip()) == 20 * count
    too_long = read(start + paragraph * (count + 2) + end)
    assert (too_long.kind, too_long.text) == ("other", "")
    assert "not read" in too_long.kind_reason


def test_pieces_beyond_the_limit_are_left_out_and_that_is_told(monkeypatch):
    monkeypatch.setattr("sijill.archive.reading.main_text.MOST_BLOCKS", 3)
    reading = read(page(f"<article><h1>A statement</h1>{BODY}</article>"))
    assert len(reading.paragraphs) == 3
    assert "cut after" in reading.notes[0]


def test_ten_thousand_items():
    items = "".join(f"<li>Association of the Families of District {number}</li>" for number in range(10_000))
    reading = read(page(f"<main><h1>A statement</h1>{BODY}<h2>Signatories</h2><ol>{items}</ol></main>"))
    assert reading.text.count("\nAssociation of the Families of District") == 10_000
    assert not reading.notes


@pytest.mark.parametrize(
    "html", ["<div>" * 50_000 + "x" * 300, "<b><i>" * 20_000 + "word " * 100, "<table><tr><td>" * 3_000 + "y" * 300]
)
def test_deep_nesting_ends(html):
    assert read(page(html)).kind in {"statement", "other", "empty"}


def test_same_bytes_same_json():
    html = page(f"<article><h1>A statement</h1>{BODY}</article>", '<meta name="date" content="2024-11-12">')
    first, second = reading_json(read(html)), reading_json(read(html))
    assert first == second
    stored = json.loads(first)
    assert stored["reader"] == READER
    assert stored["date"]["value"] == {
        "date": "2024-11-12",
        "precision": "day",
        "source": "metadata",
        "verbatim": "2024-11-12",
    }


def test_structure_is_kept():
    body = """<main><h1>A statement</h1><p>First<br>second</p><p>Alone<br><br>apart</p>
    <ol start=3><li>three<li value=7>seven<ul><li>inner</ul><li>eight</ol><table><tr><td>a<td>b<br>c</table></main>"""
    reading = read(page(body + BODY))
    assert reading.text.startswith(
        "A statement\n\nFirst\nsecond\n\nAlone\n\napart\n\nthree\nseven\n\ninner\n\neight\n\na\tb c"
    )


def test_no_break_spaces_within_a_line_stay():
    assert "Centre\u00a0(SDC)" in read(page(f"{BODY}<p>\u00a0Centre\u00a0(SDC)\n  of\tSahlan\u00a0</p>")).text


@pytest.mark.parametrize(
    "around",
    [
        '<div class="related-posts"><a href="/x/">Boilerplate here</a></div>',
        "<h3>Related articles</h3><ul><li><a href=/a/>Boilerplate here</a></li></ul>",
        "<h3>مقالات ذات صلة</h3><div class=c><h4><a href=/a/>Boilerplate here</a></h4><p>and what it says</p></div>",
        '<div role="navigation"><p>Boilerplate here</p></div>',
        "<p>Available in: <a href=/ar/statements/archive/>Boilerplate here</a></p>",
        '<p style="display: none">Boilerplate here</p>',
        "<div><ul><li><a href=/a>Boilerplate here</a><li><a href=/b>We</a><li><a href=/c>Contact</a></ul></div>",
        "<form><p>Boilerplate here</p><input type=email></form>",
    ],
)
def test_frames_are_no_text(around):
    reading = read(page(f"<div><h1>A statement</h1>{BODY}{around}</div>"))
    assert "Boilerplate" not in reading.text
    assert reading.text.count("We, the undersigned") == 4
    assert read(page(f"<div><h1>A statement</h1>{BODY}</div>")).frame_sha256 != reading.frame_sha256


def test_a_class_on_what_holds_the_text_does_not_hide_it():
    reading = read(
        page(f'<div class="has-sidebar widget"><div class="sidebar content"><h1>A statement</h1>{BODY}</div></div>')
    )
    assert "We, the undersigned" in reading.text


def test_languages_by_link_text_in_the_other_script():
    links = '<p><a href="/ar/bayan/">النص بالعربية</a></p><ul><li><a href="/ar/other/">تقرير عن السجون</a></ul>'
    (version,) = read(page(f"<article><h1>A statement</h1>{links}{BODY}</article>")).versions
    assert (version.language, version.url, version.how) == ("ar", "http://orgs.example/ar/bayan/", "link-text")


def test_words_decide_the_language_and_a_contradiction_is_told():
    reading = read(page(ARABIC, lang="en"))
    assert reading.language.value == "ar"
    assert "declares en" in reading.language.reason


def test_date_after_the_capture_is_refused():
    html = page(BODY, '<meta property="article:published_time" content="2031-05-01T00:00:00Z">')
    assert read(html).date.value.date == datetime.date(2031, 5, 1)
    refused = read(html, not_after=datetime.date(2026, 1, 2)).date
    assert refused.value is None
    assert "after the capture" in refused.reason


def pdf(*pages, title=None):
    writer = pypdf.PdfWriter()
    for lines in pages:
        sheet = writer.add_blank_page(595, 842)
        font = pypdf.generic.DictionaryObject(
            {pypdf.generic.NameObject(f"/{name}"): pypdf.generic.NameObject(f"/{value}")
             for name, value in (("Type", "Font"), ("Subtype", "Type1"), ("BaseFont", "Helvetica"))}
        )  # fmt: skip
        fonts = pypdf.generic.DictionaryObject({pypdf.generic.NameObject("/F1"): font})
        sheet[pypdf.generic.NameObject("/Resources")] = pypdf.generic.DictionaryObject(
            {pypdf.generic.NameObject("/Font"): fonts}
        )
        stream = pypdf.generic.DecodedStreamObject()
        shown = "".join(f"1 0 0 1 50 {800 - 20 * at} Tm ({line}) Tj " for at, line in enumerate(lines))
        stream.set_data(f"BT /F1 12 Tf {shown}ET".encode())
        sheet[pypdf.generic.NameObject("/Contents")] = stream
    if title:
        writer.add_metadata({"/Title": title, "/CreationDate": "D:20200101000000Z"})
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def test_pdf_with_text():
    lines = [
        "Keep the records of the fortress",
        "12 November 2024",
        "We ask that the registers of the prison be sealed and that families be",
        "told what is in them, without delay.",
    ]
    reading = read(pdf(lines, title="Microsoft Word - draft.docx"), media_type="application/pdf")
    assert (reading.kind, reading.title.value, reading.language.value) == ("document", lines[0], "en")
    assert reading.date.value.date == datetime.date(2024, 11, 12)
    assert "families be told what is in them" in reading.text


def test_numbered_lines_of_a_pdf_stay_lines():
    names = ["1. Association of the Families of the Missing of the Southern Districts", "2. Hand in Hand for the North"]
    reading = read(pdf(["Signatories", *names, "1"]), media_type="application/pdf")
    assert reading.text == "\n".join(["Signatories", *names])


def test_pdf_without_text():
    reading = read(pdf([], []), media_type="application/pdf")
    assert (reading.kind, reading.text, reading.title.value) == ("document", "", None)
    assert "without text, of 2 pages" in reading.kind_reason
    assert reading.date.value is None


def test_a_page_without_head_and_body_tags_is_read():
    reading = read(f"<!doctype html><html lang=en><title>T</title><article><h1>A statement</h1>{BODY}</article>")
    assert (reading.kind, reading.title.value) == ("statement", "A statement")
    assert "registers of the prison" in reading.text
