"""Outside parties that vouch for the log: timestamping authorities and witnesses, and how they are asked."""
