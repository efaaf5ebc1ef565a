"""Finding the statement pages of a site: robots, sitemaps, feeds, links, and what to keep away from."""
