"""The look of a written score: staves, labels of the harmony, paper."""

from dataclasses import dataclass
from typing import Literal
from xml.etree.ElementTree import Element

from bachlit.music.chorale import Chorale
from bachlit.rendering.printing import Paper
from bachlit.scores.writing.closed import closed
from bachlit.scores.writing.harmony import chord_symbols, roman_numerals
from bachlit.scores.writing.labels import label
from bachlit.scores.writing.musicxml import add_kept_parts, as_text, document_of


@dataclass(frozen=True)
class Look:
    """Layout, labels and paper of a written score.

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
        return as_text(self.dressed(document_of(chorale), chorale))

    def dressed(self, root: Element, chorale: Chorale) -> Element:
        """Lay out and label the document of a chorale.

        Args:
            root: From `document_of`; it may be changed.
            chorale: The music.

        Raises:
            OptionError: If the layout is closed, and a voice isn't on a staff of its own.
        """
        if self.layout == "closed":
            root = closed(root)
        if self.label is not None:
            labels = chord_symbols(chorale) if self.label == "chords" else roman_numerals(chorale)
            starts = [measure.start for measure in chorale.measures]
            label(root.findall("part")[-1], labels, starts, self.label)
        add_kept_parts(root, chorale)
        return root
