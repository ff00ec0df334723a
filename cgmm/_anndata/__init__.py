"""What the scanpy layer shares: names of fields, checks, sides, storage of a fit."""
