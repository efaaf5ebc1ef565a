"""Makes the cases that both verifiers must decide alike, with what the Python one says of them.

Run it after a change to what is accepted: `python tests/viewer/verifier/cases/make.py`. It makes the same bytes on
every machine. `rsa.json` is not made by it: that is an answer of `openssl ts` with an RSA key, and its root.
"""

from __future__ import annotations

import json
from pathlib import Path

from signatures import signatures
from statements import statements
from timestamps import timestamps

CASES = Path(__file__).resolve().parents[4] / "viewer" / "verifier" / "test" / "cases"


def main() -> None:
    for name, make in (("statements", statements), ("ed25519", signatures), ("timestamps", timestamps)):
        lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in make())
        (CASES / f"{name}.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
