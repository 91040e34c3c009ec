"""Jumps that stand in parts that are left out: D.C. over the first violin, where the tune is another part's."""

import copy
from collections.abc import Sequence
from xml.etree.ElementTree import Element

from bachlit.scores.reading.playing import Signs
from bachlit.scores.reading.signs import signs_of

_JUMPS = ("segno", "coda", "to_coda", "da_capo", "dal_segno", "fine")
_AT_THE_BEGINNING = ("segno", "coda")


def add_jumps(part: Element, given: Sequence[Element], others: Sequence[Element]) -> None:
    """Add the jumps that other parts have and given ones lack to a new `<part>`, in place.

    Args:
        part: The new part.
        given: Parts that are written as they are.
        others: All parts of the source, in order.
    """
    given_measures, other_measures = ([one.findall("measure") for one in parts] for parts in (given, others))
    for index, measure in enumerate(part.findall("measure")):
        there = [signs_of(measures[index]) for measures in given_measures if index < len(measures)]
        for measures in other_measures:
            for element in measures[index] if index < len(measures) else ():
                name = _jump(element)
                if name and not any(getattr(signs, name) for signs in there):
                    _insert(measure, copy.deepcopy(element), first=name in _AT_THE_BEGINNING)
                    there.append(_signs(element))


def _jump(element: Element) -> str:
    """Name of the jump in a direction or sound; empty if it has none."""
    if element.tag not in ("direction", "sound"):
        return ""
    signs = _signs(element)
    return next((name for name in _JUMPS if getattr(signs, name)), "")


def _signs(element: Element) -> Signs:
    measure = Element("measure")
    measure.append(element)
    return signs_of(measure)


def _insert(measure: Element, direction: Element, *, first: bool) -> None:
    """Put a direction before the first note of a measure or behind the last."""
    for child in [child for child in direction if child.tag in ("offset", "voice", "staff")]:
        direction.remove(child)
    places = [place for place, child in enumerate(measure) if child.tag == "note"]
    measure.insert(places[0 if first else -1] + (not first) if places else len(measure), direction)
