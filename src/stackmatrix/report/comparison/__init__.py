"""A comparison of two sides: what is said of it, and every form in which it is given."""
