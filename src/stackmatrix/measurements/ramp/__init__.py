"""How much a cell holds, and whether it comes back after an overload."""
