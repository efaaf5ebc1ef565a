"""Crawls of the sites in `sites.toml`: runs, their records, and going on with what was cut short."""
