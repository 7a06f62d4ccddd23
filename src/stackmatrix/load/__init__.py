"""The load generator, as the harness sees it."""
