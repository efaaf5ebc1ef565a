"""What waits in the work folder after a loss of power: it is stored only if it is what was signed."""

import pytest

from sijill.flows import evidence
from sijill.flows.stored_captures import load_captures
from sijill.flows.wiring import open_archive
from sijill.storage.errors import StoreUnavailable

PATH = "/robots.txt"


@pytest.fixture
def waiting(archive_settings, sites, monkeypatch):
    """An archive, and the folder of a capture that its store did not take."""
    archive = open_archive(archive_settings)

    def refuse(*_arguments, **_keywords):
        raise StoreUnavailable("objects", "no space left")

    with monkeypatch.context() as patch:
        patch.setattr(type(archive.store), "put", refuse)
        with pytest.raises(StoreUnavailable):
            evidence.archive_url(archive, sites.url("remedylawyers.example", PATH))
    (item,) = (archive_settings.parent / "work" / "finished").iterdir()
    return archive, item


def test_what_the_store_did_not_take_is_stored_later(waiting):
    archive, item = waiting
    assert evidence.recover(archive) == 1
    assert [capture.capture_id for capture in load_captures(archive)] == [item.name]
    assert not item.exists()


@pytest.mark.parametrize("name", ["data.warc.gz", "attestation.dsse.json"])
@pytest.mark.parametrize("kept", [0, 100])
def test_what_lacks_bytes_is_set_aside(waiting, name, kept):
    archive, item = waiting
    whole = (item / name).read_bytes()
    (item / name).write_bytes(whole[:kept])
    evidence.recover(archive)
    evidence.seal(archive)
    assert list(load_captures(archive)) == []
    assert not item.exists()
    aside = item.parents[1] / "damaged" / item.name
    assert (aside / name).read_bytes() == whole[:kept]
