"""The pages of the viewer, one module for each part of the archive."""
