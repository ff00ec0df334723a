"""Helpers that do not depend on the model: arguments, files, colours, neighbours, versions."""
