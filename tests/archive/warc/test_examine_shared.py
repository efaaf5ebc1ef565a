"""A WARC read by ranges gives exactly what one reading gives, whatever is wrong with it and wherever ranges are cut."""

from __future__ import annotations

import gzip
import io
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sijill.archive.digest import digest_bytes
from sijill.archive.errors import MalformedWarc
from sijill.archive.lanes import LARGE, Inline, Lane, Lanes
from sijill.archive.warc.examine import examine, examine_warc
from sijill.archive.warc.member import gzip_stored
from sijill.archive.warc.ranges import Begun, Bounds, Ended, Found, Range, cut, examine_range, find_record, merge
from sijill.archive.warc.reader import CONTENT_LIMIT
from sijill.archive.warc.region import Region, region_of
from sijill.archive.warc.scan import Sharing, scan_warc
from sijill.archive.warc.workers import Workers

SEED = 20261121
BOUNDS = Bounds(CONTENT_LIMIT, 10_000)
SHARED = Sharing(processes=2, smallest=0, step=700)
ALONE = Sharing(processes=1)


def alone(data: bytes, bounds: Bounds = BOUNDS):
    """One reading of everything."""
    return scan_warc(io.BytesIO(data), examine, bounds=bounds).records


def in_ranges(data: bytes, step: int, bounds: Bounds = BOUNDS, lost: int | None = None):
    """The same by ranges, without other processes; of range `lost` the words end early."""
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        region = Region(file.fileno(), 0, len(data))
        ranges = cut(len(data), step)

        def words(number):
            found = list(examine_range(region, ranges[number], examine, bounds, Inline()))
            return found[: len(found) // 2] if number == lost else found

        return merge(region, ranges, words, examine, bounds, Inline())


def same(one, other) -> bool:
    """Whether two readings found the same, problems included."""
    return (one.values, str(one.problem)) == (other.values, str(other.problem))


@pytest.mark.parametrize("step", [1, 7, 100, 997, 5_000, 1 << 20])
def test_wherever_ranges_are_cut(warc, step):
    found = in_ranges(warc, step)
    assert found.problem is None
    assert same(found, alone(warc))
    assert len(found.values) > 20


@settings(max_examples=150, deadline=None, derandomize=True)
@given(data=st.data())
def test_flipped_bits(warc, data):
    broken = bytearray(warc)
    for place in data.draw(st.lists(st.integers(0, len(warc) - 1), min_size=1, max_size=3)):
        broken[place] ^= 1 << data.draw(st.integers(0, 7))
    step = data.draw(st.integers(200, 4_000))
    assert same(in_ranges(bytes(broken), step), alone(bytes(broken)))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(data=st.data())
def test_pieces_cut_out_or_put_in(warc, data):
    start = data.draw(st.integers(0, len(warc)))
    end = data.draw(st.integers(start, len(warc)))
    broken = warc[:start] + data.draw(st.binary(max_size=60)) + (warc[end:] if data.draw(st.booleans()) else b"")
    step = data.draw(st.integers(200, 4_000))
    assert same(in_ranges(broken, step), alone(broken))


def test_records_moved_left_out_and_doubled(small_warc, warc):
    examined = examine_warc(io.BytesIO(warc)).records
    members = [warc[record.offset : record.offset + record.length] for record in examined]
    chance = random.Random(SEED)
    for _ in range(60):
        chosen = list(members)
        for _ in range(chance.randint(1, 2)):
            moved = chosen.pop(chance.randrange(len(chosen)))
            for _ in range(chance.randint(0, 2)):
                chosen.insert(chance.randint(0, len(chosen)), moved)
        data = b"".join(chosen)
        assert same(in_ranges(data, chance.randint(300, 3_000)), alone(data))


@pytest.mark.parametrize("records", range(6))
def test_too_many_records(small_warc, records):
    bounds = Bounds(CONTENT_LIMIT, records)
    for step in (1, 300, 600, 1 << 20):
        assert same(in_ranges(small_warc, step, bounds), alone(small_warc, bounds))


def test_too_much_content(small_warc):
    sizes = [record.size for record in examine_warc(io.BytesIO(small_warc)).records]
    for content in sorted({sum(sizes[:count]) - less for count in range(len(sizes) + 1) for less in (0, 1)}):
        bounds = Bounds(content, 100)
        for step in (1, 300, 600, 1 << 20):
            assert same(in_ranges(small_warc, step, bounds), alone(small_warc, bounds))


def nested(build, write, small_warc) -> bytes:
    """A WARC with WARCs of ours as stored payloads: places that look like the beginning of a record, but are none."""
    for number in range(4):
        build.simple(f"http://site.example/{number}.warc.gz", small_warc * 3, "application/gzip")
    return write(build.capture())[0]


def test_what_looks_like_a_record_inside_of_a_block(build, write, small_warc):
    data = nested(build, write, small_warc)
    assert data.count(small_warc) == 12
    found = alone(data)
    assert found.problem is None
    for step in (100, 333, 1_000, 2_500):
        assert same(in_ranges(data, step), found)


def test_a_guess_inside_of_a_block_is_one_that_can_happen(build, write, small_warc):
    data = nested(build, write, small_warc)
    inside = data.index(small_warc) + 1
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        region = Region(file.fileno(), 0, len(data))
        guess = find_record(region, Range(inside, len(data), exact=False))
        words = list(examine_range(region, Range(inside, len(data), exact=False), examine, BOUNDS, Inline()))
    assert guess is not None
    assert guess not in {record.offset for record in alone(data).values}
    assert words[0] == Begun(guess)
    assert isinstance(words[1], Found)


def test_words_that_end_early_are_made_up_for(warc):
    whole = alone(warc)
    for lost in range(0, len(warc) // 2_000, 2):
        assert same(in_ranges(warc, 2_000, lost=lost), whole)


def test_a_length_of_thousands_of_digits(small_warc):
    records = [gzip.decompress(small_warc[r.offset : r.offset + r.length]) for r in alone(small_warc).values]
    records[1] = re.sub(rb"(?<=Content-Length: )[0-9]+(?=\r\n\r\n)", b"9" * 5_000, records[1], count=1)
    broken = b"".join(gzip_stored(record) for record in records)
    with pytest.raises(MalformedWarc, match="digits"):
        examine_warc(io.BytesIO(broken))
    assert same(in_ranges(broken, 300), alone(broken))


@pytest.fixture
def large(build, write, tmp_path) -> Path:
    """A WARC with records that are hashed in threads, chunked and not, between small ones."""
    chance = random.Random(SEED)
    build.simple("http://site.example/", b"<p>hello</p>" * 400, "text/html")
    build.simple("http://site.example/film", chance.randbytes(3 * LARGE), "video/mp4")
    build.simple("http://site.example/text", b"".join(b"%d\n" % n for n in range(LARGE // 4)), "text/plain")
    body = chance.randbytes(LARGE)
    for size in (100_000, 900):
        pieces = [body[at : at + size] for at in range(0, len(body), size)]
        framed = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
        head = b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nTransfer-Encoding: chunked\r\n\r\n"
        build.add(f"http://site.example/{size}", head + framed, body)
    build.simple("http://site.example/last", b"bye", "text/plain")
    path = tmp_path / "large.warc.gz"
    path.write_bytes(write(build.capture())[0])
    return path


def test_threads_and_processes_give_what_one_reading_gives(large):
    data = large.read_bytes()
    plain = in_ranges(data, len(data))
    assert plain.problem is None
    for sharing in (ALONE, Sharing(processes=2, smallest=0), Sharing(processes=3, smallest=0, step=1 << 20)):
        with large.open("rb") as source:
            scan = scan_warc(source, examine, bounds=BOUNDS, sharing=sharing)
        assert scan.digests == digest_bytes(data)
        assert same(scan.records, plain)


@pytest.mark.parametrize("edit", ["flip", "cut"])
def test_a_large_file_with_a_defect(large, tmp_path, edit):
    data = bytearray(large.read_bytes())
    place = len(data) * 2 // 3
    data[place] ^= 1
    broken = bytes(data) if edit == "flip" else bytes(data[:place])
    path = tmp_path / "data.warc.gz"
    path.write_bytes(broken)
    with path.open("rb") as source:
        scan = scan_warc(source, examine, bounds=BOUNDS, sharing=Sharing(processes=2, smallest=0, step=1 << 20))
    assert scan.digests == digest_bytes(broken)
    assert scan.records.problem is not None
    assert same(scan.records, alone(broken))


def gone_once(record):
    """A visit that kills every process but the one that asked."""
    if os.environ.get("SIJILL_TEST_PARENT") != str(os.getpid()):
        os.kill(os.getpid(), signal.SIGKILL)
    return examine(record)


def test_processes_that_die_are_made_up_for(warc_path, warc, monkeypatch):
    monkeypatch.setenv("SIJILL_TEST_PARENT", str(os.getpid()))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    monkeypatch.setattr(gone_once, "__module__", Path(__file__).stem)
    monkeypatch.setitem(sys.modules, Path(__file__).stem, sys.modules[__name__])
    with warc_path.open("rb") as source:
        scan = scan_warc(source, gone_once, bounds=BOUNDS, sharing=SHARED)
    assert same(scan.records, alone(warc))


def test_processes_that_cannot_be_started_are_made_up_for(warc_path, warc, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(warc_path))
    with warc_path.open("rb") as source:
        assert same(scan_warc(source, examine, bounds=BOUNDS, sharing=SHARED).records, alone(warc))


def test_nothing_is_imported_from_the_current_folder(warc_path, warc, tmp_path, monkeypatch):
    """Whoever made the package may have put a module beside it."""
    trap = "import pathlib\npathlib.Path('sprung').touch()\nraise SystemExit(9)\n"
    for name in ("pickle.py", "hashlib.py", "sijill.py"):
        (tmp_path / name).write_text(trap)
    monkeypatch.chdir(tmp_path)
    with warc_path.open("rb") as source:
        region = region_of(source)
        ranges = cut(region.size, region.size)
        with Workers(region, ranges, examine, BOUNDS, processes=1) as workers:
            words = list(workers.words(0))
    assert isinstance(words[-1], Ended)
    assert len(words) == 2 + len(alone(warc).values)
    assert not (tmp_path / "sprung").exists()


def children(of: int) -> list[int]:
    """The processes that this one started and that still run."""
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(of)], capture_output=True, text=True, check=False)
    return [int(line) for line in found.stdout.split()]


def running(process: int) -> bool:
    state = Path(f"/proc/{process}/stat")
    return state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z"


SLOW = """
    import sys
    from sijill.archive.warc.examine import examine
    from sijill.archive.warc.ranges import Bounds
    from sijill.archive.warc.scan import Sharing, scan_warc
    class Slow:
        def __init__(self, file):
            self.file, self.raw = file, file
        def read(self, size, /):
            import time
            print("reading", flush=True)
            time.sleep(300)
            return b""
    import sijill.archive.warc.scan as scan
    with open(sys.argv[1], "rb") as file:
        region = scan.region_of(file)
        scan.region_of = lambda source: region
        try:
            scan_warc(Slow(file), examine, bounds=Bounds(1 << 40, 10_000), sharing=Sharing(2, 0, 1 << 20))
        except KeyboardInterrupt:
            sys.exit(130)
"""


def test_the_processes_end_with_the_one_that_started_them(large):
    command = [sys.executable, "-c", textwrap.dedent(SLOW), str(large)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"reading\n"
        deadline = time.monotonic() + 60
        while len(started := children(process.pid)) < 2 and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        process.kill()
    assert started
    while any(running(each) for each in started) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(running(each) for each in started)


def test_where_the_bytes_of_a_source_lie(warc_path, warc, tmp_path):
    with warc_path.open("rb") as source:
        assert region_of(source) == Region(source.fileno(), 0, len(warc))
        source.read(10)
        assert region_of(source) == Region(source.fileno(), 10, len(warc) - 10)
        assert region_of(source).read_at(0, 20) == warc[10:30]
        assert region_of(source).part(5, 7).read_at(2, 100) == warc[17:22]
        assert region_of(source).part(5, len(warc)) is None
    # What these give is not what lies in the file whose descriptor they tell.
    with gzip.open(warc_path) as source:
        assert region_of(source) is None
        assert region_of(io.BufferedReader(source)) is None
    assert region_of(io.BytesIO(warc)) is None
    os.mkfifo(tmp_path / "fifo")
    end = os.open(tmp_path / "fifo", os.O_RDWR)
    with (tmp_path / "fifo").open("rb") as source:
        assert region_of(source) is None
    os.close(end)


def test_lanes_keep_the_order_of_what_they_are_given():
    class Joined(bytearray):
        update = bytearray.extend

    chance = random.Random(SEED)
    pieces = [chance.randbytes(chance.choice([1, 100, 70_000, 300_000])) for _ in range(60)]
    one, other = Joined(), Joined()
    with Lanes() as lanes:
        for piece in pieces:
            lanes.update(Lane.BLOCK, one, piece)
            lanes.update(Lane.PAYLOAD, other, piece)
        lanes.settle()
    assert one == other == b"".join(pieces)
