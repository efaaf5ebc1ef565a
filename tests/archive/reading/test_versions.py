from dataclasses import replace

from sijill.archive.reading.reading import read_statement
from sijill.archive.reading.statement import Reading
from sijill.archive.reading.versions import compare_versions, version_links

EN = ["We write on 6 March 2021 of the 4,318 persons who were last seen alive in the fortress of the town.",
      "The registers of the prison, 61 bound volumes, have been kept in the eastern wing since 1987, unsealed.",
      "Whoever destroys them destroys what courts and families need, and what nobody can ever make again."]  # fmt: skip
AR = ["نكتب في ٦ آذار ٢٠٢١ عن ٤٣١٨ شخصاً شوهدوا أحياء للمرة الأخيرة في قلعة البلدة القديمة.",
      "سجلات السجن، وهي ٦١ مجلداً، محفوظة في الجناح الشرقي منذ عام ١٩٨٧، ولم يختمها أحد حتى اليوم.",
      "من يتلفها يتلف ما تحتاج إليه المحاكم والعائلات، وما لا يستطيع أحد أن يصنعه مرة أخرى."]  # fmt: skip
NAMES_EN = ["Sahlan Documentation Centre (SDC)", "Lantern House", "Remedy Lawyers Sahlan (RLS)"]
NAMES_AR = ["مركز سهلان للتوثيق", "بيت الفانوس", "محامو الإنصاف في سهلان"]


def reading(language: str, paragraphs: list[str], names: list[str], *, other: str = "") -> Reading:
    link = f'<link rel="alternate" hreflang="{"ar" if language == "en" else "en"}" href="{other}">' if other else ""
    heading = "Signatories" if language == "en" else "الموقعون"
    listed = f"<h2>{heading}</h2><ul>{''.join(f'<li>{name}</li>' for name in names)}</ul>" if names else ""
    page = (
        f'<html lang="{language}"><head><meta charset="utf-8"><title>T</title>{link}'
        f'<meta property="article:published_time" content="2021-03-07"></head><body><article><h1>T</h1>'
        f"{''.join(f'<p>{each}</p>' for each in paragraphs)}{listed}</article></body></html>"
    )
    return read_statement(page.encode(), media_type="text/html", charset=None, url=f"http://example.org/{language}")


def test_versions_that_link_to_each_other_are_linked_once() -> None:
    readings = [reading("en", EN, [], other="/ar"), reading("ar", AR, [], other="/en")]

    links = version_links(readings)

    assert [(link.first, link.second, link.how, link.mutual) for link in links] == [(0, 1, "hreflang", True)]


def test_the_same_date_and_numbers_link_what_does_not_link_itself() -> None:
    readings = [reading("en", EN, []), reading("ar", AR, []), reading("ar", AR[2:], [])]
    readings[2] = replace(readings[2], url="http://example.org/ar2")

    assert [(link.first, link.second, link.how) for link in version_links(readings)] == [
        (0, 1, "same-date-and-numbers")
    ]


def test_nothing_is_missing_between_versions_that_say_the_same() -> None:
    found = compare_versions(reading("en", EN, NAMES_EN), reading("ar", AR, NAMES_AR))

    assert (found.missing, found.same_organisations, found.paired_by_order, found.untold) == ((), 2, 1, ((), ()))


def test_a_paragraph_that_one_version_lacks_is_named() -> None:
    for lacking in range(3):
        found = compare_versions(reading("en", EN, []), reading("ar", AR[:lacking] + AR[lacking + 1 :], []))

        assert [(each.what, each.text, each.only_in) for each in found.missing] == [("paragraph", EN[lacking], "first")]


def test_a_signatory_that_one_version_lacks_is_named() -> None:
    found = compare_versions(reading("en", EN, NAMES_EN), reading("ar", AR, [NAMES_AR[0], NAMES_AR[2]]))

    assert [(each.what, each.text, each.only_in) for each in found.missing] == [("signatory", "Lantern House", "first")]


def test_names_that_cannot_be_told_are_not_said_to_be_missing() -> None:
    found = compare_versions(
        reading("en", EN, [*NAMES_EN, "Open Gate"]), reading("ar", AR, ["باب مفتوح", "بيت", "فانوس", *NAMES_AR[::2]])
    )

    assert found.missing == ()
    assert found.untold == (("Lantern House", "Open Gate"), ("باب مفتوح", "بيت", "فانوس"))
