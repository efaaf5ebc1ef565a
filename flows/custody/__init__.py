"""What happens to captures after they were made: the chain of custody, holds and removals."""
