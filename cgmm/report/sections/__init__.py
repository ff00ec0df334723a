"""One file per section of the page: its figures, tables and sentences."""
