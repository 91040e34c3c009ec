"""Phrase ends of a bare tune: networks, a decoder that knows phrases' lengths, and rules from the literature."""

from bachlit.phrases.finding import PhraseEnd, PhraseFinder, phrase_ends

__all__ = ["PhraseEnd", "PhraseFinder", "phrase_ends"]
