"""Signed attestations: RFC 8785, DSSE, in-toto Statement v1."""
