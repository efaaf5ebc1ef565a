"""The pages in a real Chromium over a real archive: each shows what it should, in both languages."""

import re

import pytest

pytestmark = pytest.mark.timeout(400)

JOINT = "zarqunfamilies.example/en/statements/keep-the-records/"
MAIN_PAGES = ["/", "/statements", "/changes", "/organisations", "/captures", "/runs", "/log", "/log/0", "/about"]


def settled(tab):
    tab.wait_for_selector(".waiting", state="detached", timeout=60_000)


def statement_of(sample):
    return f"statements/{sample.captures[JOINT][0]}"


def test_front_page_counts_and_lists(tab, site, sample):
    tab.goto(f"{site.url}/")
    number = sum(map(len, sample.captures.values()))
    assert f"{number} captures" in re.sub(r"\s+", " ", tab.inner_text(".figures"))
    assert tab.locator("table").first.locator("tbody tr").count() == 3
    assert tab.locator("svg[role=img] rect").count() > 0
    tab.fill("#q", "fortress")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/statements?q=fortress")
    assert "Zarqun Fortress" in tab.inner_text(".hits")
    assert tab.complaints == []


def test_search_in_arabic_in_whatever_form_it_is_written(tab, site):
    tab.goto(f"{site.url}/statements?lang=ar")
    # With vowel signs, and without the article and the hamza that the pages have.
    tab.fill("#q", "سِجلّات قلعه زرقون")
    tab.keyboard.press("Enter")
    tab.wait_for_selector(".hits li")
    assert tab.get_attribute("html", "dir") == "rtl"
    assert "سجلات قلعة زرقون" in tab.inner_text(".hits")
    assert "سجلات" in tab.locator(".snippet mark").all_inner_texts()
    assert tab.locator(".snippet").first.evaluate("one => getComputedStyle(one).direction") == "rtl"


def test_a_statement_brings_together_sites_languages_signatories_and_versions(tab, site, sample):
    tab.goto(f"{site.url}/{statement_of(sample)}")
    assert tab.locator("table").first.locator("tbody tr").count() == 4
    texts = tab.locator("article.text")
    assert {texts.nth(place).get_attribute("lang") for place in range(texts.count())} == {"en", "ar"}
    assert tab.locator("article.text[lang=ar] p").last.evaluate("one => getComputedStyle(one).direction") == "rtl"
    assert tab.locator(".signatories li").count() == 14
    timeline = tab.locator(".timeline").first
    assert timeline.locator("li").count() == 3
    assert "as it had been before" in timeline.inner_text()
    # Any capture of the statement leads to it.
    tab.goto(f"{site.url}/statements/{sample.captures[JOINT][2]}")
    assert tab.url.endswith(statement_of(sample))


def test_what_changed_is_marked_word_by_word(tab, site, sample, sampling):
    tab.goto(f"{site.url}/{statement_of(sample)}")
    tab.locator(".timeline .compare").last.click()
    tab.wait_for_selector(".diff")
    assert [word.strip() for word in tab.locator(".diff .changed del").all_inner_texts()] == ["tenders"]
    assert tab.locator(".diff .changed ins").all_inner_texts() == ["bids", "whole"]
    assert "Teachers for Truth" in tab.inner_text(".diff .removed del")
    assert "We therefore call upon" not in tab.inner_text(".diff")


def test_changes_say_what_became_of_a_statement_and_that_it_was_put_back(tab, site):
    tab.goto(f"{site.url}/changes")
    listed = tab.locator(".statements li")
    assert listed.count() == 2
    assert "now signed by Teachers for Truth" in listed.nth(0).inner_text()
    assert "as it had been before" in listed.nth(0).inner_text()
    assert "no longer signed by Teachers for Truth" in listed.nth(1).inner_text()


def test_a_capture_is_verified_now_and_after_the_page_is_there(tab, site, sample):
    tab.goto(f"{site.url}/captures/{sample.captures[JOINT][0]}")
    assert "Being verified now" in tab.inner_text("#verdict") or "VERIFIED" in tab.inner_text("#verdict")
    settled(tab)
    assert "VERIFIED" in tab.inner_text("#verdict .banner.good")
    assert "captured" in tab.inner_text("#custody")
    assert "sealed" in tab.inner_text("#custody")
    assert tab.locator(".exchanges tbody tr").count() >= 1
    with tab.expect_download() as package:
        tab.locator("a[href$='/package']").click()
    assert package.value.suggested_filename == f"{sample.captures[JOINT][0]}.wacz"
    assert tab.complaints == []


def test_without_script_links_lead_to_the_verdict(chromium, site, sample):
    context = chromium.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(f"{site.url}/captures/{sample.captures[JOINT][0]}")
    tab.click("text=Verify now, from the stored bytes")
    assert "VERIFIED" in tab.inner_text(".banner.good")
    assert tab.locator("h1, h2").count() >= 1
    context.close()


def test_a_browser_capture_shows_its_picture_and_replays(tab, site, sample):
    [capture_id] = sample.captures["olivegrowers.example/statements/the-well-of-tell-rumman/"]
    tab.goto(f"{site.url}/captures/{capture_id}")
    settled(tab)
    assert (
        tab.evaluate("Promise.all([...document.images].map(one => (one.loading = 'eager', one.decode())))") is not None
    )
    assert tab.locator(".shots img").first.evaluate("one => one.naturalWidth") > 1000
    tab.click("text=Replay the page")
    frame = tab.frame_locator("iframe.replay")
    frame.locator("text=names no owner but").wait_for(timeout=60_000)
    assert tab.get_attribute("iframe.replay", "sandbox") == "allow-scripts"


def test_runs_list_what_was_planned_and_what_became_of_it(tab, site):
    tab.goto(f"{site.url}/runs")
    assert tab.locator("tbody tr").count() == 5
    tab.locator("tbody tr", has_text="Zarqun").first.locator("a").first.click()
    tab.wait_for_selector("h1:has-text('Run over')")
    rows = tab.locator("tbody tr")
    assert rows.count() >= 3
    rows.locator("a[href^='/captures/']").first.click()
    tab.wait_for_url("**/captures/*")


def test_an_organisation_has_its_health(tab, site):
    tab.goto(f"{site.url}/organisations/sahlan")
    said = tab.inner_text("dl.facts")
    assert "15 4 * * *" in said
    assert "sahlandoc.example" in said
    assert "01:15:00 UTC" in said or "02:15:00 UTC" in said
    assert tab.locator("svg[role=img] rect").count() > 0


def test_an_entry_of_the_log_is_proven(tab, site, sample):
    tab.goto(f"{site.url}/log")
    size = int(tab.inner_text("dl.facts b"))
    assert tab.locator("section:last-of-type tbody tr").count() == size
    tab.goto(f"{site.url}/log/{size - 1}")
    assert "Included" in tab.inner_text(".banner.good")
    assert "c2sp.org/tlog-proof@v1" in tab.inner_text("main")
    tab.goto(f"{site.url}/log/{size}")
    assert "There is no such page" in tab.inner_text("h1")


@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize("width", [360, 1280])
def test_pages_fit_speak_one_language_and_keep_to_their_policy(chromium, site, sample, language, width):
    context = chromium.new_context(viewport={"width": width, "height": 800})
    tab = context.new_page()
    complaints = []
    tab.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    capture = sample.captures[JOINT][0]
    for path in [*MAIN_PAGES, f"/{statement_of(sample)}", f"/captures/{capture}", f"/captures/{capture}/text"]:
        tab.goto(f"{site.url}{path}?lang={language}")
        settled(tab)
        assert tab.get_attribute("html", "lang") == language
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, path
        assert tab.locator("h1").count() == 1
    assert complaints == []
    # The language is kept.
    tab.goto(f"{site.url}/log")
    assert tab.get_attribute("html", "lang") == language
    context.close()


def test_the_keyboard_goes_to_the_content_and_through_the_page_in_order(tab, site):
    tab.goto(f"{site.url}/")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.className") == "skip"
    assert tab.evaluate("document.activeElement.getBoundingClientRect().top") >= 0
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "main"
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.id") == "q"
    outline = tab.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"
