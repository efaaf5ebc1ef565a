"""What captures say: readings made and kept, and the catalog of them."""
