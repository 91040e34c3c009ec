"""Places of a harmonisation's files, and whether they may be written."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

from bachlit.commands.batch import Job
from bachlit.commands.music import places_of
from bachlit.files.overwriting import refuse_replacing


@dataclass(frozen=True)
class Places:
    """Choose the files of each tune's pieces.

    Attributes:
        num: How many pieces a tune gets at most.
        also: Endings of files beside their scores.
        overwrite: Replace the user's own files.
    """

    num: int
    also: Sequence[str]
    overwrite: bool

    def of(self, output: str | None, name: str) -> tuple[list[list[Path]], Path]:
        """List the files of each piece, and name that of their description.

        Args:
            output: The typed output, if any.
            name: Name of the files in a folder.
        """
        places = places_of(output, name, self.also, range(1, self.num + 1))
        return places, places[0][0].with_name(f"{stem_of(places[0]).removesuffix('-1')}.json")

    def refuse(self, job: Job, output: str | None, name: str) -> None:
        """Refuse places that can't be written to, or hold files of others, before the work."""
        places, description = self.of(output, name)
        self.refusal(job)([*chain.from_iterable(places), *([description] if self.num > 1 else [])])

    def refusal(self, job: Job) -> Callable[[Collection[Path]], None]:
        """Make what refuses to replace a tune's files."""
        return partial(refuse_replacing, inputs=[job.path], overwrite=self.overwrite)


def stem_of(paths: Sequence[Path]) -> str:
    """Name a piece by its files, without an ending."""
    return paths[0].name.removesuffix(paths[0].suffix)
