"""What a capture is and how it is kept: fetching, WARC, digests. Imports nothing of the other layers."""
