"""What the report states about a comparison, and why; the entry file is ``claims``."""
