"""A target that costs next to nothing: what is measured of it is the harness itself."""
