import pytest

from sijill.archive.digest import digest_bytes
from sijill.storage.copying import compare, copy
from sijill.storage.open import open_store


@pytest.fixture
def two(new_url):
    return open_store(new_url(), create=True), open_store(new_url(), create=True)


def fill(store, source):
    for number in range(6):
        data = b"object %d" % number
        store.put(f"objects/{number}", source(data), expected=digest_bytes(data))
    assert store.create("log/checkpoints/12", b"twelve")
    store.replace("log/checkpoint", b"twelve")
    store.replace("queue/one", b"queued")


def test_a_copy_is_equal_and_a_second_copy_copies_nothing(two, source):
    one, other = two
    fill(one, source)
    seen = []
    first = copy(one, other, on_object=seen.append)
    assert (first.copied, first.present, first.differences) == (9, 0, ())
    assert seen == list(range(1, 8))
    assert compare(one, other) == ()
    assert other.read("queue/one", limit=10) == b"queued"
    again = copy(one, other)
    assert (again.copied, again.present) == (0, 9)


def test_an_interrupted_copy_is_completed(two, source):
    one, other = two
    fill(one, source)

    def stop(done):
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy(one, other, on_object=stop)
    assert other.stat("log/checkpoint") is None, "the checkpoint comes last"
    assert copy(one, other).differences == ()
    assert compare(one, other) == ()


def test_differences_are_named_and_nothing_is_overwritten(two, source):
    one, other = two
    fill(one, source)
    other.create("objects/3", b"something else")
    other.create("objects/only-there", b"x")
    copied = copy(one, other)
    assert [(found.key, found.what) for found in copied.differences] == [("objects/3", "other bytes in the target")]
    one.create("objects/only-here", b"y")
    assert [(found.key, found.what) for found in compare(one, other)] == [
        ("objects/3", "other bytes in the target"),
        ("objects/only-here", "only in the source"),
        ("objects/only-there", "only in the target"),
    ]
    assert other.read("objects/3", limit=100) == b"something else"


def test_the_checkpoint_follows_the_source(two, source):
    one, other = two
    fill(one, source)
    copy(one, other)
    one.create("log/checkpoints/13", b"thirteen")
    one.replace("log/checkpoint", b"thirteen")
    assert [found.key for found in compare(one, other)] == ["log/checkpoint", "log/checkpoints/13"]
    assert copy(one, other).copied == 2
    assert compare(one, other) == ()


def test_a_source_that_goes_on_promises_nothing_it_did_not_give(two, source):
    one, other = two
    fill(one, source)

    class Live:
        """The source, sealed by someone else once its immutable objects were listed."""

        def __getattr__(self, name):
            return getattr(one, name)

        def list(self, prefix, **more):
            yield from one.list(prefix, **more)
            one.create("log/checkpoints/13", b"thirteen")
            one.replace("log/checkpoint", b"thirteen")

    assert copy(Live(), other).differences == ()
    assert other.read("log/checkpoint", limit=20) == b"twelve"
    assert other.stat("log/checkpoints/13") is None
    assert copy(one, other).copied == 2
    assert compare(one, other) == ()


def test_a_target_whose_log_went_on_keeps_its_checkpoint(two, source):
    one, other = two
    fill(one, source)
    copy(one, other)
    other.create("log/checkpoints/14", b"fourteen")
    other.replace("log/checkpoint", b"fourteen")
    copied = copy(one, other)
    assert [(found.key, found.what) for found in copied.differences] == [("log/checkpoints/14", "only in the target")]
    assert other.read("log/checkpoint", limit=20) == b"fourteen"
