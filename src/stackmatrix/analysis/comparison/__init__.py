"""Which cells are compared, and what may be said of the difference."""
