"""What the report claims of a comparison, and why; the entry is ``claims``."""
