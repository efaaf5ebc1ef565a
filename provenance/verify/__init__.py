"""Verification for the auditor: re-derives everything from bytes and has no way to write."""
