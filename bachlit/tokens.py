"""The two token ids that every encoding, network and decoder agrees on."""

END = 0
"""Ends a piece. What follows it is padding, and is END again."""

START = 1
"""Precedes the first token of a piece, unless its encoding has a token that says more; never predicted."""
