"""Lessons: pieces with soft targets, the tokens that teachers expect at each step, for a student to train on."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from bachlit.classes import path_of
from bachlit.encoding import SatbEncoding
from bachlit.errors import CorpusError, OptionError
from bachlit.music.keys import Keys
from bachlit.training.transposing import moves_within_ranges
from bachlit.training.windows import Lesson

_FORMAT, _METADATA = 1, "bachlit"


class Taught(NamedTuple):
    """A piece of the corpus in all its variants, equally long.

    Attributes:
        name: The piece's.
        own: As it stands; with unknown fermatas, without them as well.
        invented: Variants that the teachers wrote.
    """

    name: str
    own: list[Lesson]
    invented: list[Lesson]


def lessons_file(taught: Sequence[Taught], encoding: SatbEncoding) -> bytes:
    """Make the content of a file of lessons.

    Args:
        taught: All pieces.
        encoding: Of the tokens.
    """
    every = [
        (index, invented, lesson)
        for index, one in enumerate(taught)
        for invented, some in ((False, one.own), (True, one.invented))
        for lesson in some
    ]
    lessons = [lesson for *_, lesson in every]
    parts: dict[str, npt.NDArray[Any]] = {
        "tokens": np.concatenate([lesson.tokens for lesson in lessons]).astype(np.int16),
        "ids": np.concatenate([lesson.ids for lesson in lessons]).astype(np.int16),
        "shares": np.concatenate([lesson.shares for lesson in lessons]).astype(np.float16),
        "steps": np.array([len(lesson.ids) for lesson in lessons], np.int64),
        "piece": np.array([index for index, *_ in every], np.int64),
        "invented": np.array([invented for _, invented, _ in every], np.bool_),
    }
    described = {"format": _FORMAT, "encoding": _described(encoding), "names": [one.name for one in taught]}
    return save(parts, {_METADATA: json.dumps(described)})  # one entry, since several have no fixed order


def _described(encoding: SatbEncoding) -> dict[str, Any]:
    return {"class_path": path_of(type(encoding)), "init_args": encoding.config}


def read_lessons(path: Path, encoding: SatbEncoding) -> list[Taught]:
    """Read a file of lessons.

    Args:
        path: From `python -m bachlit.distill`.
        encoding: That of the data.

    Raises:
        CorpusError: If it can't be read, isn't one, or is in another encoding.
    """
    try:
        with safe_open(path, "numpy") as file:
            described = json.loads((file.metadata() or {})[_METADATA])
            parts = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # it isn't a mapping
        if described["format"] != _FORMAT:
            raise ValueError("it is of another bachlit")
        found, taught = described["encoding"], _taught(parts, described["names"])
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, IndexError) as error:
        raise CorpusError(
            f"{path} holds no lessons ({type(error).__name__}: {error}); expected a file that `python -m "
            "bachlit.distill` wrote."
        ) from error
    if found != json.loads(json.dumps(_described(encoding))):
        raise CorpusError(
            f"{path} has lessons in {found}, the data is in {_described(encoding)}; expected the same; give the data "
            "the options that the teachers were trained with."
        )
    return taught


def _taught(parts: Mapping[str, npt.NDArray[Any]], names: list[str]) -> list[Taught]:
    taught = [Taught(name, [], []) for name in names]
    ends = np.cumsum([0, *parts["steps"]])
    for row, (first, stop) in enumerate(pairwise(ends)):
        tokens = parts["tokens"][first + row : stop + row + 1]
        lesson = Lesson(tokens, parts["ids"][first:stop], parts["shares"][first:stop])
        if not len(lesson.tokens) == len(lesson.ids) + 1 == len(lesson.shares) + 1:
            raise ValueError("its tensors' lengths differ")
        one = taught[int(parts["piece"][row])]
        (one.invented if parts["invented"][row] else one.own).append(lesson)
    return taught


@dataclass(frozen=True)
class Lessons:
    """Options of training on lessons.

    Attributes:
        path: File of `python -m bachlit.distill`.
        invented: Variants of each piece that an epoch has besides the piece itself.
        hard_share: Share of the piece's own next token in the targets of pieces of the corpus; the rest is the
            teachers'. Invented pieces have theirs alone.

    Raises:
        OptionError: If a number is outside its range.
    """

    path: Path
    invented: int = 1
    hard_share: float = 0.3

    def __post_init__(self) -> None:
        """Check the numbers."""
        if self.invented < 0 or not 0 <= self.hard_share <= 1:
            raise OptionError(
                f"Lessons with {self.invented} invented variants and a hard share of {self.hard_share} can't be given; "
                "expected at least 0 variants, and a share from 0 to 1."
            )

    def pieces(
        self, encoding: SatbEncoding, names: Sequence[str], keys: Keys, *, drop_fermatas: float = 0.0
    ) -> "LessonPieces":
        """Read the lessons of the pieces of a fold.

        Args:
            encoding: That of the data.
            names: The fold's pieces.
            keys: As in `ChoraleDataModule`; lessons can't be moved home.
            drop_fermatas: Probability that a piece of the corpus loses its fermatas.

        Raises:
            CorpusError: If lessons can't be read, are of other pieces, or have too few variants.
            OptionError: If they can't be had in these keys.
        """
        if keys == "home":
            raise OptionError("Lessons can't be moved to C major; expected keys all or written; set --data.keys all.")
        taught = read_lessons(self.path, encoding)
        if sorted(one.name for one in taught) != sorted(names):
            raise CorpusError(
                f"{self.path} has lessons of {len(taught)} pieces, which aren't the {len(names)} of the training fold; "
                "expected the same; make them with the corpus and split that you train on."
            )
        fewest = min(len(one.invented) for one in taught)
        if fewest < self.invented:
            raise CorpusError(
                f"{self.path} has {fewest} invented variants of a piece; expected at least {self.invented}; set "
                "--data.lessons.invented, or make more."
            )
        return LessonPieces(self, taught, encoding, transpose=keys == "all", drop_fermatas=drop_fermatas)


class LessonPieces:
    """Draws an epoch's lessons: each piece once as Bach wrote it, and some of its variants, in drawn keys.

    Args:
        options: Of the lessons.
        taught: P pieces.
        encoding: Of their tokens.
        transpose: Whether keys are drawn.
        drop_fermatas: Probability that a piece of the corpus loses its fermatas.
    """

    def __init__(
        self,
        options: Lessons,
        taught: Sequence[Taught],
        encoding: SatbEncoding,
        *,
        transpose: bool,
        drop_fermatas: float,
    ) -> None:
        self._options, self._taught, self._transpose, self._drop = options, taught, transpose, drop_fermatas
        self._encoding = encoding
        self._moved = {move: encoding.transposition(move) for move in range(-6, 7)}

    def draw(self, random: np.random.Generator) -> list[Lesson]:
        """Draw an epoch's lessons; their lengths are the same in all epochs."""
        drawn = []
        for one in self._taught:
            bare = len(one.own) > 1 and random.random() < self._drop
            drawn.append(self._transposed(_hardened(one.own[int(bare)], self._options.hard_share), random))
            for index in random.permutation(len(one.invented))[: self._options.invented]:
                drawn.append(self._transposed(_hardened(one.invented[index], 0.0), random))
        return drawn

    def _transposed(self, lesson: Lesson, random: np.random.Generator) -> Lesson:
        """Transpose a lesson to a drawn key in which its voices stay in range."""
        if not self._transpose:
            return lesson
        tokens = lesson.tokens[1:-1].reshape(-1, self._encoding.frame_size)[:, 1:]  # (T, 4)
        pitches = np.empty_like(tokens)
        pitches[:, self._encoding.columns] = self._encoding.token_pitch[tokens]
        moved = self._moved[int(random.choice(moves_within_ranges(pitches)))]
        return Lesson(moved[lesson.tokens], moved[lesson.ids], lesson.shares)


def _hardened(lesson: Lesson, share: float) -> Lesson:
    """Give each step's own next token a share of its targets, as a further column."""
    ids = np.column_stack([lesson.ids, lesson.tokens[1:]]).astype(np.int64)
    shares = np.column_stack([lesson.shares * (1 - share), np.full(len(ids), share)]).astype(np.float32)
    return Lesson(lesson.tokens.astype(np.int64), ids, shares)
