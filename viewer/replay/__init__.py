"""Replay of archived pages from their WARC files, on an origin of its own."""
