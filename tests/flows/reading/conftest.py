import pytest

from sijill.archive.reading.statement import READER
from sijill.flows import evidence
from sijill.flows.wiring import open_archive


@pytest.fixture
def archive(archive_settings):
    return open_archive(archive_settings)


@pytest.fixture
def captured(archive, sites):
    """`captured(path, …)` makes captures of robots.txt with made-up queries, sealed together; their ids."""

    def make(*paths, seal=True):
        ids = [
            evidence.archive_url(archive, sites.url("remedylawyers.example", f"/robots.txt?{path}")).capture.id
            for path in paths
        ]
        if seal:
            evidence.seal(archive)
        return ids

    return make


@pytest.fixture
def keep(archive):
    """`keep(capture_id, data)` leaves a reading where readers leave theirs."""

    def put(capture_id, data):
        path = archive.folder / "store" / "readings" / READER / f"{capture_id}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    return put
