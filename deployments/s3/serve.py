"""Runs an S3 server on loopback for tests and trials: a Ceph RADOS Gateway that keeps everything in memory.

    python deployments/s3/serve.py [--address IP] [--port N]

Needs the packages that `install.sh` installs, and no rights beyond those of whoever runs it. Each server has its own
folder, ports and credentials, so that any number run at once. Nothing outlives it.
"""

from __future__ import annotations

import argparse
import json
import secrets
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import FrameType

# Tests and the demo load this file by its path, which does not make its neighbours known.
sys.path.append(str(Path(__file__).resolve().parent))

from s3_daemons import DOMAIN, LOOPBACK, MissingTools, ServerError, administer, missing_packages, start_gateway

__all__ = ["DOMAIN", "BucketKind", "Gateway", "MissingTools", "ServerError", "User", "missing_packages", "serve_s3"]

REGION = "us-east-1"
STARTS = 3
"""How often it is tried to start a server."""


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
        made = json.loads(administer(self.folder, "user", "create", f"--uid={name}", f"--display-name={name}"))
        if bytes_allowed is not None:
            administer(
                self.folder, "quota", "set", f"--uid={name}", "--quota-scope=user", f"--max-size={bytes_allowed}"
            )
            administer(self.folder, "quota", "enable", f"--uid={name}", "--quota-scope=user")
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
    port = start_gateway(stack, folder, address, port, memory=memory)
    user = json.loads(administer(folder, "user", "create", "--uid=sijill", "--display-name=sijill"))["keys"][0]
    return Gateway(f"http://{LOOPBACK}:{port}", folder, User(user["access_key"], user["secret_key"]))


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
