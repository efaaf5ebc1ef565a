"""Runs an S3 server on loopback for tests and trials: a Ceph RADOS Gateway that keeps everything in memory.

    python deployments/s3/serve.py [--address IP] [--port N]

Needs the packages that `install.sh` installs, and no rights beyond those of whoever runs it. Each server has its own
folder, ports and credentials, so that any number run at once. Nothing outlives it.
"""

from __future__ import annotations

import argparse
import http.client
import json
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import FrameType

LOOPBACK = "127.0.0.1"
REGION = "us-east-1"
DOMAIN = "s3.test"
"""With virtual addressing the server answers to `<bucket>.s3.test`, for clients that can be sent to it by that name."""

START_SECONDS = 60
STARTS = 3
"""How often it is tried to start a server."""

TOOLS: Mapping[str, str] = {
    "ceph": "ceph-common",
    "ceph-mon": "ceph-mon",
    "ceph-osd": "ceph-osd",
    "monmaptool": "ceph-base",
    "radosgw": "radosgw",
    "radosgw-admin": "ceph-common",
    "setpriv": "util-linux",
}
"""Commands that are run, and the Debian packages that have them."""

# - Monitor and daemons find each other by address, without keys: all of it is on loopback and thrown away.
# - Placing the daemon in the CRUSH map on its start is switched off: it asks the monitor before it knows the cluster's
#   id, and about one start in ten ends with "wrong fsid". It is placed by a command instead.
# - The Paxos intervals make each change of the cluster map take 0.05 s instead of 1 s: 2 s to start instead of 12.
# - tcp_nodelay: without it every response with a body waits 40 ms for the client's delayed acknowledgement.
CONFIGURATION = """\
[global]
fsid = {fsid}
mon host = v1:{loopback}:{monitor_port}
public addr = {loopback}
cluster addr = {loopback}
ms bind msgr2 = false
auth cluster required = none
auth service required = none
auth client required = none
run dir = {folder}
crash dir = {folder}
keyring = {folder}/keyring
log file = {folder}/$name.log
mon cluster log file = {folder}/cluster.log
mon data = {folder}/mon
osd data = {folder}/osd
rgw data = {folder}/rgw
admin socket =
paxos propose interval = 0.05
paxos min wait = 0.01
mon allow pool size one = true
mon data avail crit = 1
mon data avail warn = 1
osd objectstore = memstore
memstore device bytes = {memory}
osd class update on start = false
osd crush update on start = false
osd crush chooseleaf type = 0
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pg autoscale mode = off
[client.rgw]
rgw frontends = beast endpoint={address}:{port} tcp_nodelay=1
rgw dns name = {domain}
"""


class ServerError(Exception):
    """The server cannot be started, or does not do what it was asked."""


class MissingTools(ServerError):
    """Commands that are not installed; says how to install them."""

    def __init__(self, packages: Sequence[str]) -> None:
        super().__init__(f"apt-get install --no-install-recommends {' '.join(packages)}")
        self.packages = tuple(packages)


class BucketKind(StrEnum):
    """What a bucket keeps beside the newest bytes of each key."""

    PLAIN = "plain"
    VERSIONED = "versioned"
    LOCKED = "locked"
    """Versioned, and each version can be locked for a time; there is no default retention."""


@dataclass(frozen=True, slots=True)
class User:
    """Someone who may make buckets."""

    access_key: str
    secret_key: str

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which S3 clients find these credentials."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": REGION,
        }


@dataclass(frozen=True, slots=True)
class Gateway:
    """A server while it runs."""

    endpoint: str
    folder: Path
    user: User

    def store_url(self, bucket: str, prefix: str = "") -> str:
        """The URL by which sijill opens a store in `bucket`."""
        return f"s3://{bucket}{'/' if prefix else ''}{prefix}?endpoint={self.endpoint}"

    def add_user(self, *, bytes_allowed: int | None = None) -> User:
        """A new user, who may store `bytes_allowed` bytes in all, or any number.

        Raises:
            ServerError: the server refused.
        """
        name = "user-" + secrets.token_hex(6)
        made = json.loads(self._administer("user", "create", f"--uid={name}", f"--display-name={name}"))
        if bytes_allowed is not None:
            self._administer("quota", "set", f"--uid={name}", "--quota-scope=user", f"--max-size={bytes_allowed}")
            self._administer("quota", "enable", f"--uid={name}", "--quota-scope=user")
        return User(made["keys"][0]["access_key"], made["keys"][0]["secret_key"])

    def make_bucket(self, name: str, kind: BucketKind, user: User | None = None) -> None:
        """Make a bucket of `user`, or of the user the server began with.

        Raises:
            ServerError: the server refused.
        """
        import boto3  # slow to load, and the server runs without it
        from botocore.exceptions import BotoCoreError, ClientError

        owner = user or self.user
        client = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=owner.access_key,
            aws_secret_access_key=owner.secret_key,
        )
        try:
            client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=kind is BucketKind.LOCKED)
            if kind is BucketKind.VERSIONED:
                client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        except (BotoCoreError, ClientError) as err:
            raise ServerError(f"bucket {name}: {err}") from err
        finally:
            client.close()

    def _administer(self, *arguments: str) -> str:
        return _run(self.folder, ["radosgw-admin", *_as_gateway(self.folder), *arguments])


def missing_packages() -> tuple[str, ...]:
    """Debian packages whose commands are not there, sorted; empty if a server can run."""
    return tuple(sorted({package for tool, package in TOOLS.items() if shutil.which(tool) is None}))


@contextmanager
def serve_s3(*, address: str = LOOPBACK, port: int = 0, memory: int = 16 << 30) -> Iterator[Gateway]:
    """Run a server until the block ends, at most `memory` bytes large; port 0 takes a free one.

    The daemons also end when the thread ends that entered the block.

    Raises:
        MissingTools: its packages are not installed.
        ServerError: it did not start.
    """
    missing = missing_packages()
    if missing:
        raise MissingTools(missing)
    for attempt in range(STARTS):
        with ExitStack() as stack:
            try:
                gateway = _begin(stack, address, port, memory)
            except ServerError:
                # Ports that were free a moment ago may be taken by now; with others the next start goes well.
                if attempt + 1 == STARTS:
                    raise
                continue
            yield gateway
            return


def _begin(stack: ExitStack, address: str, port: int, memory: int) -> Gateway:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sijill-s3-", ignore_cleanup_errors=True)))
    monitor_port, free_port = _free_ports(2)
    port = port or free_port
    _check_free(address, port)
    fsid = str(uuid.uuid4())
    _configuration(folder).write_text(
        CONFIGURATION.format(
            fsid=fsid,
            folder=folder,
            loopback=LOOPBACK,
            monitor_port=monitor_port,
            address=address,
            port=port,
            memory=memory,
            domain=DOMAIN,
        ),
        encoding="ascii",
    )
    _start_daemons(stack, folder, fsid, monitor_port, port)
    user = json.loads(
        _run(
            folder,
            ["radosgw-admin", *_as_gateway(folder), "user", "create", "--uid=sijill", "--display-name=sijill"],
        )
    )["keys"][0]
    return Gateway(f"http://{LOOPBACK}:{port}", folder, User(user["access_key"], user["secret_key"]))


def _start_daemons(stack: ExitStack, folder: Path, fsid: str, monitor_port: int, port: int) -> None:
    for name in ("mon", "osd", "rgw"):
        (folder / name).mkdir()
    configuration = ["-c", str(_configuration(folder))]
    monitors = str(folder / "monmap")
    _run(folder, ["monmaptool", "--create", "--fsid", fsid, "--addv", "a", f"[v1:{LOOPBACK}:{monitor_port}]", monitors])
    _run(folder, ["ceph-mon", *configuration, "--mkfs", "-i", "a", "--monmap", monitors])
    daemons = [_daemon(stack, folder, ["ceph-mon", *configuration, "-i", "a", "-f"])]
    osd = str(uuid.uuid4())
    _run(folder, ["ceph", *configuration, "osd", "new", osd])
    _run(folder, ["ceph", *configuration, "osd", "crush", "add", "osd.0", "1", "root=default", "host=local"])
    _run(folder, ["ceph-osd", *configuration, "--mkfs", "-i", "0", "--osd-uuid", osd])
    daemons.append(_daemon(stack, folder, ["ceph-osd", *configuration, "-i", "0", "-f"]))
    daemons.append(_daemon(stack, folder, ["radosgw", *_as_gateway(folder), "-f"]))
    deadline = time.monotonic() + START_SECONDS
    while not _answers(port):
        for daemon in daemons:
            if daemon.poll() is not None:
                raise ServerError(f"{daemon.args!r} ended with status {daemon.returncode}: {_last_words(folder)}")
        if time.monotonic() > deadline:
            raise ServerError(f"no answer on port {port} after {START_SECONDS} s: {_last_words(folder)}")
        time.sleep(0.05)


def _configuration(folder: Path) -> Path:
    return folder / "ceph.conf"


def _as_gateway(folder: Path) -> list[str]:
    return ["-c", str(_configuration(folder)), "-n", "client.rgw"]


def _run(folder: Path, command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=START_SECONDS, check=False)
    if done.returncode:
        raise ServerError(f"{' '.join(command)}: {done.stderr.strip()[-500:] or _last_words(folder)}")
    return done.stdout


def _daemon(stack: ExitStack, folder: Path, command: list[str]) -> subprocess.Popen[bytes]:
    with (folder / "daemons.log").open("ab") as log:
        # Should this process be killed, the kernel kills the daemons.
        daemon = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command], stdout=log, stderr=log)
    stack.callback(_kill, daemon)
    return daemon


def _kill(daemon: subprocess.Popen[bytes]) -> None:
    # Asked politely, the storage daemon would first write all it holds in memory to its folder.
    daemon.kill()
    daemon.wait()


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind((LOOPBACK, 0))
        return [one.getsockname()[1] for one in sockets]


def _check_free(address: str, port: int) -> None:
    # Whoever has the port would answer in the place of the gateway.
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((address, port))
        except OSError as err:
            raise ServerError(f"{address}:{port}: {err.strerror}") from err


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _last_words(folder: Path) -> str:
    log = folder / "daemons.log"
    return log.read_text(errors="replace")[-500:].strip() if log.exists() else "it said nothing"


def main() -> int:
    """Serve until interrupted; returns the exit status."""
    parser = argparse.ArgumentParser(description="Run an S3 server on loopback that keeps everything in memory.")
    parser.add_argument("--address", default=LOOPBACK, help="the address to listen at")
    parser.add_argument("--port", type=int, default=8014, help="the port to listen at; 0 takes a free one")
    options = parser.parse_args()
    stopped = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopped.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        with serve_s3(address=options.address, port=options.port) as gateway:
            _announce(gateway)
            stopped.wait()
    except ServerError as err:
        print(err, file=sys.stderr)
        return 1
    print("stopped")
    return 0


def _announce(gateway: Gateway) -> None:
    for name, value in gateway.user.environment.items():
        print(f"export {name}={value}")
    for kind in BucketKind:
        name = f"sijill-{kind}"
        gateway.make_bucket(name, kind)
        print(f"# {kind} bucket: {gateway.store_url(name)}")
    print("# serving; Ctrl-C stops it, and all it holds is gone", flush=True)


if __name__ == "__main__":
    sys.exit(main())
