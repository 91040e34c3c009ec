"""Token ids common to all encodings, networks and decoders."""

END = 0
"""Ends a piece; padding after it is END as well."""

START = 1
"""Begins a piece, unless the encoding has another start token; never predicted."""
