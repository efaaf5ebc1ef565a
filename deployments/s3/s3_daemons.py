"""The daemons of a small Ceph cluster that keeps everything in memory, and of its S3 gateway."""

from __future__ import annotations

import http.client
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

LOOPBACK = "127.0.0.1"
DOMAIN = "s3.test"
"""With virtual addressing the server answers to `<bucket>.s3.test`, for clients that can be sent to it by that name."""

START_SECONDS = 60

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


def missing_packages() -> tuple[str, ...]:
    """Debian packages whose commands are not there, sorted; empty if a server can run."""
    return tuple(sorted({package for tool, package in TOOLS.items() if shutil.which(tool) is None}))


def start_gateway(stack: ExitStack, folder: Path, address: str, port: int, *, memory: int) -> int:
    """Start all daemons, which `stack` ends; the port that the gateway answers at, a free one if `port` is 0.

    Raises:
        ServerError: one of them did not start.
    """
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
    return port


def administer(folder: Path, *arguments: str) -> str:
    """What `radosgw-admin` answers.

    Raises:
        ServerError: it refused.
    """
    return _run(folder, ["radosgw-admin", *_as_gateway(folder), *arguments])


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
