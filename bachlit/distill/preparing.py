"""Preparing lessons: parts that are made one by one or side by side, each kept once it is made."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors.torch import save

from bachlit.classes import import_all
from bachlit.distill.inventing import invent
from bachlit.distill.teaching import encoded, ensemble_of, soft_targets
from bachlit.encoding import SatbEncoding, Tokens
from bachlit.errors import OptionError
from bachlit.evaluation.held_out import folds_for, source_of
from bachlit.files.keeping import Arrays, Work
from bachlit.models.language_model import LanguageModel
from bachlit.models.runs import located
from bachlit.processes import in_processes
from bachlit.training.lessons import Taught
from bachlit.training.windows import Lesson

_BARE = 0.4  # share of the invented pieces without fermatas, where these may be unknown


@dataclass(frozen=True)
class Plan:
    """Options of lessons, and the folder that keeps them while they are made.

    Attributes:
        teachers: As `--checkpoint` elsewhere.
        folder: Keeps finished parts.
        views: Keys over which each teacher is averaged.
        invented: Variants of each piece that the teachers write.
        seed: Of the variants.
        limit: Number of pieces; 0 for all of the training fold.
        modules: To import, for classes of your own.
    """

    teachers: Sequence[Path]
    folder: Path
    views: int
    invented: int
    seed: int
    limit: int
    modules: Sequence[str]


class Part(NamedTuple):
    """Lessons of a variant of each piece.

    Attributes:
        kind: "own", as Bach wrote them, or "invented".
        variant: Which of these, counted from 0.
    """

    kind: str
    variant: int

    def __str__(self) -> str:
        return f"{'Own pieces' if self.kind == 'own' else 'Invented pieces'}, variant {self.variant + 1}"


class Preparation:
    """Load teachers with their training fold, to make the parts of their lessons.

    Args:
        plan: Of the lessons. Its modules are imported, and its folder is made.

    Attributes:
        parts: All; those that the teachers must write first, since they take longer.

    Raises:
        BachlitError: If the teachers can't be loaded or averaged, or the folder has other work.
    """

    def __init__(self, plan: Plan) -> None:
        import_all(plan.modules)
        self.plan = plan
        paths = [located(path) for path in plan.teachers]
        loaded = {path: LanguageModel.load(path) for path in paths}
        self._models = [loaded[path] for path in paths]
        self._teacher = ensemble_of(self._models, plan.views)
        self._chorales = [*folds_for([source_of(path) for path in paths])["train"]][: plan.limit or None]
        names = [chorale.name for chorale in self._chorales]
        digests = [hashlib.sha256(save(model.network.state_dict())).hexdigest() for model in self._models]
        # What kept parts depend on; the number of variants may grow.
        options = {"teachers": digests, "views": plan.views, "seed": plan.seed, "pieces": names}
        self._work = Work(plan.folder, options)
        self._own = [encoded(self.encoding, chorale) for chorale in self._chorales]
        invented = [Part("invented", index) for index in range(plan.invented)]
        self.parts = [*invented, *(Part("own", index) for index in range(max(map(len, self._own), default=0)))]

    def __str__(self) -> str:
        num_frames = sum(chorale.num_frames for chorale in self._chorales)
        return f"{len(self._models)} teachers, {len(self._chorales)} pieces, {num_frames} frames"

    @property
    def encoding(self) -> SatbEncoding:
        """Give the teachers' encoding."""
        return self._teacher.voiced_encoding

    def is_kept(self, part: Part) -> bool:
        """Tell whether a part is made already."""
        return self._work.has_arrays(_targets_of(part))

    def prepare(self, part: Part) -> dict[int, Lesson]:
        """Make and keep a part, or read it if it is kept: the lessons of the pieces that have this variant."""
        if part.kind == "own":
            own = [variants[part.variant : part.variant + 1] for variants in self._own]  # most have one, some have two
            pieces = {place: tokens for place, some in enumerate(own) for tokens in some}
        else:
            written = self._work.arrays(f"invented-{part.variant}", lambda: self._invented(part.variant))
            pieces = {place: written[f"tokens-{place}"] for place in range(len(self._chorales))}
        made = self._work.arrays(_targets_of(part), lambda: self._targets([*pieces.values()]))
        return {
            place: Lesson(tokens, made[f"ids-{number}"], made[f"shares-{number}"])
            for number, (place, tokens) in enumerate(pieces.items())
        }

    def taught(self) -> list[Taught]:
        """Gather all parts, by piece."""
        taught = [Taught(chorale.name, [], []) for chorale in self._chorales]
        for part in self.parts:
            for place, lesson in self.prepare(part).items():
                (taught[place].own if part.kind == "own" else taught[place].invented).append(lesson)
        return taught

    def _targets(self, pieces: Sequence[Tokens]) -> Arrays:
        made = soft_targets(self._teacher.network, pieces)
        ids = {f"ids-{number}": one.astype(np.int16) for number, (one, _) in enumerate(made)}
        return ids | {f"shares-{number}": one.astype(np.float16) for number, (_, one) in enumerate(made)}

    def _invented(self, index: int) -> Arrays:
        """Write a variant of each piece; the teachers take turns: one alone is as fast as it is unlike the others."""
        random = np.random.default_rng([self.plan.seed, index])
        writer = ensemble_of([self._models[index % len(self._models)]], 1)
        bare = random.random(len(self._chorales)) < (_BARE if self.encoding.unknown_fermatas else 0)
        pieces = [
            replace(chorale, fermatas=chorale.fermatas & ~gone)
            for chorale, gone in zip(self._chorales, bare, strict=True)
        ]
        seeds = [int(one) for one in random.integers(2**31, size=len(pieces))]
        with torch.no_grad():
            written = invent(writer, pieces, seeds=seeds)
        return {f"tokens-{place}": tokens.astype(np.int16) for place, tokens in enumerate(written)}


def prepare_all(preparation: Preparation, *, workers: int) -> Iterator[Part]:
    """Make all parts that aren't kept; yield each once it is.

    Args:
        preparation: What makes them.
        workers: Processes that work side by side, each with one thread and teachers of its own. 1 is this process
            alone, with as many threads as PyTorch uses.

    Raises:
        BachlitError: If a process is killed, or what is kept is damaged or can't be written.
    """
    missing = [part for part in preparation.parts if not preparation.is_kept(part)]
    yield from (part for part in preparation.parts if part not in missing)
    if workers == 1:
        for part in missing:
            preparation.prepare(part)
            yield part
        return
    for [part], done in in_processes(partial(_begin, preparation.plan), [[part] for part in missing], workers):
        if done is None:
            raise OptionError(
                f"The process that made part of the lessons ({part}) was killed, as when memory runs out; expected it "
                "to finish; what was finished is kept; start again with --workers 1."
            )
        yield part


def _begin(plan: Plan) -> Callable[[Sequence[Part]], Sequence[Part]]:
    """Load the teachers in a process that shares the processor with others."""
    torch.set_num_threads(1)
    preparation = Preparation(plan)

    def make(parts: Sequence[Part]) -> Sequence[Part]:
        for part in parts:
            preparation.prepare(part)
        return parts

    return make


def _targets_of(part: Part) -> str:
    """Name the targets of a part in its folder."""
    return f"{part.kind}-{part.variant}-targets"
