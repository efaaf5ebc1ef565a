"""Dates of publication: every notation in use, never one out of a sentence, never a guess."""

import datetime

import pytest

from sijill.archive.reading.date import is_date
from sijill.archive.reading.date_notation import mentions
from sijill.archive.reading.normalise import tidy
from sijill.archive.reading.reading import read_statement

JSON_LD = '[{"@type":"WebPage","datePublished":"2018-01-01"},{"@type":["Report"],"datePublished":"2018-11-15"}]'
DAY = datetime.date(2018, 11, 15)
TEXT = (
    "<p>We, the undersigned organisations, welcome the decision of 3 March 2017 and ask all States to support "
    "it, as they undertook to do in April 2013 and again since then.</p>" * 2
)


def date_of(body, head="", url="http://orgs.example/statement/", **more):
    html = f"<!doctype html><head><title>T</title>{head}</head><body><main><h1>A title of it</h1>{body}</main></body>"
    return read_statement(html.encode(), media_type="text/html", charset="utf-8", url=url, **more).date


@pytest.mark.parametrize(
    "line",
    [
        "15 November 2018",
        "15th November, 2018",
        "15th of November 2018",
        "November 15, 2018",
        "Nov. 15, 2018",
        "Thursday, 15 November 2018",
        "Thursday 15 Nov 2018",
        "Published on 15 November 2018",
        "Date: 15 November 2018",
        "2018-11-15",
        "2018/11/15",
        "15/11/2018",
        "11/15/2018",
        "15.11.2018",
        "15-11-2018",
        "15-Nov-2018",
        "jeudi 15 novembre 2018",
        "le 15 novembre 2018",
        "Publié le 15 novembre 2018",
        "15 نوفمبر 2018",
        "١٥ نوفمبر ٢٠١٨",
        "15 تشرين الثاني 2018",
        "١٥ تشرين الثاني/نوفمبر ٢٠١٨",
        "15 تشرين الثاني (نوفمبر) 2018",
        "15 تشرين الثاني / نوفمبر 2018",
        "الخميس 15 تشرين الثاني 2018",
        "الخميس، ١٥ نوفمبر، ٢٠١٨",
        "15 نوفمبر/تشرين الثاني 2018",
        "١٥/١١/٢٠١٨",
        "\u200f15\u200f/11\u200f/2018",
        "٢٠١٨/١١/١٥",
        "تاريخ النشر: 15 نوفمبر 2018",
        "15 من تشرين الثاني عام 2018",
        "۱۵ نوفمبر ۲۰۱۸",
    ],
)
def test_a_line_that_is_a_date(line):
    assert is_date(line)
    for body in (f"<p>{line}</p>{TEXT}", f"{TEXT}<p>{line}</p>"):
        found = date_of(body)
        assert found.value is not None, found.reason
        assert (found.value.date, found.value.precision, found.value.source) == (DAY, "day", "text")


@pytest.mark.parametrize(
    ("name", "month"),
    [
        ("كانون الثاني", 1),
        ("شباط", 2),
        ("آذار", 3),
        ("نيسان", 4),
        ("أيار", 5),
        ("حزيران", 6),
        ("تموز", 7),
        ("آب", 8),
        ("أيلول", 9),
        ("تشرين الأول", 10),
        ("تشرين الثاني", 11),
        ("كانون الأول", 12),
        ("يناير", 1),
        ("فبراير", 2),
        ("مارس", 3),
        ("أبريل", 4),
        ("إبريل", 4),
        ("مايو", 5),
        ("يونيو", 6),
        ("يوليو", 7),
        ("أغسطس", 8),
        ("سبتمبر", 9),
        ("أكتوبر", 10),
        ("نوفمبر", 11),
        ("ديسمبر", 12),
        ("janvier", 1),
        ("février", 2),
        ("août", 8),
        ("décembre", 12),
    ],
)
def test_names_of_months(name, month):
    assert [one.date for one in mentions(tidy(f"7 {name} 2021"))] == [datetime.date(2021, month, 7)]


@pytest.mark.parametrize(
    ("line", "verbatim"),
    [
        ("Bir Nasr, 15 November 2018", "15 November 2018"),
        ("Press statement | Bir Nasr | Thursday, 15 November 2018 | <a href=/ar/>بالعربية</a>", "15 November 2018"),
        ("بيان صحفي | بئر نصر | الخميس 15 تشرين الثاني/نوفمبر 2018", "15 تشرين الثاني/نوفمبر 2018"),
        ("Beirut – November 15, 2018", "November 15, 2018"),
        ("15 November 2018, Geneva", "15 November 2018"),
    ],
)
def test_a_dateline(line, verbatim):
    for body in (f"<p>{line}</p>{TEXT}", f"{TEXT}<p>{line}</p>"):
        found = date_of(body).value
        assert found is not None
        assert (found.date, found.verbatim) == (DAY, verbatim)


def test_a_text_that_opens_with_place_and_date():
    assert date_of(TEXT.replace("<p>", "<p>(Damascus, 15 November 2018) – ", 1)).value.date == DAY


@pytest.mark.parametrize(
    "body",
    [
        TEXT,
        f"<p>The verdict of 15 November 2018 is welcome.</p>{TEXT}",
        f"<p>On 15 November 2018 the court ruled</p>{TEXT}",
        f"{TEXT}<p>Last updated: 15 November 2018</p>",
        f"<p>آخر تحديث: 15 نوفمبر 2018</p>{TEXT}",
        f"<ul><li>15 November 2018</li><li>16 November 2018</li></ul>{TEXT}",
        f"{TEXT}<footer>© 2018–2024</footer>",
        f"<p>7 ربيع الأول 1440</p>{TEXT}",
    ],
)
def test_what_is_no_date_of_publication(body):
    found = date_of(body)
    assert found.value is None
    assert found.reason.startswith("not found: ")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (f"<p>05/06/2018</p>{TEXT}", "two ways"),
        (f"<p>31 February 2018</p>{TEXT}", "calendar"),
        (f"<p>15 نوفمبر/شباط 2018</p>{TEXT}", "two months"),
        (f"<p>15 November 2018</p><p>17 November 2018</p>{TEXT}", "several dates"),
        (f"<p>15 November 1918</p>{TEXT}", "before the web"),
    ],
)
def test_doubt_is_told_and_not_settled(body, reason):
    found = date_of(body)
    assert found.value is None
    assert reason in found.reason


def test_a_hijri_date_beside_it():
    line = "الثلاثاء 10 جمادى الأولى 1440 هـ الموافق 15 تشرين الثاني 2018م"
    assert date_of(f"<p>{line}</p>{TEXT}").value.date == DAY


def test_day_first_in_french_and_arabic():
    arabic = "<p>نحن المنظمات الموقعة أدناه نطالب بختم سجلات السجن وبأن تُبلَّغ العائلات بمصير ذويها دون تأخير.</p>"
    assert date_of(f"<p>٠٥/٠٦/٢٠١٨</p>{arabic * 2}").value.date == datetime.date(2018, 6, 5)
    text = (
        "<p>Nous, les organisations signataires, demandons que les registres de la prison soient scellés et que les "
        "familles soient informées de leur contenu dans les meilleurs délais.</p>"
    )
    assert date_of(f"<p>05/06/2018</p>{text * 2}").value.date == datetime.date(2018, 6, 5)


@pytest.mark.parametrize(
    ("head", "source"),
    [
        ('<meta property="article:published_time" content="2018-11-15T23:30:00-05:00">', "metadata"),
        ('<meta name="DC.date" content="2018-11-15">', "metadata"),
        (f'<script type="application/ld+json">{JSON_LD}</script>', "json-ld"),
        ('<script type="application/ld+json">{x</script><meta name="pubdate" content="15 November 2018">', "metadata"),
    ],
)
def test_declared_dates(head, source):
    found = date_of(TEXT, head).value
    assert (found.date, found.source) == (DAY, source)


def test_time_element_above_the_text_and_not_those_below():
    assert date_of(f'<time datetime="2018-11-15T10:00:00Z">Nov 15</time>{TEXT}').value.source == "time-element"
    assert date_of(f'{TEXT}<p>Comment of <time datetime="2019-01-01">1 Jan</time></p>').value is None


def test_declared_date_stands_and_a_contradiction_in_the_text_is_told():
    found = date_of(f"<p>14 November 2018</p>{TEXT}", '<meta property="article:published_time" content="2018-11-15">')
    assert found.value.date == DAY
    assert "14 November 2018" in found.reason


def test_address_only_if_nothing_else_says_it():
    found = date_of(TEXT, url="http://orgs.example/2018/11/15/statement/")
    assert (found.value.date, found.value.source) == (DAY, "url")
    assert "address" in found.reason
    assert date_of(TEXT, url="http://orgs.example/2018/11/statement/").value.precision == "month"
    assert (
        date_of(f"<p>16 November 2018</p>{TEXT}", url="http://orgs.example/2018/11/15/statement/").value.source
        == "text"
    )


def test_month_alone():
    found = date_of(f"<p>November 2018</p>{TEXT}").value
    assert (found.date, found.precision) == (datetime.date(2018, 11, 1), "month")
