"""Signs in a score that phrases end: punctuation of the words, breaths, slurs, double bars, lines."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import accumulate
from math import ceil
from xml.etree.ElementTree import Element

from bachlit.music.chorale import REST, VOICES, Chorale, Voice
from bachlit.music.notes import notes_of
from bachlit.music.phrase_marks import MarkKind, PhraseMark
from bachlit.scores.source import GivenPart, source_of

_STOPS, _COMMAS = (".", "!", "?", ";", ":"), (",", "\u2013", "\u2014")
_QUOTES = "\"'\u201c\u201d\u2018\u2019\u00bb\u00ab)]"
_DOUBLE = {"light-light", "light-heavy", "heavy-light", "heavy-heavy"}


def phrase_marks(chorale: Chorale, voice: Voice | None = None) -> list[PhraseMark]:
    """List the signs of phrase ends at a voice of a chorale's source, in order; none without a source.

    Args:
        chorale: A chorale that was read.
        voice: The voice; the highest that the source gives if None.
    """
    source = source_of(chorale)
    given = [one for one in VOICES if source is not None and one in source.voices and voice in (None, one)]
    if source is None or not given:
        return []
    part = source.voices[given[0]]
    element = source.document.findall("part")[part.place]
    marks = [
        *_at_notes(part, list(element.iter("note"))),
        *_double_bars(element, source.lengths),
        *_lines(part, element),
    ]
    return sorted(mark for mark in marks if 0 < mark.frame < chorale.num_frames)


def line_ends(chorale: Chorale, voice: Voice = "soprano") -> list[int]:
    """List the frames at which the last notes of a voice's lines begin; in ABC, lines are mostly phrases.

    Args:
        chorale: A chorale that was read.
        voice: The voice, which sounds.
    """
    starts = [note.start for note in notes_of(chorale, voice) if note.pitch != REST]
    marks = [mark.frame for mark in phrase_marks(chorale, voice) if mark.kind == "line"]
    places = [bisect_left(starts, frame) for frame in (*marks, chorale.num_frames)]
    return sorted({starts[place - 1] for place in places if place})


def _at_notes(part: GivenPart, heads: Sequence[Element]) -> Iterator[PhraseMark]:
    """Yield the marks of a voice's notes: a syllable's stands before the next syllable."""
    spoken: MarkKind | None = None
    for note in part.notes:
        elements = [heads[index] for index in note.heads]
        text = next((text for text in map(_first_verse, elements) if text), "")
        if text:
            if spoken is not None:
                yield PhraseMark(ceil(note.start), spoken)
            closing = text.rstrip(_QUOTES)
            spoken = "stop" if closing.endswith(_STOPS) else "comma" if closing.endswith(_COMMAS) else None
        for element in elements:
            if any(element.find(f"notations/articulations/{sign}") is not None for sign in ("breath-mark", "caesura")):
                yield PhraseMark(ceil(note.end), "breath")
            if any(slur.get("type") == "stop" for slur in element.iterfind("notations/slur")):
                yield PhraseMark(ceil(note.end), "slur")


def _first_verse(note: Element) -> str:
    """Text of a note's first line of words."""
    lyric = next((lyric for lyric in note.iterfind("lyric") if lyric.get("number", "1") == "1"), None)
    return "" if lyric is None else "".join(text.text or "" for text in lyric.iterfind("text")).strip()


def _double_bars(part: Element, lengths: Sequence[Fraction]) -> Iterator[PhraseMark]:
    """Yield the double bars and repeat signs after measures."""
    for measure, end in zip(part.iterfind("measure"), accumulate(lengths), strict=False):
        styles = [line.findtext("bar-style") for line in measure.iterfind("barline") if line.get("location") != "left"]
        if _DOUBLE & set(styles):
            yield PhraseMark(ceil(end), "double bar")


def _lines(part: GivenPart, element: Element) -> Iterator[PhraseMark]:
    """Yield the notes before which a system begins."""
    first_heads = [note.heads[0] for note in part.notes]
    num_heads = 0
    for sign in element.iter():
        num_heads += sign.tag == "note"
        if sign.tag == "print" and sign.get("new-system") == "yes":
            place = bisect_left(first_heads, num_heads)
            if place < len(part.notes):
                yield PhraseMark(ceil(part.notes[place].start), "line")
