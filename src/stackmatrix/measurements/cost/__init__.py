"""CPU time per request, all cells side by side."""
