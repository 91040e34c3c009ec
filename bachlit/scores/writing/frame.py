"""What all parts of a score share: measures with their numbers, bar lines, keys and time signatures."""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from xml.etree.ElementTree import Element

from bachlit.music.chorale import FRAMES_PER_QUARTER, Chorale
from bachlit.music.keys import Key
from bachlit.scores.reading.numbers import decimal, whole
from bachlit.scores.writing.elements import add_text

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


def frames_of_part(part: Element, lengths: Sequence[Fraction]) -> list[MeasureFrame]:
    """Copy the frames of a `<part>`, with its keys at concert pitch.

    Args:
        part: A given part.
        lengths: Of all measures in sixteenths; beyond the part's own they are empty.
    """
    frames: list[MeasureFrame] = []
    reading = _Reading()
    measures = part.findall("measure")
    for index, length in enumerate(lengths):
        measure = measures[index] if index < len(measures) else Element("measure", number=str(index + 1))
        fifths = reading.fifths
        signatures = list(reading.signatures(measure))
        at_once = [element for time, element in signatures if time == 0 and element.find("fifths") is not None]
        frames.append(
            MeasureFrame(
                {name: measure.attrib[name] for name in _SHARED if name in measure.attrib},
                whole(at_once[-1], "fifths") if at_once else fifths,
                length,
                signatures,
                [copy.deepcopy(line) for line in measure.iterfind("barline") if line.get("location") == "left"],
                [copy.deepcopy(line) for line in measure.iterfind("barline") if line.get("location") != "left"],
            )
        )
    return frames


@dataclass
class _Reading:
    """State while reading the keys and time signatures of a part."""

    divisions: Fraction = Fraction(1)
    transposition: int = 0
    fifths: int = 0

    def signatures(self, measure: Element) -> Iterator[tuple[Fraction, Element]]:
        """Yield the keys and time signatures of a measure and their times."""
        now = Fraction(0)
        for element in measure:
            if element.tag == "attributes":
                self._attributes(element)
                for child in element:
                    if child.tag in ("key", "time") and child.get("number", "1") == "1":
                        yield now * FRAMES_PER_QUARTER / self.divisions, self._concert(child)
            elif element.tag in ("forward", "backup") or (
                element.tag == "note" and element.find("chord") is None and element.find("grace") is None
            ):
                duration = decimal(element.findtext("duration", "0"), "duration")
                now = max(Fraction(0), now + (-duration if element.tag == "backup" else duration))

    def _attributes(self, attributes: Element) -> None:
        divisions = attributes.findtext("divisions")
        self.divisions = decimal(divisions, "divisions") if divisions else self.divisions
        transpose = attributes.find("transpose")
        if transpose is not None:
            self.transposition = whole(transpose, "chromatic")

    def _concert(self, element: Element) -> Element:
        """Copy a key or time signature; a key at concert pitch."""
        copied = copy.deepcopy(element)
        copied.attrib.pop("number", None)
        copied.attrib.pop("id", None)
        fifths = copied.find("fifths")
        if fifths is not None:
            self.fifths = whole(copied, "fifths")
            if self.transposition % 12:
                self.fifths = Key(self.fifths).transpose(self.transposition % 12).fifths
            fifths.text = str(self.fifths)
        return copied


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
