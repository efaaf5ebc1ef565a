"""The viewer over every kind of store: what is there, what was removed, and what the store no longer gives."""

import io
import json
import urllib.error
import urllib.request
import zipfile

import pytest

from sijill.flows.viewing.site import Site, served
from sijill.flows.wiring import open_archive
from sijill.viewer.serving import Place

pytestmark = pytest.mark.timeout(300)

PAGE = "/2024/11/12/joint-statement-keep-the-records-of-zarqun/"


def ask(url):
    """Status and body."""
    try:
        with urllib.request.urlopen(url, timeout=120) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as err:
        return err.code, err.read()


@pytest.mark.parametrize("bucket", ["plain", "versioned", "locked"])
def test_an_archive_in_s3_is_shown_verified_and_replayed(s3_archive, sites, run, bucket):
    settings = s3_archive(bucket)
    done = run("sijill", "--config", settings, "capture", "--json", sites.url("sahlandoc.example", PAGE))
    assert done.returncode == 0, done.stderr
    captured = json.loads(done.stdout)["captures"][0]["captureId"]
    assert run("sijill", "--config", settings, "read").returncode == 0
    told = []
    here = Place("127.0.0.1", 0)
    with served(open_archive(settings), Site(here, here), show=told.append) as site:
        status, text = ask(f"{site.url}/statements?q=fortress")
        assert (status, b"Keep the Records" in text) == (200, True)
        status, text = ask(f"{site.url}/captures/{captured}/verdict")
        assert (status, b"VERIFIED" in text, b"NOT VERIFIED" in text) == (200, True, False)
        status, package = ask(f"{site.url}/captures/{captured}/package")
        assert status == 200
        assert "provenance/verify.html" in zipfile.ZipFile(io.BytesIO(package)).namelist()
        status, listed = ask(f"{site.url}/api/captures/{captured}")
        assert (status, json.loads(listed)["captureId"]) == (200, captured)
    assert told == []


def test_what_was_removed_is_said_to_be_removed(archive_settings, sites, run):
    command = ("sijill", "--config", archive_settings)
    done = run(*command, "capture", "--json", sites.url("sahlandoc.example", PAGE))
    captured = json.loads(done.stdout)["captures"][0]["captureId"]
    removed = run(*command, "tombstone", captured, "--reason", "names a minor", "--authority", "order 7/2026", "--yes")
    assert removed.returncode == 0, removed.stderr
    here = Place("127.0.0.1", 0)
    with served(open_archive(archive_settings), Site(here, here), show=print) as site:
        status, text = ask(f"{site.url}/captures/{captured}")
        assert b"names a minor" in text
        assert b"order 7/2026" in text
        assert b"VERIFIED" not in text.replace(b"NOT VERIFIED", b"")
        assert ask(f"{site.url}/captures/{captured}/package")[0] in {409, 410}
        assert status in {200, 410}


def test_a_sites_file_that_cannot_be_used_is_said_to_be_and_is_read_again_when_it_is_mended(archive_settings, caplog):
    path = archive_settings.parent / "sites.toml"
    good = '[[sites]]\nid = "alpha"\nname = "Alpha Group"\nstart = ["https://a.example/"]\nstatements = ["/s/*"]\n'
    here = Place("127.0.0.1", 0)
    with served(open_archive(archive_settings), Site(here, here), show=print) as site:

        def organisations(language="en"):
            status, text = ask(f"{site.url}/organisations?lang={language}")
            assert status == 200
            return text.decode()

        assert "there is no sites file" in organisations()
        path.write_text(good)
        assert "Alpha Group" in organisations()
        path.write_text(good + "idd = 1\n")
        shown = organisations()
        assert "Sites file not usable" in shown
        assert "Alpha Group" not in shown
        assert str(path.parent) not in shown
        assert "ملف المواقع" in organisations("ar")
        assert [str(path) in one.getMessage() for one in caplog.records if "no organisations" in one.message] == [True]
        path.write_text(good.replace("Alpha", "Beta"))
        assert "Beta Group" in organisations()
        path.unlink()
        assert "there is no sites file" in organisations()
