"""Writes `good/`, `bad/` and `trust.json`: evidence packages with what a verifier must say of each.

Run it from anywhere: `python tests/vectors/make.py`. It gives the same bytes on every machine; a test compares.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import attestations  # noqa: E402, F401 - the nine are imported for the vectors that they add
import browsers  # noqa: E402, F401
import cosignatures  # noqa: E402, F401
import logs  # noqa: E402, F401
import packages  # noqa: E402, F401
import revisits  # noqa: E402, F401
import stamps  # noqa: E402, F401
import times  # noqa: E402, F401
import warcs  # noqa: E402, F401
from evidence import FULL_TRUST  # noqa: E402
from vector import BAD, GOOD  # noqa: E402

from sijill.provenance.verify.trust import format_trust  # noqa: E402


def write(folder: Path) -> None:
    """Write all vectors into `folder`, which then holds these and no others."""
    trust = folder / "trust.json"
    folder.mkdir(parents=True, exist_ok=True)
    trust.write_bytes(format_trust(FULL_TRUST))
    for kind, vectors in (("good", GOOD), ("bad", BAD)):
        shutil.rmtree(folder / kind, ignore_errors=True)
        for name, make in sorted(vectors.items()):
            vector = make()
            place = folder / kind / name
            place.mkdir(parents=True)
            (place / "package.wacz").write_bytes(vector.package)
            if vector.trust != FULL_TRUST:
                (place / "trust.json").write_bytes(format_trust(vector.trust))
            expected = {"note": vector.note, "verified": vector.verified, "failed": sorted(vector.failed)}
            (place / "expected.json").write_text(json.dumps(expected, indent=2, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    write(HERE)
