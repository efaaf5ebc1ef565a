"""The certificate files of timestamping authorities that settings name."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sijill.flows.errors import BadSettings
from sijill.provenance.certificates import split_certificates
from sijill.provenance.errors import MalformedCertificate

_LARGEST: Final = 1 << 20


def read_certificates(folder: Path, name: str | None) -> tuple[str, ...]:
    """The certificates in the PEM file `name` of `folder`, each as OpenSSL writes it; none if no file is named.

    Raises:
        BadSettings: the file cannot be read, or holds none.
    """
    if name is None:
        return ()
    path = folder / name
    try:
        with path.open("rb") as file:
            return split_certificates(file.read(_LARGEST))
    except OSError as err:
        raise BadSettings(f"{path}: {err.strerror}") from err
    except MalformedCertificate as err:
        raise BadSettings(f"{path}: no certificates in PEM") from err
