"""What changed between two readings, each thing for itself."""

from dataclasses import replace

import pytest

from sijill.archive.reading.changes import DifferentReaders, compare_readings
from sijill.archive.reading.reading import read_statement

ARABIC = (
    "نحن المنظمات الموقعة أدناه نرحب بمذكرات التوقيف التي أصدرتها المحكمة يوم الاثنين بحق المسؤولين عن الجرائم.",
    "انتظرت عائلات المفقودين جوابا منذ ربيع عام 2012 ولم تعطها أي سلطة جوابا عن مصير أبنائها وبناتها حتى اليوم.",
    "ندعو جميع الدول إلى التعاون مع المحكمة وحماية الشهود وتسليم كل من صدرت بحقه مذكرة توقيف دون أي تأخير.",
)
NAMES = ("كش ملك", "مركز سهلان للتوثيق", "رابطة عائلات زرقون")


def read(paragraphs=ARABIC, names=NAMES, *, links="", menu="الرئيسية", title="بيان مشترك", before="", date=""):
    text = "".join(f"<p>{one}</p>" for one in paragraphs)
    signed = "".join(f"<li>{name}</li>" for name in names)
    html = (
        f'<!doctype html><html lang="ar"><head><title>{title}</title><meta property="og:type" content="article">'
        f'<meta property="og:title" content="{title}">{date}</head><body><nav><a href="/">{menu}</a></nav>{before}'
        f"<article><h1>{title}</h1>{text}{links}<h2>الموقعون</h2><ol>{signed}</ol></article></body></html>"
    )
    reading = read_statement(html.encode(), media_type="text/html", charset="utf-8", url="https://x.example/bayan")
    assert len(reading.signatories) == bool(names)
    return reading


def test_the_same_reading_has_not_changed():
    changed = compare_readings(read(), read())
    assert not changed.statement
    assert not changed.around


def test_a_word_in_arabic():
    changed = compare_readings(read(), read((ARABIC[0].replace("نرحب", "نندد"), *ARABIC[1:])))
    assert (changed.text.words_added, changed.text.words_removed, changed.text.moved) == (1, 1, 0)
    assert not changed.signatories.changed
    assert not changed.around


def test_vowel_signs_are_words_and_invisible_marks_are_not():
    signs = compare_readings(read(), read((ARABIC[0].replace("نرحب", "نُرحّب"), *ARABIC[1:])))
    assert signs.statement
    marks = compare_readings(read(), read((ARABIC[0].replace("نرحب", "\u200fنرحب\u200e"), *ARABIC[1:])))
    assert not marks.statement
    assert marks.text.presentation
    assert marks.around


def test_only_a_mark_of_punctuation():
    changed = compare_readings(read(), read((ARABIC[0].replace(".", "؟"), *ARABIC[1:])))
    assert changed.text.punctuation
    assert changed.statement
    assert (changed.text.words_added, changed.text.words_removed) == (0, 0)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (NAMES[1:], ((), NAMES[:1], 0, ())),
        ((*NAMES, "محامو بئر نصر"), (("محامو بئر نصر",), (), 0, ())),
        ((NAMES[0], "مركز سهلان للتوثيق والعدالة", NAMES[2]), ((), (), 1, ())),
        ((NAMES[0], "محامو بئر نصر", NAMES[2]), (("محامو بئر نصر",), (NAMES[1],), 0, ())),
        ((NAMES[1], NAMES[2], NAMES[0]), ((), (), 0, (NAMES[0],))),
        (NAMES * 2, (NAMES, (), 0, ())),
    ],
)
def test_signatories(names, expected):
    changed = compare_readings(read(), read(names=names))
    told = changed.signatories
    assert (told.added, told.removed, len(told.renamed), told.reordered) == expected
    assert not changed.text.changed, "names are not told once more as text"


def test_all_signatories_are_gone():
    changed = compare_readings(read(), read(names=()))
    assert changed.signatories.removed == NAMES


def test_title_and_date():
    meta = '<meta property="article:published_time" content="{}">'
    changed = compare_readings(
        read(date=meta.format("2018-11-15")), read(title="بيان آخر", date=meta.format("2018-11-16"))
    )
    assert (changed.title.before, changed.title.after) == ("بيان مشترك", "بيان آخر")
    assert (changed.date.before, changed.date.after) == ("2018-11-15", "2018-11-16")
    assert not changed.text.changed
    lost = compare_readings(read(date=meta.format("2018-11-15")), read())
    assert (lost.date.before, lost.date.after) == ("2018-11-15", None)


def test_links_documents_and_frame_are_not_the_statement():
    linked = '<p>التقرير الكامل: <a href="/report.pdf">هنا</a></p>'
    other = linked.replace("report.pdf", "report-2.pdf")
    changed = compare_readings(read(links=linked), read(links=other, menu="البداية"))
    assert not changed.statement
    assert changed.links.added == ("https://x.example/report-2.pdf",)
    assert changed.links.removed == ("https://x.example/report.pdf",)
    assert changed.documents.added == ("https://x.example/report-2.pdf",)
    assert changed.frame


def test_readings_of_different_readers_are_not_compared():
    with pytest.raises(DifferentReaders, match="may be the reader"):
        compare_readings(read(), replace(read(), reader="sijill-reader/0"))
