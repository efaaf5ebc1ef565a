"""Captures with a real Chromium by the commands: what is kept, proven and shown, and what happens if there is none."""

import contextlib
import json
import os
import shutil
import zipfile
from pathlib import Path

import pytest

from sijill.archive.capture.browser.chromium import find_chromium
from sijill.archive.crawl.judging import judge, with_text
from sijill.archive.crawl.pages import Captured, Known, PageOutcome
from sijill.archive.errors import BrowserUnavailable
from sijill.flows.crawl.sites import read_sites

SITES = Path(__file__).resolve().parents[2] / "deployments" / "demo" / "sites"
HOST = "olivegrowers.example"
STATEMENT = "/statements/the-well-of-tell-rumman/"
DRAWN = "carried water by donkey"
SUBJECTS = {
    "dom.html",
    "text.txt",
    "screenshot.png",
    "screenshot-captioned.png",
    "accessibility.json",
    "page.pdf",
    "page.json",
}
SITES_FILE = """
[[sites]]
id = "olive"
name = "Olive Growers"
start = ["{olive}"]
statements = ["/statements/*/"]
browser = "always"
politeness = {{ delay_seconds = 0 }}

[[sites]]
id = "lawyers"
name = "Remedy Lawyers"
start = ["{lawyers}"]
statements = ["/news/*/"]
politeness = {{ delay_seconds = 0 }}
"""


@pytest.fixture(scope="session")
def chromium():
    try:
        return find_chromium()
    except BrowserUnavailable:
        pytest.skip("there is no Chromium: apt-get install chromium")


@pytest.fixture
def without_chromium(archive_settings):
    """Settings that name a browser which is not there, and the mode."""

    def make(mode):
        text = archive_settings.read_text(encoding="utf-8")
        text = text.replace('mode = "never"', f'mode = "{mode}"')
        text = text.replace('# executable = "/usr/bin/chromium"', 'executable = "not-there/chromium"')
        archive_settings.write_text(text, encoding="utf-8")
        return archive_settings

    return make


def files_of(shown):
    return {subject["name"]: subject for subject in shown["statement"]["subject"][1:]}


def test_a_page_that_a_script_draws_is_evidence_as_a_person_saw_it(chromium, run, sites, archive_settings, tmp_path):
    config = ("--config", archive_settings)
    done = run("sijill", *config, "capture", "--browser", sites.url(HOST, STATEMENT), "--json")
    assert done.returncode == 0, done.stderr
    [capture] = json.loads(done.stdout)["captures"]
    assert capture["outcome"] == "complete", capture["reasons"]
    package = tmp_path / "package.wacz"
    assert run("sijill", *config, "export", capture["captureId"], "-o", package).returncode == 0
    verified = run("sijill-verify", package, "--trust", archive_settings.parent / "trust.json")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    with zipfile.ZipFile(package) as opened:
        inside = {name.partition("provenance/")[2] for name in opened.namelist() if name.startswith("provenance/")}
        assert inside >= SUBJECTS
        assert DRAWN in opened.read("provenance/dom.html").decode()
        assert DRAWN in opened.read("provenance/text.txt").decode()
        assert opened.read("provenance/screenshot-captioned.png").startswith(b"\x89PNG\r\n\x1a\n")
    shown = json.loads(run("sijill", *config, "show", capture["captureId"], "--json").stdout)
    assert set(files_of(shown)) == SUBJECTS
    told = run("sijill", *config, "show", capture["captureId"]).stdout
    assert "Chromium" in told
    assert "screenshot.png 1280x" in told
    assert "Blocked        nothing" in told
    assert "apt-get" not in told


def test_the_drawn_text_is_in_no_file_of_a_plain_capture(run, sites, archive_settings):
    config = ("--config", archive_settings)
    done = run("sijill", *config, "capture", "--no-browser", sites.url(HOST, STATEMENT), "--json")
    [capture] = json.loads(done.stdout)["captures"]
    shown = json.loads(run("sijill", *config, "show", capture["captureId"], "--json").stdout)
    predicate = shown["statement"]["predicate"]
    assert (predicate["browser"], predicate["browserFallback"], files_of(shown)) == (None, None, {})
    assert not any(one["url"].endswith(".json") for one in predicate["exchanges"])


@pytest.mark.parametrize("how", ["executable", "path"])
def test_without_chromium_a_browser_capture_is_refused_in_one_line(
    run, sites, archive_settings, without_chromium, tmp_path, how
):
    settings = without_chromium("never") if how == "executable" else archive_settings
    env = {"PATH": str(tmp_path)} if how == "path" else {}
    url = sites.url(HOST, STATEMENT)
    done = run("sijill", "--config", settings, "capture", "--browser", url, env=env)
    assert done.returncode == 2
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert "apt-get install chromium" in line
    assert run("sijill", "--config", settings, "list").stdout == ""


def test_without_chromium_auto_goes_by_plain_http_and_the_attestation_says_so(run, sites, without_chromium):
    config = ("--config", without_chromium("auto"))
    done = run("sijill", *config, "capture", sites.url(HOST, STATEMENT), "--json")
    assert done.returncode == 0, done.stderr
    [capture] = json.loads(done.stdout)["captures"]
    shown = json.loads(run("sijill", *config, "show", capture["captureId"], "--json").stdout)
    predicate = shown["statement"]["predicate"]
    assert predicate["browser"] is None
    assert "not-there/chromium" in predicate["browserFallback"]
    assert files_of(shown) == {}
    assert "none, plain HTTP: " in run("sijill", *config, "show", capture["captureId"]).stdout


def test_a_site_that_needs_a_browser_is_not_crawled_without_one(run, sites, without_chromium):
    settings = without_chromium("auto")
    listed = SITES_FILE.format(olive=sites.url(HOST), lawyers=sites.url("remedylawyers.example"))
    (settings.parent / "sites.toml").write_text(listed, encoding="utf-8")
    done = run("sijill", "--config", settings, "crawl", "olive")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith("or name it in the settings")
    assert run("sijill", "--config", settings, "list").stdout == ""


def test_a_crawl_shows_the_pages_of_a_site_that_asks_for_it(chromium, run, serve, new_archive, tmp_path):
    """In processes of their own and in this one; what a script draws is what tells whether the page has changed."""
    folder = tmp_path / "sites"
    for host in (HOST, "remedylawyers.example"):
        shutil.copytree(SITES / host, folder / host)
    with serve(folder) as served:
        settings = new_archive(tmp_path / "archive", served.pins)
        listed = SITES_FILE.format(olive=served.url(HOST), lawyers=served.url("remedylawyers.example"))
        (settings.parent / "sites.toml").write_text(listed, encoding="utf-8")
        env = {"PATH": f"{os.environ['PATH']}:{tmp_path}"}
        first = run("sijill", "--config", settings, "crawl", "--all", "--processes", "2", "--json", env=env)
        assert first.returncode == 0, first.stderr
        captures = [
            json.loads(one) for one in run("sijill", "--config", settings, "list", "--json").stdout.splitlines()
        ]
        by_host = {HOST in one["target"]: one["captureId"] for one in captures}
        for drawn, capture_id in by_host.items():
            shown = json.loads(run("sijill", "--config", settings, "show", capture_id, "--json").stdout)
            assert (shown["statement"]["predicate"]["browser"] is not None) == drawn
        data = folder / HOST / STATEMENT.strip("/") / "statement.json"
        data.write_text(data.read_text(encoding="utf-8").replace("donkey", "hand"), encoding="utf-8")
        second = json.loads(run("sijill", "--config", settings, "crawl", "olive", "--json").stdout)
        third = json.loads(run("sijill", "--config", settings, "crawl", "olive", "--json").stdout)
    assert [done["runs"][0]["counts"].get("captured") for done in (second, third)] == [1, None]
    assert third["runs"][0]["counts"]["unchanged"] == 1
    assert _begun_with(env["PATH"]) == set(), "a browser was left behind"


def test_the_same_bytes_say_nothing_where_a_script_fills_them(tmp_path):
    listed = SITES_FILE.format(olive=f"http://{HOST}/", lawyers="http://remedylawyers.example/")
    path = tmp_path / "sites.toml"
    path.write_text(listed, encoding="utf-8")
    site = read_sites(path)[0]
    url = f"http://{HOST}{STATEMENT}"

    def captured(words):
        shown = None if words is None else f"<p>{words}".encode()
        bare = Captured("id", False, url, 200, sha256="00", media_type="text/html", body=b"<p>shell", shown=shown)
        return with_text(bare)

    before = captured("one")
    known = Known(url, "earlier", before.sha256, text_sha256=before.text_sha256)
    outcomes = [judge(site, url, captured(words), known).outcome for words in ("one", "two", None)]
    assert outcomes == [PageOutcome.UNCHANGED, PageOutcome.CAPTURED, PageOutcome.UNCHANGED]


def _begun_with(path):
    """Ids of the processes, browsers among them, that were begun with this PATH, and run."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"PATH={path}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                found.add(int(entry.name))
    return found
