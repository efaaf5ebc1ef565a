"""What only the store in a folder does: files, modes, links, full disks, damaged bytes."""

from __future__ import annotations

import errno
import fcntl
import io
import os
import pickle
import resource
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sijill.archive.digest import digest_bytes
from sijill.storage import errors
from sijill.storage.layout import CHECKPOINT
from sijill.storage.local import LocalStore, ObjectFile, parse_file_url
from sijill.storage.open import open_store

KEY = "captures/2026/11/21/20261121t011630z-k3j7x2m4q7ab/attestation.dsse.json"
BODY = b"statement" * 100_000


class Source:
    def __init__(self, data: bytes = BODY) -> None:
        self.data = data

    def open(self):
        return io.BytesIO(self.data)


@pytest.fixture
def root(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def store(root):
    return open_store(root.as_uri(), create=True)


def put(store, key=KEY):
    return store.put(key, Source(), expected=digest_bytes(BODY))


def test_the_key_is_the_path_of_the_file(store, root):
    put(store)
    assert (root / KEY).read_bytes() == BODY
    assert sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()) == [KEY]


def test_immutable_files_are_read_only(store, root):
    umask = os.umask(0o022)
    try:
        put(store)
        store.create("log/batches/0", b"")
        store.replace(CHECKPOINT, b"1")
        store.create("queue/x", b"1")
    finally:
        os.umask(umask)
    modes = {key: stat.S_IMODE((root / key).stat().st_mode) for key in store.list("")}
    assert modes == {KEY: 0o444, "log/batches/0": 0o444, CHECKPOINT: 0o644, "queue/x": 0o644}


def test_the_umask_keeps_a_private_archive_private(store, root):
    umask = os.umask(0o077)
    try:
        put(store)
    finally:
        os.umask(umask)
    assert stat.S_IMODE((root / KEY).stat().st_mode) == 0o400
    assert stat.S_IMODE((root / KEY).parent.stat().st_mode) == 0o700


def flip_a_byte(path):
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.seek(len(BODY) // 2)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))


def damage_on_sync(monkeypatch, damage):
    """Let the medium damage each file while it is synced."""
    fsync = os.fsync

    def damaging(fd):
        fsync(fd)
        if stat.S_ISREG(os.fstat(fd).st_mode):
            damage(fd)

    monkeypatch.setattr(os, "fsync", damaging)


@pytest.mark.parametrize(
    "damage",
    [
        lambda fd: os.pwrite(fd, b"\xff", 500_000),
        lambda fd: os.ftruncate(fd, 500_000),
        lambda fd: os.pwrite(fd, b"\0", os.fstat(fd).st_size),
    ],
    ids=["flipped", "cut", "longer"],
)
def test_damage_while_writing_is_found_by_reading_back(store, root, monkeypatch, damage):
    store.replace(CHECKPOINT, b"old")
    with monkeypatch.context() as patch:
        damage_on_sync(patch, damage)
        with pytest.raises(errors.ReadBackMismatch) as caught:
            put(store)
        with pytest.raises(errors.ReadBackMismatch):
            store.create(KEY, BODY)
        with pytest.raises(errors.ReadBackMismatch):
            store.replace(CHECKPOINT, BODY)
    assert caught.value.expected.size == len(BODY)
    assert caught.value.found.sha256.value != digest_bytes(BODY).sha256.value
    assert list(store.list("")) == [CHECKPOINT]
    assert store.read(CHECKPOINT, limit=10) == b"old"
    assert not list((root / ".incoming").iterdir())


def test_damage_since_is_found_when_the_same_is_put_again(store, root):
    put(store)
    flip_a_byte(root / KEY)
    with pytest.raises(errors.AlreadyExists):
        put(store)
    assert store.create(KEY, BODY) is False


def test_a_medium_that_gives_no_bytes(store):
    # Address 0 of a process is not mapped: reading it is a real EIO.
    with pytest.raises(errors.StoreUnavailable), ObjectFile(KEY, os.open("/proc/self/mem", os.O_RDONLY)) as file:
        file.readinto(bytearray(10))
    with pytest.raises(errors.StoreUnavailable), ObjectFile(KEY, os.open("/proc/self/mem", os.O_RDONLY)) as file:
        file.readall()


def test_a_recovery_between_creation_and_lock_of_a_draft(store, root, monkeypatch):
    flock, recovered = fcntl.flock, []

    def late(file, operation):
        if operation == fcntl.LOCK_EX and not recovered:
            recovered.append(open_store(root.as_uri()).recover())
        flock(file, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    assert put(store).created
    assert recovered == [1]
    assert store.read(KEY, limit=len(BODY)) == BODY


def test_a_file_system_without_locks_is_told_of(store, root, monkeypatch):
    def refuse(_file, _operation):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(errors.StoreUnavailable, match="lock"):
        put(store)
    assert not list((root / ".incoming").iterdir())


def test_a_file_system_without_hard_links_is_told_of(store, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(errors.StoreUnavailable, match="hard link"):
        put(store)
    assert list(store.list("")) == []


def every_use(store, key):
    return [
        lambda: put(store, key),
        lambda: store.create(key, b"x"),
        lambda: store.read(key, limit=10),
        lambda: store.open(key),
        lambda: store.stat(key),
    ]


def test_links_are_not_followed_to_files(store, root, tmp_path):
    outside = tmp_path / "secret"
    outside.write_bytes(b"secret")
    (root / "trust").mkdir()
    (root / "trust/key").symlink_to(outside)
    (root / "trust/nowhere").symlink_to(tmp_path / "absent")
    for key in ("trust/key", "trust/nowhere"):
        for use in every_use(store, key):
            with pytest.raises(errors.NotAnObject) as caught:
                use()
            assert caught.value.key == key
    assert list(store.list("")) == []
    assert outside.read_bytes() == b"secret"
    assert not (tmp_path / "absent").exists()


def test_links_are_not_followed_to_folders(store, root, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x").write_bytes(b"secret")
    (root / "queue").symlink_to(outside)
    uses = [*every_use(store, "queue/x"), lambda: store.replace("queue/x", b""), lambda: store.delete("queue/x")]
    uses.append(lambda: list(store.list("queue/")))
    for use in uses:
        with pytest.raises(errors.NotAnObject) as caught:
            use()
        assert caught.value.key == "queue"
    assert list(store.list("")) == []
    assert [p.name for p in outside.iterdir()] == ["x"]


def test_a_link_in_place_of_the_folder_of_drafts_is_refused(store, root, tmp_path):
    (tmp_path / "outside").mkdir()
    (root / ".incoming").symlink_to(tmp_path / "outside")
    for use in (lambda: put(store), store.recover):
        with pytest.raises(errors.NotAnObject):
            use()
    assert not list((tmp_path / "outside").iterdir())


def test_replacing_a_link_leaves_its_target_alone(store, root, tmp_path):
    outside = tmp_path / "outside"
    outside.write_bytes(b"secret")
    (root / "log").mkdir()
    (root / CHECKPOINT).symlink_to(outside)
    store.replace(CHECKPOINT, b"new")
    assert outside.read_bytes() == b"secret"
    assert store.read(CHECKPOINT, limit=10) == b"new"


def test_pipes_sockets_and_folders_are_no_objects(store, root):
    (root / "trust/folder").mkdir(parents=True)
    os.mkfifo(root / "trust/pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        cwd = Path.cwd()
        os.chdir(root)  # a socket's path must be short
        try:
            listener.bind("trust/socket")
        finally:
            os.chdir(cwd)
    with pytest.raises(errors.NotAnObject):
        store.read("trust/pipe", limit=10)
    with pytest.raises(errors.StoreFailure):
        store.read("trust/socket", limit=10)
    with pytest.raises(errors.BadKey):
        put(store, "trust/folder")
    (root / CHECKPOINT).mkdir(parents=True)
    with pytest.raises(errors.BadKey):
        store.replace(CHECKPOINT, b"")
    assert list(store.list("")) == []


def test_no_key_continues_another(store):
    store.create("trust/a", b"")
    with pytest.raises(errors.BadKey):
        store.create("trust/a/b", b"")
    with pytest.raises(errors.BadKey):
        store.create("trust", b"")


def test_strangers_files_are_not_listed(store, root):
    put(store)
    (root / "lost+found").mkdir()
    (root / "README.TXT").write_text("mine")
    (root / ".DS_Store").write_text("mine")
    (root / "captures" / "Übersicht").write_text("mine")
    (root / os.fsdecode(b"caf\xe9")).write_text("mine")
    (root / ".incoming" / "f").write_text("half")
    assert list(store.list("")) == [KEY]
    assert store.recover() == 0
    assert (root / ".incoming" / "f").exists()


def test_a_listing_of_many_keys_reads_only_the_folders_it_needs(store, root, monkeypatch):
    for number in range(200):
        (root / "queue" / f"{number:03}").mkdir(parents=True)
        for name in range(100):
            os.close(os.open(root / "queue" / f"{number:03}" / f"{name:02}", os.O_CREAT, 0o644))
    listing = store.list("queue/")
    assert next(listing) == "queue/000/00"
    shutil.rmtree(root / "queue/001")
    assert next(key for key in listing if key > "queue/001") == "queue/002/00"
    assert sum(1 for _ in listing) == 198 * 100 - 1

    scandir, read = os.scandir, []

    def counted(folder):
        read.append(Path(f"/proc/self/fd/{folder}").readlink())
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", counted)
    assert list(store.list("queue/", after="queue/199/97")) == ["queue/199/98", "queue/199/99"]
    assert read == [root / "queue", root / "queue/199"]
    read.clear()
    assert len(list(store.list("queue/15"))) == 1000
    assert len(read) == 11


def test_descriptors_are_closed(store, tmp_path):
    def descriptors():
        return len(list(Path("/proc/self/fd").iterdir()))

    store.create("trust/a", b"1")
    before = descriptors()
    for _ in range(3):
        put(store)
        store.replace(CHECKPOINT, b"1")
        store.create("queue/x", b"1")
        store.create("queue/x", b"2")
        store.stat("queue/x")
        store.delete("queue/x")
        store.recover()
        next(store.list(""))
        for failing in (
            lambda: store.create("trust/a/b", b""),
            lambda: store.create("trust", b""),
            lambda: store.read("trust", limit=1),
            lambda: store.read("trust/b/c", limit=1),
            lambda: store.put("trust/c", tmp_path / "absent", expected=digest_bytes(b"")),
        ):
            with pytest.raises((errors.StorageError, FileNotFoundError)):
                failing()
    assert descriptors() == before


def test_a_limit_on_the_size_of_files(store, in_child):
    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
        for write in (lambda: put(store), lambda: store.create(KEY, BODY), lambda: store.replace(CHECKPOINT, BODY)):
            with pytest.raises(errors.StoreFull):
                write()
        assert store.create("trust/small", b"fits")

    store.replace(CHECKPOINT, b"old")
    assert in_child(limited) == 0
    assert list(store.list("")) == [CHECKPOINT, "trust/small"]
    assert store.read(CHECKPOINT, limit=10) == b"old"
    assert store.recover() == 0


SMALL_DISK = """
import io, os, subprocess, sys
from pathlib import Path
from sijill.archive.digest import digest_bytes
from sijill.storage import errors
from sijill.storage.open import open_store

disk = Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", disk], check=True)
store = open_store((disk / "store").as_uri(), create=True)
big, small = b"x" * 600_000, b"y" * 200_000

class Source:
    def __init__(self, data): self.data = data
    def open(self): return io.BytesIO(self.data)

def refused(error, work):
    try:
        work()
    except error as err:
        print(type(err).__name__, err)
    else:
        raise AssertionError(f"no {error}")

uses = {
    "put": lambda: store.put("trust/put", Source(big), expected=digest_bytes(big)),
    "create": lambda: store.create("trust/create", big),
    "replace": lambda: store.replace("log/checkpoint", big),
}
store.replace("log/checkpoint", small)
for use in uses.values():
    refused(errors.StoreFull, use)
assert list(store.list("")) == ["log/checkpoint"]
assert store.read("log/checkpoint", limit=1 << 20) == small
assert not os.listdir(disk / "store/.incoming")
assert store.create("trust/small", small)

subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
for use in uses.values():
    refused(errors.StoreDenied, use)
refused(errors.StoreDenied, lambda: open_store((disk / "other").as_uri(), create=True))
assert store.create("trust/small", small) is True
assert store.create("trust/small", b"else") is False
assert store.read("trust/small", limit=1 << 20) == small
assert store.recover() == 0
"""


def test_a_full_disk_and_a_read_only_one(tmp_path):
    unshare = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
    if shutil.which("unshare") is None or subprocess.run([*unshare, "true"], capture_output=True).returncode:
        pytest.skip("this machine gives no mount namespace: a small file system cannot be mounted")
    command = [*unshare, sys.executable, "-c", SMALL_DISK, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_a_folder_without_rights(in_child):
    folder = Path(tempfile.mkdtemp())

    def unprivileged():
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
        store = open_store((folder / "store").as_uri(), create=True)
        put(store)
        (folder / "store").chmod(0o555)
        with pytest.raises(errors.StoreDenied):
            store.create("trust/new", b"")
        (folder / "store/captures").chmod(0o000)
        for use in (lambda: store.read(KEY, limit=10), lambda: put(store), lambda: list(store.list(""))):
            with pytest.raises(errors.StoreDenied):
                use()
        (folder / "store").chmod(0o000)
        with pytest.raises(errors.StoreDenied):
            open_store(store.url, create=True)

    folder.chmod(0o777)
    try:
        assert in_child(unprivileged) == 0
    finally:
        for path in (folder / "store", folder / "store/captures"):
            path.chmod(0o755)
        shutil.rmtree(folder)


def test_the_folder_is_made_only_when_asked_and_only_itself(tmp_path):
    with pytest.raises(errors.StoreUnavailable, match="no such folder"):
        open_store((tmp_path / "a").as_uri())
    with pytest.raises(errors.StoreUnavailable, match="parent"):
        open_store((tmp_path / "a/b").as_uri(), create=True)
    assert not (tmp_path / "a").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(errors.StoreUnavailable, match="not a folder"):
        open_store((tmp_path / "file").as_uri(), create=True)


def test_a_folder_that_went_away_is_no_empty_store(store, root):
    root.rmdir()
    for use in (
        lambda: store.stat(KEY),
        lambda: store.read(KEY, limit=1),
        lambda: list(store.list("")),
        lambda: put(store),
        lambda: store.delete("queue/x"),
        store.recover,
    ):
        with pytest.raises(errors.StoreUnavailable):
            use()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/var/archive",
        "file:/var/archive",
        "file://var/archive",
        "file://localhost/var/archive",
        "file:///",
        "file:////var",
        "file:///var//archive",
        "file:///var/archive/",
        "file:///var/../archive",
        "file:///var/%2e%2e/archive",
        "file:///var/./archive",
        "file:///var/arch%2five",
        "file:///var/arch%00ive",
        "file:///var/arch%ive",
        "file:///var/arch%ff",
        "file:///var/archive?x=1",
        "file:///var/archive#x",
        "file:///var/arch ive",
        "file:///var/archive\n",
        "\tfile:///var/archive",
        "FILE:///var/archive",
        "http://example.org/archive",
        "s4://bucket/prefix",
    ],
)
def test_urls_that_open_nothing(url):
    with pytest.raises(errors.BadStoreUrl):
        open_store(url, create=True)


def test_a_password_in_a_url_is_not_told():
    with pytest.raises(errors.BadStoreUrl) as caught:
        open_store("s4://key:secret@bucket/prefix")
    assert "secret" not in str(caught.value)


SEGMENTS = st.text(st.characters(exclude_characters="/\0", exclude_categories=("Cs",)), min_size=1)
PATHS = st.lists(SEGMENTS.filter(lambda s: s not in {".", ".."}), min_size=1).map(lambda names: Path("/", *names))


@given(PATHS)
def test_a_url_names_every_path(path):
    assert parse_file_url(LocalStore(path).url) == path


def test_a_url_may_be_written_as_people_write_it():
    assert parse_file_url("file:///srv/أرشيف/a+b&c") == Path("/srv/أرشيف/a+b&c")


def test_errors_and_stores_cross_process_borders(store):
    put(store)
    caught = []
    for use in (
        lambda: store.create("A", b""),
        lambda: store.delete(KEY),
        lambda: store.read("trust/x", limit=1),
        lambda: store.read(KEY, limit=1),
        lambda: store.put(KEY, Source(b""), expected=digest_bytes(b"")),
        lambda: open_store("else"),
        lambda: open_store("file:///absent/absent/absent"),
    ):
        with pytest.raises(errors.StorageError) as info:
            use()
        caught.append(info.value)
    assert len({type(err) for err in caught}) == 7
    for err in caught:
        again = pickle.loads(pickle.dumps(err))
        assert type(again) is type(err)
        assert str(again) == str(err)
        assert vars(again) == vars(err)
    assert pickle.loads(pickle.dumps(store)).read(KEY, limit=len(BODY)) == BODY
