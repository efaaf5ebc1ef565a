"""The quality of a browser capture is attested, and its package alone shows the page again, in a real Chromium."""

import io
import json
import zipfile

import pytest
from PIL import Image

from sijill.archive.capture.browser.chromium import open_browser
from sijill.archive.capture.browser.rendering import BrowserSettings
from sijill.archive.capture.exchange import Outcome, RevisitKind
from sijill.flows import evidence
from sijill.flows.crawl.resources import RunResources
from sijill.flows.errors import PackageUnusable
from sijill.flows.export import export_package
from sijill.flows.replay import replay_package
from sijill.flows.stored_captures import load_capture
from sijill.flows.wiring import open_archive
from sijill.provenance.verify.verify import verify_package

DRAWN = ("olivegrowers.example", "/statements/the-well-of-tell-rumman/")


@pytest.fixture(scope="module")
def browser(tool):
    tool("chromium", "chromium")
    with open_browser() as made:
        yield made


@pytest.fixture
def archive(archive_settings):
    return open_archive(archive_settings)


def archived(archive, url, browser, **options):
    return evidence.archive_url(archive, url, browser=browser, **options).capture


def packed(archive, capture_id, tmp_path):
    evidence.seal(archive)
    path = tmp_path / f"{capture_id}.wacz"
    export_package(archive, capture_id, path)
    assert verify_package(io.BytesIO(path.read_bytes()), archive.trust).holds
    return path


@pytest.mark.timeout(300)
def test_a_package_alone_shows_the_page_again(serve, new_archive, browser, run, tmp_path):
    with serve() as sites:
        archive = open_archive(new_archive(tmp_path / "archive", sites.pins))
        made = archived(archive, sites.url(*DRAWN), browser)
    assert made.outcome is Outcome.COMPLETE, made.reasons
    statement = load_capture(archive, made.id).statement
    assert statement.predicate.browser.quality.score >= 990
    assert statement.predicate.browser.quality.reason == ""
    path = packed(archive, made.id, tmp_path)
    picture, text = tmp_path / "replayed.jpg", tmp_path / "replayed.txt"
    done = run("sijill", "replay", path, "--picture", picture, "--text", text, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["missing"] == []
    assert found["quality"]["text"] == found["quality"]["resources"] == 1000
    assert found["quality"]["picture"] >= 980
    assert found["attestedScore"] == statement.predicate.browser.quality.score
    with zipfile.ZipFile(path) as package:
        assert text.read_bytes() == package.read("provenance/text.txt")
        seen = Image.open(io.BytesIO(package.read("provenance/screenshot.png")))
    assert Image.open(picture).size == seen.size
    shown = run("sijill", "--config", archive.folder / "sijill.toml", "show", made.id)
    assert "of 1000 when replayed from the capture alone" in shown.stdout


class Forgetful:
    """Shows every page from what is there, but for what ends with `.json` when it is shown again."""

    checks = True

    def __init__(self, browser):
        self._browser = browser

    def show(self, url, *, source, behaviour=None, **options):
        if behaviour is not None:
            source._by_request = {key: kept for key, kept in source._by_request.items() if ".json" not in key[1]}
            source._loosely = {}
        return self._browser.show(url, source=source, behaviour=behaviour, **options)

    def call_off(self):
        self._browser.call_off()


@pytest.mark.timeout(300)
def test_what_a_replay_lacks_makes_a_capture_partial(archive, sites, browser, tmp_path):
    made = archived(archive, sites.url(*DRAWN), Forgetful(browser))
    assert made.outcome is Outcome.PARTIAL
    predicate = load_capture(archive, made.id).statement.predicate
    quality = predicate.browser.quality
    assert predicate.outcome is Outcome.PARTIAL
    assert predicate.reasons == (quality.reason,)
    assert quality.text < 900
    assert "statement.json" in quality.reason
    # The fetch log in the WARC says the same, or the package would not verify.
    replayed = replay_package(packed(archive, made.id, tmp_path))
    assert replayed.quality.reason == "", "all of it is in the package"
    assert replayed.attested.reason == quality.reason


@pytest.mark.timeout(300)
def test_what_is_taken_from_other_captures_is_there_too(archive, sites, browser, tmp_path):
    url = sites.url(*DRAWN)
    with RunResources(archive, "olivegrowers", "one-run") as resources:
        for _ in range(2):
            with resources.capturing() as known:
                result = evidence.archive_url(archive, url, browser=browser, known=known)
                known.stored(result)
    made = result.capture
    assert {one.revisit.kind for one in made.exchanges if one.revisit} >= {RevisitKind.REUSED}
    assert made.outcome is Outcome.COMPLETE, made.reasons
    assert made.rendering.quality.resources == 1000
    assert made.rendering.quality.score >= 990
    replayed = replay_package(packed(archive, made.id, tmp_path))
    assert replayed.missing == ()
    assert replayed.quality.score >= 990


@pytest.mark.timeout(200)
def test_settings_may_do_without(archive, sites):
    assert archive.browser_settings.quality is True
    with open_browser(BrowserSettings(quality=False)) as browser:
        made = archived(archive, sites.url(*DRAWN), browser)
    assert made.outcome is Outcome.COMPLETE, made.reasons
    assert load_capture(archive, made.id).statement.predicate.browser.quality is None


def test_only_packages_of_browser_captures_can_be_replayed(archive, sites, run, tmp_path):
    made = archived(archive, sites.url("remedylawyers.example", "/robots.txt"), None)
    path = packed(archive, made.id, tmp_path)
    with pytest.raises(PackageUnusable, match="without a browser"):
        replay_package(path)
    path.write_bytes(b"no package")
    done = run("sijill", "replay", path)
    assert done.returncode == 2
    assert "not an evidence package" in done.stderr
    assert "Traceback" not in done.stderr
