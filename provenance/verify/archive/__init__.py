"""Verification of a whole archive: the log worked out again, and everything that it leads to."""
