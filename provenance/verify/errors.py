"""What keeps a verification from being tried at all. What a verification finds is in its report, never an error."""

from __future__ import annotations

from sijill.provenance.errors import ProvenanceError


class MalformedTrustRoot(ProvenanceError):
    """A trust root cannot be used. `path` names the member, e.g. `logKeys.0`; it is empty for the file as a whole."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}" if path else reason)
        self.path = path
        self.reason = reason
