"""Every page of the bundled sites, and of five real publishers' sites kept beside the project, is captured complete."""

import json
from urllib.parse import urlsplit

import pytest

from sijill.flows import evidence
from sijill.flows.wiring import open_archive


def capture_all(settings, sites, expected):
    archive = open_archive(settings)
    outcomes = {}
    for place in expected:
        host, _, path = place.partition("/")
        archived = evidence.archive_url(archive, sites.url(host, f"/{path}"))
        outcomes[place] = archived.capture
    assert evidence.seal(archive).log.size == len(expected)
    return outcomes


def documents_of_the_site(expected):
    """Paths of the linked documents; one on another site is linked, not fetched."""
    return {document for document in expected.get("linked_documents", ()) if document.startswith("/")}


def fetched_paths(capture):
    return {urlsplit(exchange.url).path for exchange in capture.exchanges}


@pytest.mark.timeout(240)
def test_the_pages_of_the_bundled_sites(repository, archive_settings, sites):
    expected = json.loads((repository / "deployments" / "demo" / "expected.json").read_text(encoding="utf-8"))
    captures = capture_all(archive_settings, sites, expected)
    for place, capture in captures.items():
        assert (capture.outcome, capture.reasons) == ("complete", ()), place
        assert capture.title, place
        assert documents_of_the_site(expected[place]) <= fetched_paths(capture), place


@pytest.mark.timeout(240)
def test_the_pages_of_five_publishers(shared_sites, serve, tmp_path, new_archive):
    expected = json.loads((shared_sites / "expected.json").read_text(encoding="utf-8"))
    with serve(shared_sites) as sites:
        captures = capture_all(new_archive(tmp_path / "archive", sites.pins), sites, expected)
    for place, capture in captures.items():
        assert (capture.outcome, capture.reasons) == ("complete", ()), place
        assert documents_of_the_site(expected[place]) <= fetched_paths(capture), place
