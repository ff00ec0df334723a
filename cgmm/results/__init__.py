"""The folder of a comparison: :mod:`.write` fills it, :mod:`.read` reads it for the report."""
