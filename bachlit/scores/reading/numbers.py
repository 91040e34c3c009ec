"""Numbers in MusicXML, within bounds."""

import re
from fractions import Fraction
from xml.etree.ElementTree import Element


def decimal(text: str | None, tag: str) -> Fraction:
    """Read a decimal number without an exponent, which could make it huge.

    Raises:
        ValueError: If it isn't one; the message names the tag.
    """
    digits = (text or "").strip()
    if not re.fullmatch(r"[+-]?\d{1,12}(\.\d{0,12})?", digits):
        raise ValueError(f"its <{tag}> is {digits[:20]!r}")
    return Fraction(digits)


def whole(parent: Element, tag: str) -> int:
    """Read a small whole number, 0 if missing.

    Raises:
        ValueError: If it is none, or above 1000.
    """
    text = parent.findtext(tag, "").strip() or "0"
    number = decimal(text, tag)
    if number.denominator != 1 or abs(number) > 1000:
        raise ValueError(f"its <{tag}> is {text[:20]}")
    return int(number)


def ordinal(text: str) -> int:
    """Read the number of a voice or staff, 0 if it has none."""
    text = text.strip()
    return int(text) if text.isdecimal() and len(text) < 4 else 0
