"""What must hold in every document in MusicXML."""

from fractions import Fraction
from xml.etree.ElementTree import Element

_VALUES = {"breve": 2, "whole": 1, "half": Fraction(1, 2), "quarter": Fraction(1, 4), "eighth": Fraction(1, 8)}
_VALUES |= {"long": 4, "maxima": 8}
_VALUES |= {f"{parts}{'nd' if parts == 32 else 'th'}": Fraction(1, parts) for parts in (16, 32, 64, 128, 256)}


def drawn_length(note: Element) -> Fraction:
    """Length by type, dots and a tuplet's ratio, in whole notes."""
    value = _VALUES[note.findtext("type", "")] * (2 - Fraction(1, 2 ** len(note.findall("dot"))))
    normal = note.findtext("time-modification/normal-notes", "1")
    return value * Fraction(int(normal), int(note.findtext("time-modification/actual-notes", "1")))


def check_lengths(root: Element) -> None:
    """Check that notes take the time that they are drawn with, and that all voices of a measure fill it."""
    for part in root.iter("part"):
        divisions = Fraction(0)
        for measure in part:
            divisions = Fraction(measure.findtext("attributes/divisions", str(divisions)))
            now, ends = Fraction(0), []
            for element in measure.iter():
                time = Fraction(element.findtext("duration", "0")) / divisions / 4
                if element.tag == "note" and element.find("grace") is None:
                    assert time > 0
                    if element.find("type") is not None:
                        assert time == drawn_length(element)
                    now += 0 if element.find("chord") is not None else time
                elif element.tag == "forward":
                    now += time
                elif element.tag == "backup":
                    ends.append(now)
                    now -= time
                    assert now == 0
            assert len({*ends, now}) == 1
