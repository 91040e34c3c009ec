"""The task of `bachlit harmonize`, as typed, for each of its tunes."""

import dataclasses
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bachlit.commands.batch import Job
from bachlit.commands.places import Places, stem_of
from bachlit.commands.weights import announce
from bachlit.generation.harmonizing import harmonizer
from bachlit.generation.options import HarmonyOptions
from bachlit.generation.phrasing import places_of_phrases
from bachlit.generation.requests import Request
from bachlit.generation.written import Written
from bachlit.models.language_model import LanguageModel
from bachlit.models.runs import find_model
from bachlit.models.shipped import PRETRAINED
from bachlit.rendering.look import Look
from bachlit.rendering.output import contents, save


@dataclass(frozen=True)
class Task:
    """Options of a command, for each of its tunes.

    Attributes:
        options: How they are harmonised.
        checkpoint: The model, as typed.
        look: How scores are written.
        places: Where.
    """

    options: HarmonyOptions
    checkpoint: Path | None
    look: Look
    places: Places

    def harmonize(self, job: Job, output: str | None, name: str) -> None:
        """Harmonise a tune, write its files and print their paths.

        Args:
            job: The tune.
            output: The typed output, if any.
            name: Name of its files in a folder.
        """
        places, _ = self.places.of(output, name)
        request = self.ask(self.load(), job)
        [filled] = request.fill()
        filled.warn()
        save(self.files(job, filled.pieces, output, name), self.places.refusal(job))
        announce(find_model(self.checkpoint or PRETRAINED))
        prompt = request.prompt
        if prompt.phrase_ends is not None and prompt.phrase_ends.any():
            print(f"Phrase ends: {_bars_in_words(places_of_phrases(prompt))}.", file=sys.stderr)
        if self.options.num > 1:
            _compare(filled.pieces, [stem_of(paths) for paths in places[: len(filled.pieces)]], self.options.num)

    def load(self) -> LanguageModel:
        """Load the model."""
        return LanguageModel.load(self.checkpoint or PRETRAINED)

    def ask(self, model: LanguageModel, job: Job) -> Request:
        """Read a tune, and prepare what a model is asked for it."""
        return self.options.request(model, self.options.heard(self.options.given(job.path, job.tune)))

    def files(self, job: Job, pieces: Sequence[Written], output: str | None, name: str) -> Iterator[tuple[Path, bytes]]:
        """Make the contents of a tune's files."""
        places, description = self.places.of(output, name)
        for piece, paths in zip(pieces, places, strict=False):  # there may be fewer
            yield from contents(piece.chorale, paths, look=self.look)
        if self.options.num > 1:
            yield description, _description(pieces, places, self._described(job))

    def _described(self, job: Job) -> dict[str, Any]:
        """Options that make the music, for its description."""
        heard = {option.name: getattr(self.options, option.name) for option in dataclasses.fields(self.options)}
        options = {"melody": job.path, "tune": job.tune, "voice": self.options.voices, **heard}
        options["decoder"] = self.options.decoder or harmonizer(self.options.num)
        options["checkpoint"] = self.checkpoint
        return {name: value for name, value in options.items() if name not in ("voices", "keep_parts")}


def _bars_in_words(places: Sequence[str]) -> str:
    """List bars in words.

    >>> _bars_in_words(["4", "8.3", "16"]), _bars_in_words(["4"])
    ('bars 4, 8.3 and 16', 'bar 4')
    """
    *others, last = places
    return f"bars {', '.join(others)} and {last}" if others else f"bar {last}"


def _description(pieces: Sequence[Written], places: Sequence[Sequence[Path]], options: Mapping[str, Any]) -> bytes:
    """Describe several scores, their options and their merits as JSON."""
    from bachlit.generation import ranking  # its counters come with torchmetrics, which takes a while

    described = {
        "bachlit": version("bachlit"),
        "options": ranking.plain(options),
        "pieces": [
            {"files": [path.name for path in paths], **ranking.figures(piece)}
            for piece, paths in zip(pieces, places, strict=False)
        ],
    }
    return f"{json.dumps(described, indent=2, allow_nan=False)}\n".encode()


def _compare(pieces: Sequence[Written], stems: Sequence[str], num: int) -> None:
    """Print a table that compares several pieces."""
    from bachlit.generation import ranking  # as above

    print(f"\n{ranking.table(pieces, stems)}\n\n{ranking.caption(pieces)}")
    if len(pieces) < num:
        print(f"Found {len(pieces)} of the {num} asked for.")
