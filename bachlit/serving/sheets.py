"""Sheets: a chorale's score and its picture, with ids on the noteheads."""

import re
from collections.abc import Mapping, Sequence
from itertools import count
from typing import NamedTuple
from xml.etree.ElementTree import Element, tostring

from bachlit.music.chorale import VOICES, Chorale, Voice
from bachlit.rendering.engraving import svg_of
from bachlit.rendering.look import Look
from bachlit.scores.source import GivenPart, SungNote
from bachlit.scores.writing.marked import own_score, voices_in
from bachlit.scores.writing.musicxml import as_text, document_of
from bachlit.serving.pictures import bare

_PLAIN = {"smuflTextFont": "none", "svgRemoveXlink": True}
_EMPTY = re.compile(r'(<[^<>]*) id=""')
# Engravers draw the measures that such a sign stands for as one.
_JOINED = re.compile(r"<multiple-rest\b[^>]*?(/>|>[^<]*</multiple-rest>)")


class SheetNote(NamedTuple):
    """Note of a voice, with all its heads in the score.

    Attributes:
        note: As it sounds, its place in frames.
        ids: Of its heads: tied ones are one note. A sign that repeats a measure has none; two voices of a staff may
            share one.
    """

    note: SungNote
    ids: tuple[str, ...]


class Sheet:
    """Score of a chorale.

    Args:
        chorale: The music.
        root: Its document, which is the sheet's own from now on.
        voices: Where the voices stand in it.
        look: How it is laid out; as it is if None.

    Attributes:
        music: The MusicXML document, as bachlit writes it.
        notes: Of each voice, in order.
    """

    def __init__(
        self, chorale: Chorale, root: Element, voices: Mapping[Voice, GivenPart], look: Look | None = None
    ) -> None:
        named = _NamedHeads(root, voices)
        self.notes = named.notes
        root = root if look is None else look.dressed(root, chorale)
        self._drawn = named.alone(root)
        self.music = as_text(named.taken_back(root))

    @classmethod
    def written(cls, chorale: Chorale, look: Look, voices: Sequence[Voice] = VOICES) -> "Sheet":
        """Write a chorale as the command line does.

        Args:
            chorale: The music.
            look: How it is laid out and labelled.
            voices: Those that are written, from the top down.

        Raises:
            OptionError: If the layout is closed, and a voice isn't on a staff of its own.
        """
        root = document_of(chorale, voices=voices)
        return cls(chorale, root, voices_in(root, chorale, voices), look)

    @classmethod
    def own(cls, chorale: Chorale) -> "Sheet":
        """Take the source of a four-part chorale, in its own layout."""
        return cls(chorale, *own_score(chorale))

    def svg(self, width: int) -> str:
        """Draw it as one tall picture without styles or scripts; the same ids at every width.

        Args:
            width: In pixels.

        Raises:
            MissingPackageError: If verovio isn't installed.
            ChoraleError: If verovio can't draw it.
        """
        return svg_of(self._drawn, width=width, options=_PLAIN, finish=bare)


class _NamedHeads:
    """Temporary ids on the noteheads of all voices.

    Args:
        root: A document, in which they are set.
        voices: Where the voices stand.
    """

    def __init__(self, root: Element, voices: Mapping[Voice, GivenPart]) -> None:
        self.notes: dict[Voice, list[SheetNote]] = {}
        self._before: dict[str, str | None] = {}
        parts = root.findall("part")
        free = self._free_prefix(root)
        for voice in (one for one in VOICES if one in voices):
            heads = list(parts[voices[voice].place].iter("note"))
            self.notes[voice] = [
                SheetNote(note, tuple(self._set(f"{free}{voice}-{head}", heads[head]) for head in note.heads))
                for note in self._once(voices[voice].notes)
            ]

    def alone(self, root: Element) -> str:
        """Write a document for the engraver without other ids in its parts."""
        others = [
            (element, name)
            for part in root.iterfind("part")
            for element in part.iter()
            if element.tag not in ("part", "instrument") and (name := element.get("id")) and name not in self._before
        ]
        for element, _ in others:
            element.set("id", "")  # not removed, so that it stays at its place among the attributes
        text = _EMPTY.sub(r"\1", _JOINED.sub("", tostring(root, encoding="unicode")))
        for element, name in others:
            element.set("id", name)
        return text

    def taken_back(self, root: Element) -> Element:
        """Remove the ids from a document, in place."""
        for note in root.iter("note"):
            name = note.get("id")
            if name in self._before:
                before = self._before[name]
                if before is None:
                    del note.attrib["id"]
                else:
                    note.set("id", before)
        return root

    @staticmethod
    def _free_prefix(root: Element) -> str:
        """Find a prefix that keeps the heads' ids apart from a document's own."""
        taken = {element.get("id", "") for element in root.iter()}
        for prefix in map("n".__mul__, count()):
            names = tuple(f"{prefix}{voice}-" for voice in VOICES)
            if not any(name.startswith(names) for name in taken):
                break
        return prefix

    @staticmethod
    def _once(notes: Sequence[SungNote]) -> list[SungNote]:
        """Keep each head for its first note only: a sign may repeat measures."""
        seen = set[int]()
        left = []
        for note in notes:
            left.append(note._replace(heads=tuple(head for head in note.heads if head not in seen)))
            seen.update(note.heads)
        return left

    def _set(self, name: str, head: Element) -> str:
        """Name a head; two voices of a staff may share one."""
        before = head.get("id")
        if before in self._before:
            return before
        self._before[name] = before
        head.set("id", name)
        return name
