"""Tile names, bundles, and the right edge, against c2sp.org/tlog-tiles."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sijill.provenance.errors import MalformedTile
from sijill.provenance.log.edge import RightEdge, partial_tiles
from sijill.provenance.log.layout import batch_key, checkpoint_key, leaf_index_key, queue_key
from sijill.provenance.log.merkle import EMPTY_ROOT, leaf_hash
from sijill.provenance.log.tiles import Tile, format_bundle, parse_bundle, parse_tile, tile_at


@pytest.mark.parametrize(
    ("tile", "key"),
    [
        (Tile(0, 0, 256), "log/tile/0/000"),
        (Tile(0, 1234067, 256), "log/tile/0/x001/x234/067"),
        (Tile(0, 999, 1), "log/tile/0/999.p/1"),
        (Tile(1, 1000, 255), "log/tile/1/x001/000.p/255"),
        (Tile(None, 1000000, 256), "log/tile/entries/x001/x000/000"),
        (Tile(None, 7, 12), "log/tile/entries/007.p/12"),
        (Tile(63, 0, 1), "log/tile/63/000.p/1"),
    ],
)
def test_names(tile, key):
    assert tile.key == key


def test_other_keys():
    capture = "20261121t011630z-k3j2x5m4q7ab"
    assert checkpoint_key(70000) == "log/checkpoints/70000"
    assert batch_key(0) == "log/batches/0"
    assert queue_key(capture) == f"queue/{capture}"
    assert leaf_index_key(capture) == f"captures/2026/11/21/{capture}/leaf-index"


@pytest.mark.parametrize("bad", [(-1, 0, 1), (64, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257)])
def test_tiles_that_do_not_exist(bad):
    with pytest.raises(ValueError, match="no tile"):
        Tile(*bad)


def test_tiles_of_the_specifications_example():
    # "a tree of size 70,000": 273 full level 0 tiles and one of 112, one full level 1 tile and one of 17, one of 1.
    assert tile_at(0, 272, 70_000).width == 256
    assert set(partial_tiles(70_000)) == {Tile(None, 273, 112), Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)}
    assert set(partial_tiles(256)) == {Tile(1, 0, 1)}
    assert set(partial_tiles(0)) == set()
    with pytest.raises(ValueError, match="no tile 274"):
        tile_at(0, 274, 70_000)
    with pytest.raises(ValueError, match="no tile 0"):
        tile_at(2, 0, 65_535)


def test_edge_writes_exactly_those_tiles():
    edge = RightEdge.empty()
    written = [tile for tile, _ in edge.append([b"%d" % number for number in range(70_000)])]
    assert len(written) == len(set(written))
    full = {Tile(level, index, 256) for level in (None, 0) for index in range(273)} | {Tile(1, 0, 256)}
    assert set(written) == full | set(partial_tiles(70_000))
    for number, tile in enumerate(written):
        if tile.level == 0:
            assert Tile(None, tile.index, tile.width) in written[:number]


@given(st.integers(0, 600), st.integers(0, 600))
def test_edge_gives_the_root_and_can_be_taken_up_from_its_tiles(first, more):
    leaves = [b"%d" % number for number in range(first + more)]
    edge = RightEdge.empty()
    stored = dict(edge.append(leaves[:first]))
    bundle: tuple[bytes, ...] = ()
    levels: list[tuple[bytes, ...]] = []
    for tile in partial_tiles(first):
        if tile.level is None:
            bundle = parse_bundle(stored[tile], tile.width)
        else:
            levels += [()] * (tile.level - len(levels)) + [parse_tile(stored[tile], tile.width)]
    again = RightEdge(first, bundle, levels)
    assert again.root() == edge.root()
    assert list(again.append(leaves[first:])) == list(edge.append(leaves[first:]))
    whole = RightEdge.empty()
    list(whole.append(leaves))
    assert again.root() == whole.root() == edge.root()
    assert again.size == first + more


def test_edge_roots_are_those_of_the_definition(logs):
    for size in (0, 1, 2, 3, 255, 256, 257, 511, 512, 513):
        leaves = [b"%d" % number for number in range(size)]
        edge = RightEdge.empty()
        list(edge.append(leaves))
        assert edge.root() == logs.naive_root(leaves)
    assert RightEdge.empty().root() == EMPTY_ROOT


def test_bundle_form():
    assert format_bundle([b"", b"ab", b"x" * 65_535]) == b"\x00\x00\x00\x02ab\xff\xff" + b"x" * 65_535
    with pytest.raises(MalformedTile):
        format_bundle([b"x" * 65_536])


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_bundle_round_trip(entries):
    data = format_bundle(entries)
    assert parse_bundle(data, len(entries)) == tuple(entries)
    for width in (len(entries) - 1, len(entries) + 1):
        with pytest.raises(MalformedTile):
            parse_bundle(data, width)


@pytest.mark.parametrize("data", [b"\0", b"\0\1", b"\0\2a", b"\0\1a\0", b"\0\1a\0\1"])
def test_bundles_that_break_off(data):
    for width in (0, 1, 2):
        with pytest.raises(MalformedTile):
            parse_bundle(data, width)


def test_tile_width_is_exact():
    data = leaf_hash(b"a") + leaf_hash(b"b")
    assert parse_tile(data, 2) == (leaf_hash(b"a"), leaf_hash(b"b"))
    for wrong in (data[:-1], data + b"\0", data[:32]):
        with pytest.raises(MalformedTile):
            parse_tile(wrong, 2)
