"""Reports: the faults and surprises of a score, as a table, plain data and marks in the score."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from bachlit.checking.faults import KINDS, Fault, Profile, Ranges, find_faults, sung_frames
from bachlit.checking.surprise import UNLIKELY, Beat, Unlikely, surprise
from bachlit.metrics import final_counts, phrase_end_counts, rule_counts, sonority_counts
from bachlit.music.chorale import RANGES, VOICES, Chorale
from bachlit.music.describing import described
from bachlit.scores import Mark

if TYPE_CHECKING:
    from bachlit.models.language_model import LanguageModel

_WIDTH = 100  # columns
_NEVER = 1e-6  # probability

FAULTY, HARDLY = "#d55e00", "#0072b2"
"""Colours of faults and of unlikely notes, which the colour-blind tell apart (Okabe and Ito)."""


@dataclass(frozen=True, repr=False)
class Report:
    """Report of the faults in a score, and of what a model finds unlikely in it.

    Attributes:
        chorale: The score.
        profile: Whose rules were asked for.
        faults: In order.
        beats: Each beat's surprise in nats; empty without a model.
        unlikely: Notes that the model hardly expects; empty without a model.
        ends: Frames of the last soprano notes of phrases, if they were told; else those under fermatas.
    """

    chorale: Chorale
    profile: Profile
    faults: Sequence[Fault]
    beats: Sequence[Beat] = ()
    unlikely: Sequence[Unlikely] = ()
    ends: Sequence[int] | None = None

    def __repr__(self) -> str:
        found = f"{len(self.faults)} faults, {len(self.unlikely)} unlikely notes"
        return f"<Report by the profile {self.profile}: {found}; {self.chorale!r}>"

    def __str__(self) -> str:
        return self._recorded().export_text().rstrip()

    def _repr_html_(self) -> str:
        """Show the tables in a notebook."""
        return self._recorded().export_html(inline_styles=True, code_format="<pre>{code}</pre>")

    def _recorded(self) -> Console:
        console = Console(record=True, file=StringIO(), width=_WIDTH)
        console.print(self.tables(), highlight=False)
        return console

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Counts of `bachlit.metrics`, by family: every breach of every frame, whatever the profile."""
        return {
            "rules": rule_counts(self.chorale)._asdict(),
            "sonorities": sonority_counts(self.chorale)._asdict(),
            "phrase_ends": phrase_end_counts(self.chorale, self.ends)._asdict(),
            "final": final_counts(self.chorale)._asdict(),
        }

    def as_dict(self) -> dict[str, Any]:
        """Give the report as plain data."""
        return {
            "score": self.chorale.name,
            "title": self.chorale.title,
            "key": str(self.chorale.key),
            "profile": self.profile,
            "faults": [
                {
                    "fault": fault.kind,
                    "bar": fault.place.bar,
                    "beat": fault.place.beat,
                    "voices": list(fault.voices),
                    "details": fault.details,
                    "sixteenths": [fault.start, fault.end],
                }
                for fault in self.faults
            ],
            "unlikely": [note.as_dict() for note in self.unlikely],
            "surprise": [{"bar": beat.place.bar, "beat": beat.place.beat, "nats": beat.nats} for beat in self.beats],
            "counts": self.counts,
        }

    def tables(self) -> RenderableType:
        """Tabulate faults, their frequency beside Bach's, and unlikely notes, under a line about the score."""
        parts: list[RenderableType] = [Text(described(self.chorale)), Text()]
        parts += [_fault_table(self), _summary(self)] if self.faults else [Text("No faults.")]
        if self.unlikely:
            parts.append(_unlikely_table(self))
        elif self.beats:
            parts.append(Text("No note is unlikely."))
        return Group(*parts)

    def marks(self) -> list[Mark]:
        """List the notes to colour in the score, with a word at the highest voice of each fault."""
        marks: list[Mark] = []
        for fault in self.faults:
            label = KINDS[self.profile][fault.kind].short
            for voice in fault.voices or VOICES:
                column = VOICES.index(voice)
                for frame in sung_frames(self.chorale, fault, column):
                    marks.append(Mark(frame, column, FAULTY, label if frame >= fault.start else ""))
                    label = label if frame < fault.start else ""
        marks += [
            Mark(note.frame, VOICES.index(note.voice), HARDLY, _percentage(note.probability)) for note in self.unlikely
        ]
        return marks


def check_chorale(
    chorale: Chorale,
    *,
    profile: Profile = "school",
    ranges: Ranges = RANGES,
    ends: Sequence[int] | None = None,
    model: "LanguageModel | None" = None,
    below: float = UNLIKELY,
) -> Report:
    """Check the part-writing of a chorale, and measure a model's surprise.

    Args:
        chorale: Four voices.
        profile: Textbooks' rules (`school`), or those that Bach hardly ever breaks (`bach`).
        ranges: Lowest and highest pitch of each voice.
        ends: Frames in which the last soprano notes of phrases begin; by default those under fermatas.
        model: Measures surprise; None for faults alone.
        below: Probability under which a note is unlikely.

    Raises:
        CheckpointError: If the model's tokens don't tell the voices apart.
        EncodingError: If a pitch has no token of the model's.

    >>> one, five = [67, 64, 60, 48], [67, 62, 59, 43]
    >>> check_chorale(Chorale.from_pitches([one] * 4 + [five] * 4 + [one] * 8)).faults
    []
    """
    faults = find_faults(chorale, profile=profile, ranges=ranges, ends=ends)
    beats, unlikely = ([], []) if model is None else surprise(model, chorale, below)
    return Report(chorale, profile, faults, beats, unlikely, ends)


def _fault_table(report: Report) -> Table:
    table = _table("bar", "beat", "fault", "voices", "notes")
    for fault in report.faults:
        title = KINDS[report.profile][fault.kind].title
        table.add_row(fault.place.bar, f"{fault.place.beat:g}", title, ", ".join(fault.voices), escape(fault.details))
    return table


def _summary(report: Report) -> RenderableType:
    """Count the faults of each kind, beside the share of Bach's chorales that have one."""
    table = _table("fault", "here", "Bach's chorales with one")
    for kind, num in Counter(fault.kind for fault in report.faults).most_common():
        table.add_row(KINDS[report.profile][kind].title, str(num), f"{KINDS[report.profile][kind].bach:.0%}")
    return Group(Text(), table)


def _unlikely_table(report: Report) -> RenderableType:
    nats = {(beat.start, beat.end): beat.nats for beat in report.beats}
    table = _table("bar", "beat", "Bach would hardly write", "the model's odds", "rather", "nats of the beat")
    for note in report.unlikely:
        spent = next(spent for (start, end), spent in nats.items() if start <= note.frame < end)
        rather = f"{note.likeliest} ({note.likeliest_probability:.0%})"
        odds = f"1 in {1 / note.probability:,.0f}" if note.probability > _NEVER else "less than 1 in a million"
        row = (note.place.bar, f"{note.place.beat:g}", f"{note.voice} {note.note}", odds, rather, f"{spent:.1f}")
        table.add_row(*map(escape, row))
    return Group(Text(), table)


def _percentage(probability: float) -> str:
    return f"{probability:.1%}" if probability >= 0.0005 else "<0.1%"


def _table(*heads: str) -> Table:
    numbers = ("bar", "beat", "here", "Bach's chorales with one", "nats of the beat")
    table = Table(box=None, header_style="bold", pad_edge=False)
    for head in heads:
        table.add_column(head, justify="right" if head in numbers else "left")
    return table
