"""The S3 server that keeps the demo's archive, everything locked, and a deletion that it refuses."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BUCKET = "demo"


@contextmanager
def s3_server() -> Iterator[Any]:
    """A gateway with one bucket whose objects can be locked, and its credentials in the environment."""
    spec = importlib.util.spec_from_file_location("s3_server", ROOT / "deployments" / "s3" / "serve.py")
    if spec is None or spec.loader is None:
        raise RuntimeError("deployments/s3/serve.py is missing")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    try:
        with module.serve_s3() as gateway:
            gateway.make_bucket(BUCKET, module.BucketKind.LOCKED)
            os.environ.update(gateway.user.environment)
            yield gateway
    except module.ServerError as err:
        raise RuntimeError(f"the S3 server cannot be started: {err}") from err


def lock_everything(settings: Path) -> None:
    """Have the archive of these settings lock what it stores, in a way that nobody can undo."""
    text = settings.read_text(encoding="utf-8")
    text = text.replace('lock = "none"', 'lock = "compliance"').replace("lock_days = 3650", "lock_days = 1")
    text = text.replace("require = []", 'require = ["consistency", "versioning", "object-lock"]')
    settings.write_text(text, encoding="utf-8")


def deletion_is_refused(gateway: Any, key: str) -> bool:
    """Try to delete the very bytes of a WARC, as the owner of the bucket could, and see the store refuse."""
    import boto3
    from botocore.exceptions import ClientError

    client = boto3.client("s3", endpoint_url=gateway.endpoint)
    [version] = client.list_object_versions(Bucket=BUCKET, Prefix=key)["Versions"]
    print(f"\n   the owner of the bucket deletes version {version['VersionId']} of {key}:")
    try:
        client.delete_object(Bucket=BUCKET, Key=key, VersionId=version["VersionId"])
    except ClientError as err:
        print(f"   refused by the store: {err.response['Error']['Code']}")
        return True
    print("demo: a locked object could be deleted", file=sys.stderr)
    return False
