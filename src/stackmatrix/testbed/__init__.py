"""Everything that is up while something is measured."""
