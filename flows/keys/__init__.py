"""The signing keys of an archive, and the trust root that tells auditors of them."""
