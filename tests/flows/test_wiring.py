from datetime import UTC, datetime, timedelta

from sijill.flows.wiring import open_archive
from sijill.storage.layout import capture_started


def test_capture_ids_sort_by_time_and_name_their_second(archive_settings):
    archive = open_archive(archive_settings)
    begun = datetime(2026, 11, 21, 1, 16, 30, tzinfo=UTC)
    moments = [begun + timedelta(microseconds=step * 6_737) for step in range(300)]
    ids = [archive.new_capture_id(moment) for moment in moments]
    assert ids == sorted(ids)
    assert [capture_started(capture_id) for capture_id in ids] == [moment.replace(microsecond=0) for moment in moments]
    assert len({archive.new_capture_id(begun) for _ in range(1000)}) == 1000
