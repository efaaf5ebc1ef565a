"""The append-only log: RFC 6962 hashing, C2SP checkpoints, tiles and proofs."""
