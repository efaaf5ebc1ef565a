"""What `sijill deploy`, `worker` and `up` do: the archive's work on a Prefect server."""
