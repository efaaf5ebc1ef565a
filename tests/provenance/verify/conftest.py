"""The vectors' builders, which are scripts beside the vectors, and what several tests need of them."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sijill.provenance.verify.report import Report
from sijill.provenance.verify.trust import TrustRoot
from sijill.provenance.verify.verify import verify_package

VECTORS = Path(__file__).resolve().parents[2] / "vectors"
sys.path.insert(0, str(VECTORS))


@pytest.fixture(scope="session")
def vectors() -> Path:
    """The folder of the committed vectors."""
    return VECTORS


@pytest.fixture(scope="session")
def true():
    """The parts of a capture, all true."""
    from evidence import evidence

    return evidence()


@pytest.fixture(scope="session")
def trust() -> TrustRoot:
    """The trust root of the vectors."""
    from evidence import FULL_TRUST

    return FULL_TRUST


@pytest.fixture(scope="session")
def package(true) -> bytes:
    """The true package."""
    from evidence import zipped

    return zipped(true.files())


@pytest.fixture(scope="session")
def verify(trust) -> Callable[[bytes], Report]:
    """Verifies a package in memory with the vectors' trust root."""
    return lambda data: verify_package(io.BytesIO(data), trust)


@pytest.fixture
def folder(package, trust, tmp_path) -> Path:
    """A folder with the true package under its own name and what an auditor brings."""
    from captures import CAPTURE_ID

    from sijill.provenance.verify.trust import format_trust

    (tmp_path / f"{CAPTURE_ID}.wacz").write_bytes(package)
    (tmp_path / "trust.json").write_bytes(format_trust(trust))
    (tmp_path / "trusted.pem").write_text(trust.attestation_keys[0].pem)
    (tmp_path / "trusted.vkey").write_text(f"{trust.log_keys[0].vkey}\n")
    return tmp_path
