"""WARC 1.1 (ISO 28500) records, indexes and WACZ packages."""
