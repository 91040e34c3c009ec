"""Words of ABC: a line w: -> syllables below notes."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from bachlit.scores.reading.abc.text import plain

_PIECE = re.compile(r"(?P<syllable>(?:\\-|[^\s_*|-])+)|(?P<sign>[_*|-])|\s+")

_DIVIDED = {"single": "begin", "end": "middle"}  # a syllable's place in its word, once a hyphen follows


class Lyric(NamedTuple):
    """Syllable: text, place in its word (single, begin, middle, end), and whether it goes on over more notes."""

    text: str
    syllabic: str = "single"
    extended: bool = False


class Sung(Protocol):
    """Note that takes a syllable per verse."""

    bar: int
    words: dict[int, Lyric]


def set_words(line: str, notes: Sequence[Sung], verse: int, *, within: bool = False) -> bool:
    """Set a line of words below notes; syllables without a note are left out.

    Args:
        line: Syllables: - divides words, _ holds a syllable for another note, * leaves a note without, ~ joins
            words below one note, | goes on to the next bar.
        notes: In order.
        verse: Its number.
        within: The line begins within a word.

    Returns:
        Whether its last word goes on in the next line.
    """
    place, here = 0, notes[0].bar if notes else 0
    last: Sung | None = None  # note of the last syllable
    for kind, text in _pieces(line):
        if kind == "|":
            while place < len(notes) and notes[place].bar == here:
                place += 1
            here = notes[place].bar if place < len(notes) else here
            continue
        if kind == "-":
            if last is not None:
                lyric = last.words[verse]
                last.words[verse] = lyric._replace(syllabic=_DIVIDED.get(lyric.syllabic, lyric.syllabic))
                within = True
            continue
        if place >= len(notes):
            break
        note, here = notes[place], notes[place].bar
        place += 1
        if kind == "_" and last is not None:
            last.words[verse] = last.words[verse]._replace(extended=True)
        elif kind == "syllable":
            note.words[verse] = Lyric(text, "end" if within else "single")
            last, within = note, False
    return within


def _pieces(line: str) -> Iterator[tuple[str, str]]:
    """Yield syllables, and the signs - _ * |; a second hyphen, or one after a space, skips a note."""
    follows = False  # directly after a syllable: here a hyphen divides
    for piece in _PIECE.finditer(line):
        if piece["syllable"]:
            yield "syllable", plain(piece["syllable"].replace("\\-", "-").replace("~", " "))
            follows = True
        elif piece["sign"] == "-":
            yield "-", ""
            if not follows:
                yield "*", ""
            follows = False
        elif piece["sign"]:
            yield piece["sign"], ""
        else:
            follows = False
