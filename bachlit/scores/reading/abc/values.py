"""Lengths -> note values of MusicXML, as few as can be tied, with a tuplet's ratio if none else fits."""

from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

_TYPES = ("maxima", "long", "breve", "whole", "half", "quarter", "eighth", "16th", "32nd", "64th", "128th", "256th")
_LENGTHS = {name: Fraction(8, 2**power) for power, name in enumerate(_TYPES)}


class Value(NamedTuple):
    """Note value: its type (empty if MusicXML has none), dots and length in whole notes."""

    type: str
    dots: int
    length: Fraction


@lru_cache(maxsize=1024)
def note_values(length: Fraction) -> tuple[Value, ...]:
    """Split a length into note values with at most three dots, the longest first.

    >>> [(value.type, value.dots) for value in note_values(Fraction(5, 8))], note_values(Fraction(7, 16))[0].dots
    ([('half', 0), ('eighth', 0)], 2)
    """
    values: list[Value] = []
    while length:
        found = next(((name, plain) for name, plain in _LENGTHS.items() if plain <= length), None)
        if found is None:
            return (*values, Value("", 0, length))
        name, plain = found
        dots = 0
        while dots < 3 and plain * (4 - Fraction(1, 2**dots)) <= 2 * length:
            dots += 1
        values.append(Value(name, dots, plain * (2 - Fraction(1, 2**dots))))
        length -= values[-1].length
    return tuple(values)


def flags(type_: str) -> int:
    """Count the flags or beams of a note value: 1 for an eighth.

    >>> flags("quarter"), flags("16th")
    (0, 2)
    """
    return max(0, _TYPES.index(type_) - _TYPES.index("quarter")) if type_ else 0


def ratio_of(length: Fraction) -> tuple[int, int]:
    """Find the ratio (actual, normal) of the tuplet that a length belongs to.

    >>> ratio_of(Fraction(1, 12)), ratio_of(Fraction(3, 8))
    ((3, 2), (1, 1))
    """
    odd = length.denominator
    while odd % 2 == 0:
        odd //= 2
    normal = 1
    while 2 * normal < odd:
        normal *= 2
    return odd, normal
