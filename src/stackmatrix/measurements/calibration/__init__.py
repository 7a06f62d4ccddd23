"""How good a machine is for benchmarking."""
