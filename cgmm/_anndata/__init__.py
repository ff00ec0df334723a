"""Shared parts of the scanpy layer: names of fields, checks, sides, storage of a fit."""
