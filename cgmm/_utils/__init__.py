"""Helpers that know nothing of the model: arguments, files, colours, neighbours, versions."""
