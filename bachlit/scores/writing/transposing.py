"""Transpose MusicXML: notes, key signatures and chord symbols, along the line of fifths."""

from fractions import Fraction
from xml.etree.ElementTree import Element

from bachlit.music.keys import FIFTHS, STEPS, Key
from bachlit.scores.reading.numbers import decimal, whole
from bachlit.scores.writing.elements import ACCIDENTALS


def transpose_part(part: Element, semitones: int) -> None:
    """Transpose a `<part>` in place, spelling as before in the new key.

    Each key gets at most six sharps or flats; notes move by the same number of fifths as their key. Displayed
    accidentals stay where they are, since what a note alters in its key stays the same.

    Args:
        part: The part; positions on a fingerboard are left out.
        semitones: By how much.
    """
    fifths = _fifths_for(0, semitones)
    for element in part.iter():
        if element.tag == "key" and element.find("fifths") is not None:
            before = whole(element, "fifths")
            fifths = _fifths_for(before, semitones)
            _set(element, "fifths", str(before + fifths))
        elif element.tag == "note":
            transpose_note(element, semitones, fifths)
        elif element.tag == "harmony":
            for which in ("root", "bass"):
                _transpose_name(element.find(which), which, fifths)


def _fifths_for(before: int, semitones: int) -> int:
    """Fifths by which a key moves."""
    return Key(before).transpose(semitones).fifths - before if semitones % 12 else 0


def transpose_note(note: Element, semitones: int, fifths: int) -> None:
    """Transpose a `<note>` in place.

    Args:
        note: The note; rests stay as they are.
        semitones: By how much.
        fifths: How its name moves along the line of fifths.
    """
    pitch = note.find("pitch")
    if pitch is None:
        return
    step = pitch.findtext("step", "C").strip().upper()
    alter = decimal(pitch.findtext("alter", "").strip() or "0", "alter")
    whole_alter = round(alter)
    sounding = 12 * (whole(pitch, "octave") + 1) + STEPS[step] + whole_alter + semitones
    step, new_alter = _moved(step, whole_alter, fifths)
    _set(pitch, "step", step)
    _set_alter(pitch, "alter", "step", new_alter + alter - whole_alter)
    _set(pitch, "octave", str((sounding - new_alter - STEPS[step]) // 12 - 1))
    accidental = note.find("accidental")
    if accidental is not None and alter == whole_alter and new_alter in ACCIDENTALS:
        accidental.text = ACCIDENTALS[new_alter]
    for technical in note.iterfind("notations/technical"):
        for position in [*technical.findall("string"), *technical.findall("fret")]:
            technical.remove(position)


def _transpose_name(name: Element | None, which: str, fifths: int) -> None:
    """Transpose the root or the bass of a chord symbol."""
    step = "" if name is None else name.findtext(f"{which}-step", "").strip().upper()
    if name is None or step not in STEPS:
        return
    alter = round(decimal(name.findtext(f"{which}-alter", "").strip() or "0", "alter"))
    step, alter = _moved(step, alter, fifths)
    _set(name, f"{which}-step", step)
    _set_alter(name, f"{which}-alter", f"{which}-step", Fraction(alter))


def _moved(step: str, alter: int, fifths: int) -> tuple[str, int]:
    """Move a note name along the line of fifths; at most double accidentals.

    >>> _moved("F", 1, 1), _moved("B", -1, 2), _moved("B", 2, 1)
    (('C', 1), ('C', 0), ('G', 1))
    """
    place = FIFTHS.index(step) + 7 * alter + fifths
    while place >= 21:
        place -= 12
    while place < -14:
        place += 12
    return FIFTHS[place % 7], place // 7


def _set(parent: Element, tag: str, text: str) -> None:
    child = parent.find(tag)
    assert child is not None
    child.text = text


def _set_alter(parent: Element, tag: str, after: str, alter: Fraction | int) -> None:
    """Set an alteration; it stands after another element, and is left out if it is none and wasn't written."""
    child = parent.find(tag)
    if child is None and alter:
        child = Element(tag)
        siblings = [sibling.tag for sibling in parent]
        parent.insert(siblings.index(after) + 1, child)
    if child is not None:
        child.text = f"{float(alter):g}"
