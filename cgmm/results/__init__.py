"""Folder of a comparison, written by :mod:`.write` and read by :mod:`.read`."""
