"""Repeat signs and jumps of a measure in MusicXML."""

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from bachlit.scores.reading.numbers import ordinal
from bachlit.scores.reading.playing import Signs

_MOST = 16  # passes of a repeat

# Words for jumps. "D.C. al Fine" leads back and isn't the end itself.
_WORDS = {
    "da_capo": re.compile(r"\bd\. ?c\b|\bd ?c\.? al\b|\bda ?capo\b|^d\.?c\.?$", re.IGNORECASE),
    "dal_segno": re.compile(r"\bd\. ?s\b|\bd ?s\.? al\b|\bdal ?segno\b|^d\.?s\.?$", re.IGNORECASE),
    "to_coda": re.compile(r"^\W*(?:to|al) (?:the )?coda\W*$", re.IGNORECASE),
    "coda": re.compile(r"^\W*coda\W*$", re.IGNORECASE),
    "fine": re.compile(r"^\W*fine\W*$", re.IGNORECASE),
}
_SOUNDS = {
    "dacapo": "da_capo", "dalsegno": "dal_segno", "tocoda": "to_coda", "coda": "coda", "segno": "segno", "fine": "fine",
}  # fmt: skip


def signs_of(measure: Element) -> Signs:
    """Read the repeat signs and jumps of a measure."""
    repeats = {repeat.get("direction"): repeat for repeat in measure.iterfind("barline/repeat")}
    endings = {ending.get("type"): ending.get("number", "") for ending in measure.iterfind("barline/ending")}
    closing = repeats.get("backward")
    jumps = set(_jumps(measure))
    return Signs(
        opens="forward" in repeats,
        closes=0 if closing is None else min(max(2, ordinal(closing.get("times", "2"))), _MOST),
        ending=_passes(endings["start"]) if "start" in endings else (),
        ends=bool(endings.keys() & {"stop", "discontinue"}),
        **dict.fromkeys(jumps, True),
    )


def _jumps(measure: Element) -> Iterator[str]:
    """Yield the names of the jumps in a measure's directions."""
    for direction in measure:
        if direction.tag not in ("direction", "sound", "barline"):
            continue
        for element in direction.iter():
            if element.tag in ("segno", "coda"):
                yield element.tag
            elif element.tag == "words":
                yield from (name for name, words in _WORDS.items() if words.search(element.text or ""))
            elif element.tag == "sound":
                yield from (name for mark, name in _SOUNDS.items() if element.get(mark) not in (None, "no"))


def _passes(number: str) -> tuple[int, ...]:
    """Passes of an ending: "1, 2" or "1-3"; the first if it says none.

    >>> _passes("1, 2"), _passes("1-3"), _passes("")
    ((1, 2), (1, 2, 3), (1,))
    """
    passes: list[int] = []
    for first, last in re.findall(r"(\d{1,2})(?:\s*-\s*(\d{1,2}))?", number):
        passes += range(int(first), min(int(last or first), _MOST) + 1)
    return tuple(passes) or (1,)
