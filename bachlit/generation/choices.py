"""Words that choose how a harmonisation is written."""

from typing import Literal

Style = Literal["chorale", "plain"]
"""Four voices that move like Bach's, or note against note, as congregations sing."""

PhraseChoice = Literal["given", "auto", "none"]
"""Phrase ends for pieces of any length; see `bachlit.generation.phrasing.phrased`."""
