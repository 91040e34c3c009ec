"""Ties over a bar line between a measure of a source and one that is written anew."""

import copy
from collections.abc import Iterable
from xml.etree.ElementTree import Element, SubElement

from bachlit.music.keys import STEPS
from bachlit.scores.reading.numbers import decimal, whole

_BEFORE_TIE = ("grace", "cue", "chord", "pitch", "rest", "unpitched", "duration", "tie")  # in the schema's order
_BEFORE_NOTATIONS = (
    "instrument", "footnote", "level", "voice", "type", "dot", "accidental", "time-modification", "stem", "notehead",
    "notehead-text", "staff", "beam", *_BEFORE_TIE,
)  # fmt: skip


def tie_over(before: Element, after: Element, *, wanted: bool, new_first: bool) -> None:
    """Tie the last note of a measure to the first of the next, in place, or untie them.

    They are tied only if both are notes of one pitch; then the new one is spelled as the other.

    Args:
        before: A `<measure>`.
        after: The next.
        wanted: Whether a note is held over the bar line.
        new_first: Whether the first of the measures is the new one.
    """
    firsts, lasts = _heads(after), _heads(before)[::-1]
    if not firsts or not lasts:
        return
    tied = wanted and _pitch(lasts[0]) is not None and _pitch(lasts[0]) == _pitch(firsts[0])
    _set_tie(lasts[0], "start", tied)
    _set_tie(firsts[0], "stop", tied)
    if tied:
        given, new, onward = (firsts[0], lasts, "stop") if new_first else (lasts[0], firsts, "start")
        _respell(new, given, onward)


def _heads(measure: Element) -> list[Element]:
    """Notes and rests of a measure, apart from grace notes and the other notes of chords."""
    return [note for note in measure.iterfind("note") if note.find("grace") is None and note.find("chord") is None]


def _pitch(note: Element) -> int | None:
    """Written MIDI pitch of a note; None of a rest."""
    pitch = note.find("pitch")
    if pitch is None:
        return None
    step = STEPS[pitch.findtext("step", "C").strip().upper()]
    return 12 * whole(pitch, "octave") + step + round(decimal(pitch.findtext("alter", "").strip() or "0", "alter"))


def _set_tie(note: Element, kind: str, tied: bool) -> None:
    """Give a note a tie of a kind, or take it away."""
    there = note.find(f"tie[@type='{kind}']") is not None
    if tied and not there:
        note.insert(_place(note, _BEFORE_TIE), Element("tie", type=kind))
        notations = note.find("notations")
        if notations is None:
            notations = Element("notations")
            note.insert(_place(note, _BEFORE_NOTATIONS), notations)
        SubElement(notations, "tied", type=kind)
    elif not tied:
        for parent, tag in ((note, "tie"), *((notations, "tied") for notations in note.findall("notations"))):
            for tie in parent.findall(f"{tag}[@type='{kind}']"):
                parent.remove(tie)


def _place(note: Element, tags: tuple[str, ...]) -> int:
    """Place in a note behind its children with these tags."""
    return max((place for place, child in enumerate(note, start=1) if child.tag in tags), default=0)


def _respell(heads: Iterable[Element], like: Element, onward: str) -> None:
    """Give heads that are tied to each other the pitch of another, as it is spelled."""
    pitch = like.find("pitch")
    for head in heads:
        own = head.find("pitch")
        if own is None or pitch is None:
            return
        head[list(head).index(own)] = copy.deepcopy(pitch)
        if head.find(f"tie[@type='{onward}']") is None:
            return
