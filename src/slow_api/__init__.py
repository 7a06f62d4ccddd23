"""The external API that the view under test waits for: constant across all cells, and never the bottleneck."""
