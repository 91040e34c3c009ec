"""What all parts of a score share: measures with their numbers, bar lines, keys and time signatures."""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from xml.etree.ElementTree import Element

from bachlit.music.chorale import FRAMES_PER_QUARTER, Chorale
from bachlit.music.keys import Key
from bachlit.scores.reading.numbers import whole
from bachlit.scores.writing.elements import add_text
from bachlit.scores.writing.placing import PlacedMeasure, placed_measures

_SHARED = ("number", "implicit", "non-controlling")  # attributes of a measure


@dataclass(frozen=True)
class MeasureFrame:
    """Measure without notes, for a part in concert pitch.

    Attributes:
        attributes: Of the `<measure>`.
        fifths: The key signature at its beginning.
        length: In sixteenths.
        signatures: Keys and time signatures that begin in it, with their times in sixteenths.
        left: Bar lines at its beginning.
        right: Other bar lines.
    """

    attributes: dict[str, str]
    fifths: int
    length: Fraction
    signatures: Sequence[tuple[Fraction, Element]] = ()
    left: Sequence[Element] = ()
    right: Sequence[Element] = field(default=())


def frames_of(chorale: Chorale) -> list[MeasureFrame]:
    """Make the frames of a chorale without a source."""
    frames: list[MeasureFrame] = []
    key, metre = None, None
    for measure in chorale.measures:
        signatures: list[tuple[Fraction, Element]] = []
        if chorale.key_at(measure.start) != key:
            key = chorale.key_at(measure.start)
            signatures.append((Fraction(0), key_element(key)))
        if measure.time_signature != metre:
            metre = measure.time_signature
            signatures.append((Fraction(0), _time_element(*metre)))
        pickup = {"implicit": "yes"} if measure.position else {}
        assert key is not None
        last = measure.end == chorale.num_frames
        frames.append(
            MeasureFrame(
                {"number": measure.number, **pickup},
                key.fifths,
                Fraction(measure.length),
                signatures,
                right=[_final_bar_line()] if last else [],
            )
        )
    return frames


def frames_of_part(part: Element, lengths: Sequence[Fraction], others: Sequence[Element] = ()) -> list[MeasureFrame]:
    """Copy the frames of a `<part>`, with its keys at concert pitch.

    Args:
        part: A given part.
        lengths: Of all measures in sixteenths; beyond the part's own they are empty.
        others: Parts whose repeats and endings hold for all, where the part has none.
    """
    frames: list[MeasureFrame] = []
    key = _Key()
    measures = list(placed_measures(part))
    written = [other.findall("measure") for other in others]
    for index, length in enumerate(lengths):
        measure = measures[index].element if index < len(measures) else Element("measure", number=str(index + 1))
        before = key.fifths
        signatures = list(_signatures(measures[index], key)) if index < len(measures) else []
        at_once = [element for time, element in signatures if time == 0 and element.find("fifths") is not None]
        beside = [other[index] for other in written if index < len(other)]
        lines = next((lines for one in (measure, *beside) if (lines := _repeats(one))), measure.findall("barline"))
        frames.append(
            MeasureFrame(
                {name: measure.attrib[name] for name in _SHARED if name in measure.attrib},
                whole(at_once[-1], "fifths") if at_once else before,
                length,
                signatures,
                [copy.deepcopy(line) for line in lines if line.get("location") == "left"],
                [copy.deepcopy(line) for line in lines if line.get("location") != "left"],
            )
        )
    return frames


def _repeats(measure: Element) -> list[Element]:
    """Bar lines of a measure, if one has a repeat or an ending."""
    lines = measure.findall("barline")
    repeats = any(line.find("repeat") is not None or line.find("ending") is not None for line in lines)
    return lines if repeats else []


@dataclass
class _Key:
    """State while reading the keys of a part: its transposition, and the signature at concert pitch."""

    transposition: int = 0
    fifths: int = 0

    def at_concert_pitch(self, key: Element) -> None:
        """Move a copy of a `<key>` to concert pitch, in place."""
        fifths = key.find("fifths")
        if fifths is not None:
            self.fifths = whole(key, "fifths")
            if self.transposition % 12:
                self.fifths = Key(self.fifths).transpose(self.transposition % 12).fifths
            fifths.text = str(self.fifths)


def _signatures(measure: PlacedMeasure, key: _Key) -> Iterator[tuple[Fraction, Element]]:
    """Yield copies of the keys and time signatures of a measure and their times in sixteenths."""
    for child in measure.children:
        if child.element.tag != "attributes":
            continue
        transpose = child.element.find("transpose")
        if transpose is not None:
            key.transposition = whole(transpose, "chromatic")
        for element in child.element:
            if element.tag in ("key", "time") and element.get("number", "1") == "1":
                copied = copy.deepcopy(element)
                for name in ("number", "id"):
                    copied.attrib.pop(name, None)
                if copied.tag == "key":
                    key.at_concert_pitch(copied)
                yield child.onset * FRAMES_PER_QUARTER, copied


def key_element(key: Key) -> Element:
    """Make a `<key>`."""
    element = Element("key")
    add_text(element, "fifths", key.fifths)
    add_text(element, "mode", key.mode)
    return element


def _time_element(beats: int, beat_type: int) -> Element:
    element = Element("time")
    add_text(element, "beats", beats)
    add_text(element, "beat-type", beat_type)
    return element


def _final_bar_line() -> Element:
    line = Element("barline", location="right")
    add_text(line, "bar-style", "light-heavy")
    return line


def attributes_of(*children: Element) -> Element:
    """Make an `<attributes>` of some elements, in the schema's order."""
    order = ("divisions", "key", "time", "staves", "clef")
    element = Element("attributes")
    element.extend(sorted(children, key=lambda child: order.index(child.tag)))
    return element


def divisions_element(divisions: int) -> Element:
    """Make a `<divisions>`."""
    element = Element("divisions")
    element.text = str(divisions)
    return element
