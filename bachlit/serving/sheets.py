"""Sheets: a chorale's score, drawn with ids by which its notes are found in the picture."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple
from xml.etree.ElementTree import Element, tostring

from bachlit.music.chorale import VOICES, Chorale, Voice
from bachlit.rendering.engraving import svg_of
from bachlit.rendering.look import Look
from bachlit.scores.reading.musicxml import read_tree
from bachlit.scores.reading.notes import Span, sung_notes
from bachlit.scores.source import SungNote, source_of
from bachlit.scores.writing.musicxml import as_text, document_of
from bachlit.serving.pictures import bare

_PLAIN = {"smuflTextFont": "none", "svgRemoveXlink": True}


class SheetNote(NamedTuple):
    """Note of a voice, with all its heads in the score.

    Attributes:
        note: As it sounds, its place in frames.
        ids: Of its heads: tied ones are one note.
    """

    note: SungNote
    ids: tuple[str, ...]


class Sheet:
    """Score of a chorale.

    Args:
        chorale: The music.
        look: How it is written.
        voices: Those that are written, from the top down.

    Attributes:
        music: The MusicXML document, as bachlit writes it.
        notes: Of each voice, in order.

    Raises:
        OptionError: If the layout is closed, and a voice isn't on a staff of its own.
    """

    def __init__(self, chorale: Chorale, look: Look, voices: Sequence[Voice] = VOICES) -> None:
        root = document_of(chorale, voices=voices)
        self.notes, own = _named_heads(root, chorale, voices)
        root = look.dressed(root, chorale)
        self._drawn = _with_ids_alone(root, own)
        for note in root.iter("note"):
            if (written := own.get(note.get("id", ""))) is not None:
                _set_id(note, written)
        self.music = as_text(root)

    def svg(self, width: int) -> str:
        """Draw it as one tall picture without styles or scripts; the same ids at every width.

        Args:
            width: In pixels.

        Raises:
            MissingPackageError: If verovio isn't installed.
            ChoraleError: If verovio can't draw it.
        """
        return svg_of(self._drawn, width=width, options=_PLAIN, finish=bare)


def _named_heads(
    root: Element, chorale: Chorale, voices: Sequence[Voice]
) -> tuple[dict[Voice, list[SheetNote]], dict[str, str]]:
    """Give the heads of all voices ids, in place; return the notes, and each id's predecessor."""
    source = source_of(chorale)
    lengths = source.lengths if source is not None else [Fraction(bar.length) for bar in chorale.measures]
    spans = [Span(bar.start, bar.length, length) for bar, length in zip(chorale.measures, lengths, strict=True)]
    parts = root.findall("part")
    notes: dict[Voice, list[SheetNote]] = {}
    own: dict[str, str] = {}
    # Documents that bachlit writes begin with the voices, a part and a staff each.
    for voice, part in zip(voices, read_tree(root).parts, strict=False):
        heads = list(parts[part.place].iter("note"))
        sung, _ = sung_notes(part, spans, voice, tune=True)
        notes[voice] = [SheetNote(note, tuple(f"{voice}-{head}" for head in note.heads)) for note in sung]
        for note in sung:
            for head in note.heads:
                own[f"{voice}-{head}"] = heads[head].get("id", "")
                heads[head].set("id", f"{voice}-{head}")
    return notes, own


def _with_ids_alone(root: Element, own: Mapping[str, str]) -> str:
    """Write a document for the engraver, in which nothing else has an id that a note may have."""
    foreign = [
        (element, name)
        for part in root.iterfind("part")
        for element in part.iter()
        if element.tag not in ("part", "instrument")
        and (name := element.get("id")) is not None
        and not (element.tag == "note" and name in own)
    ]
    for element, _ in foreign:
        del element.attrib["id"]
    text = tostring(root, encoding="unicode")
    for element, name in foreign:
        element.set("id", name)
    return text


def _set_id(note: Element, name: str) -> None:
    if name:
        note.set("id", name)
    else:
        del note.attrib["id"]
