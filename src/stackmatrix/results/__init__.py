"""File formats, and where files are kept."""
