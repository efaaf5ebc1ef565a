"""The checklist says what is there, and counts doubt as not met."""

import dataclasses

import pytest

from sijill.archive.capture.exchange import Failure, FailureKind, Purpose, Truncation
from sijill.provenance.attest.berkeley import checklist
from sijill.provenance.attest.members import BERKELEY_ITEMS


def met(capture, *, collector_named=True, egress_known=True):
    findings = checklist(capture, collector_named=collector_named, egress_known=egress_known)
    assert tuple(finding.item for finding in findings) == BERKELEY_ITEMS
    assert all(finding.reason for finding in findings)
    return {finding.item for finding in findings if finding.met}


ALL_BUT_SCREENSHOT = set(BERKELEY_ITEMS) - {"screenshot"}


def with_page(samples, **changes):
    capture = samples.plain_capture()
    page = capture.exchanges[0]
    response = samples.response(**changes)
    return dataclasses.replace(capture, exchanges=(dataclasses.replace(page, response=response),))


def with_requisite(samples, **changes):
    capture = samples.plain_capture()
    requisite = samples.exchange(2, "https://example.org/a.png", **changes)
    return dataclasses.replace(capture, exchanges=(*capture.exchanges, requisite))


def test_plain_page(samples):
    assert met(samples.plain_capture()) == ALL_BUT_SCREENSHOT


def shown(samples, *without, **changes):
    rendering = dataclasses.replace(samples.rendering(), not_collected=(), not_collected_left_out=0, **changes)
    files = tuple(one for one in rendering.files if one.name not in without)
    pictures = tuple(one for one in rendering.screenshots if one.name not in without)
    rendering = dataclasses.replace(rendering, files=files, screenshots=pictures)
    return dataclasses.replace(samples.plain_capture(), rendering=rendering)


def test_a_page_in_a_browser_has_url_source_and_picture(samples):
    assert met(shown(samples)) == set(BERKELEY_ITEMS)


@pytest.mark.parametrize("without", ["screenshot.png", "screenshot-captioned.png", "screenshot-2.png"])
def test_a_picture_is_of_the_whole_page_and_shows_its_time(samples, without):
    assert met(shown(samples, without, metadata={"contentHeight": 20_000})) == ALL_BUT_SCREENSHOT
    assert met(shown(samples, without)) >= ALL_BUT_SCREENSHOT


def test_what_is_streamed_is_not_collected(samples):
    capture = dataclasses.replace(samples.plain_capture(), rendering=samples.rendering())
    assert met(capture) == set(BERKELEY_ITEMS) - {"embedded-media"}


def test_failure_is_recorded_but_collects_little(samples):
    assert met(samples.failed_capture()) == {"url", "collector", "hashes"}


def test_error_page_is_a_page(samples):
    assert met(with_page(samples, status=404)) == ALL_BUT_SCREENSHOT


@pytest.mark.parametrize("media_type", ["application/pdf", None])
def test_page_that_is_not_html(samples, media_type):
    assert met(with_page(samples, media_type=media_type)) == ALL_BUT_SCREENSHOT - {"html-source"}


def test_page_cut_short(samples):
    capture = with_page(samples, truncated=Truncation.LENGTH)
    assert met(capture) == ALL_BUT_SCREENSHOT - {"html-source", "embedded-media"}


def test_requisites_that_came(samples):
    assert met(with_requisite(samples)) == ALL_BUT_SCREENSHOT


def test_requisites_that_did_not_come(samples):
    lost = [
        {"response": None, "failure": Failure(FailureKind.DNS, "no such host")},
        {"response": samples.response(status=404)},
        {"response": samples.response(truncated=Truncation.TIME)},
        {"failure": Failure(FailureKind.RESET, "reset")},
    ]
    for changes in lost:
        assert met(with_requisite(samples, **changes)) == ALL_BUT_SCREENSHOT - {"embedded-media"}


def test_linked_documents_are_not_embedded(samples):
    capture = with_requisite(samples, purpose=Purpose.DOCUMENT, response=samples.response(status=404))
    assert met(capture) == ALL_BUT_SCREENSHOT


def test_collector_needs_the_egress_address(samples):
    assert met(samples.plain_capture(), egress_known=False) == ALL_BUT_SCREENSHOT - {"collector"}
    assert met(samples.plain_capture(), collector_named=False) == ALL_BUT_SCREENSHOT
