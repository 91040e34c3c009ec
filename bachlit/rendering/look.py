"""The look of a written score: staves, words under lower voices, labels of the harmony, paper."""

from dataclasses import dataclass
from typing import Literal
from xml.etree.ElementTree import Element

from bachlit.music.chorale import Chorale
from bachlit.rendering.printing import Paper
from bachlit.scores.writing.closed import closed
from bachlit.scores.writing.musicxml import as_text, document_of
from bachlit.scores.writing.words import words_below


@dataclass(frozen=True)
class Look:
    """How a score is written.

    Attributes:
        layout: Four staves, or two as in hymnals.
        label: What is written under the score: chord symbols, Roman numerals, or nothing.
        paper: Of a PDF.
    """

    layout: Literal["open", "closed"] = "open"
    label: Literal["chords", "roman"] | None = None
    paper: Paper = "a4"

    def music(self, chorale: Chorale) -> str:
        """Write a chorale as MusicXML.

        Raises:
            OptionError: If the layout is closed, and a voice isn't on a staff of its own.
        """
        root = document_of(chorale)
        tune = root.find("part")
        if tune is not None and tune.find("measure/note/lyric") is not None and self.layout == "open":
            words_below(root, tune.get("id", ""))
        return as_text(self._labelled(closed(root) if self.layout == "closed" else root, chorale))

    def _labelled(self, root: Element, chorale: Chorale) -> Element:
        return root
