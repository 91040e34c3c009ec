"""ChoraleDataModule: windows of chorales to train and evaluate on, prompts to decode."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytorch_lightning as pl
from pytorch_lightning.utilities import rank_zero_warn
from torch.utils.data import DataLoader

from bachlit.corpus import FOLDS, BachCorpus, Corpus, Fold
from bachlit.corpus.splits import SplitBy
from bachlit.encoding import Encoding, SatbEncoding
from bachlit.errors import CorpusError, OptionError, ScoreError
from bachlit.generation.requests import prompts_together
from bachlit.music.chorale import Chorale, Voice
from bachlit.music.keys import Keys
from bachlit.music.prompt import Prompt
from bachlit.scores import SUFFIXES, read_melody
from bachlit.training.dividing import Division, divide_by_position, divide_by_tune
from bachlit.training.language_module import LanguageModule
from bachlit.training.lessons import LessonPieces, Lessons
from bachlit.training.transposing import TransposedPieces
from bachlit.training.windows import WindowLoader

_MOST_STEPS = 2**21  # of one batch; far more than pay off, and a window is filled up to its end


class ChoraleDataModule(pl.LightningDataModule):
    """Feed windows of tokenised chorales to training and evaluation, and prompts to decoding.

    Args:
        corpus: Where the chorales come from; Bach's in music21 by default.
        encoding: How chorales become tokens.
        keys: The keys that a model meets. "home": every piece is moved to C major or A minor. "all": in each epoch of
            training, every piece is drawn into one of the keys, up to six semitones away, in which its voices stay in
            range; evaluation is in the written keys. "written": as it stands.
        drop_fermatas: Probability that a training piece loses its fermatas, which `unknown_fermatas` tells.
        lessons: Soft targets of the training pieces, and music that teachers wrote, to train on.
        lanes: Pieces, or parts of a stream, side by side in a batch, over all processes.
        evaluation_lanes: Lanes of validation and test; as many as `lanes` if None. If split by position, they change
            the figures, as every lane begins with a fresh memory within a piece.
        window: Steps of back-propagation, cut down to whole frames.
        split_by: "tune": no hymn tune is on two sides, and every piece begins with a fresh memory. "position", as
            BachBot's: one stream of all pieces, in the corpus's order, is cut by steps; each fold is again cut into one
            stream per lane, and memory is carried from piece to piece.
        shares: Of pieces, or of steps, for training, validation and test, where the corpus has no folds of its own.
        split_seed: Decides which tunes go where.
        seed: Decides the order and the keys of each epoch.
        prompts: A score or a folder of scores to harmonise by `predict`; the test pieces' melodies if None.
        voice: The voice that is given in `predict`.
    """

    def __init__(
        self,
        corpus: Corpus | None = None,
        *,
        encoding: Encoding | None = None,
        keys: Keys = "all",
        drop_fermatas: float = 0.0,
        lessons: Lessons | None = None,
        lanes: int = 16,
        evaluation_lanes: int | None = None,
        window: int = 128,
        split_by: SplitBy = "tune",
        shares: tuple[float, float, float] = (0.8, 0.1, 0.1),
        split_seed: int = 0,
        seed: int = 0,
        prompts: Path | None = None,
        voice: Voice = "soprano",
    ) -> None:
        super().__init__()
        evaluation_lanes = lanes if evaluation_lanes is None else evaluation_lanes
        fewest = min(lanes, evaluation_lanes)
        if min(fewest, window) < 1:
            raise OptionError(f"{fewest} lanes with a window of {window} make no batch; expected both at least 1.")
        if (steps := window * max(lanes, evaluation_lanes)) > _MOST_STEPS:
            raise OptionError(
                f"{max(lanes, evaluation_lanes)} lanes with a window of {window} make a batch of {steps} steps; "
                f"expected {_MOST_STEPS} at most; set fewer lanes, or a shorter window."
            )
        if min(seed, split_seed) < 0:
            raise OptionError(f"Seeds of {seed} and {split_seed} can't be used; expected both at least 0.")
        if not 0 <= drop_fermatas <= 1:
            raise OptionError(f"Fermatas can't be dropped with a probability of {drop_fermatas}; expected 0 to 1.")
        self.corpus = corpus or BachCorpus()
        self.encoding = encoding or SatbEncoding()
        if split_by == "position" and self.encoding.frame_size > 1:
            raise OptionError(
                f"A split by position cuts pieces within a frame, and windows of {type(self.encoding).__name__} hold "
                "whole frames; expected an encoding such as BachBotEncoding; give --data.encoding BachBotEncoding, or "
                "split by tune."
            )
        if lessons is not None and (split_by == "position" or not isinstance(self.encoding, SatbEncoding)):
            raise OptionError(
                f"Lessons can't be given in {type(self.encoding).__name__} split by {split_by}; expected SatbEncoding, "
                "split by tune; leave --data.lessons out."
            )
        self.keys, self.drop_fermatas, self.lessons = keys, drop_fermatas, lessons
        self.lanes, self.evaluation_lanes, self.window = lanes, evaluation_lanes, window
        self.split_by, self.shares, self.split_seed, self.seed = split_by, shares, split_seed, seed
        self.prompts, self.voice = prompts, voice
        self.folds: dict[Fold, Sequence[Chorale]] = {}
        """The pieces of each fold as written, once `setup` has run."""
        self.num_skipped = 0
        """Scores that `predict` couldn't read."""
        self._division: Division | None = None
        self._split: dict[str, list[str]] = {}

    def prepare_data(self) -> None:
        """Read the corpus into the cache, in one process before all others."""
        if not self._only_prompts():
            self.corpus.chorales()

    def setup(self, stage: str) -> None:
        """Read and divide the corpus."""
        if self.folds or self._only_prompts():
            return
        if self.split_by == "tune":
            self._division = divide_by_tune(self.corpus, self.shares, self.split_seed)
        else:
            self._division = divide_by_position(
                self.corpus, self.shares, lambda chorales: self._pieces(chorales, training=False).num_steps()
            )
        self.folds = self._division.folds

    def _pieces(self, chorales: Sequence[Chorale], *, training: bool) -> TransposedPieces:
        keys = "written" if self.keys == "all" and not training else self.keys
        return TransposedPieces(chorales, self.encoding, keys, drop_fermatas=self.drop_fermatas if training else 0.0)

    def _taught(self, chorales: Sequence[Chorale], lessons: Lessons) -> LessonPieces:
        encoding, names = cast(SatbEncoding, self.encoding), [chorale.name for chorale in chorales]
        return lessons.pieces(encoding, names, self.keys, drop_fermatas=self.drop_fermatas)

    def _only_prompts(self) -> bool:
        """Tell whether the command is `predict` from files, which needs no corpus."""
        return self.prompts is not None and self.trainer is not None and self.trainer.predicting

    def split(self) -> dict[str, list[str]]:
        """Give the names of each fold's pieces."""
        if not self._split:  # every checkpoint asks for it, and pieces may have to be read
            self._split = {fold: [chorale.name for chorale in self.folds[fold]] for fold in FOLDS}
        return self._split

    def train_dataloader(self) -> WindowLoader:
        """Windows of the training pieces, dealt anew each epoch, or of their stream."""
        return self._loader("train", training=True)

    def val_dataloader(self) -> WindowLoader:
        """Windows of the validation pieces."""
        return self._loader("valid")

    def test_dataloader(self) -> WindowLoader:
        """Windows of the test pieces."""
        return self._loader("test")

    def predict_dataloader(self) -> DataLoader[Prompt]:
        """Prompts, one melody each, in batches of as many as there are lanes, or as a decoder fills well together.

        Of a folder, scores that can't be read are left out with a warning; `num_skipped` counts them.
        """
        if self.prompts is None:
            melodies = list(self.folds["test"])
        else:
            melodies, self.num_skipped = _melodies(self.prompts, self.voice)
        prompts = [Prompt.voices(melody, self.voice) for melody in melodies]
        if self.trainer and len(prompts) < self.trainer.world_size:
            raise OptionError(
                f"{len(prompts)} prompts can't be dealt to {self.trainer.world_size} processes; expected one each at "
                "least; set --trainer.devices to fewer."
            )
        return DataLoader(prompts, batch_size=self._num_together(), collate_fn=list)  # type: ignore[arg-type]

    def _num_together(self) -> int:
        """Count the prompts of a batch: more on a GPU."""
        module = getattr(self.trainer, "lightning_module", None)
        if self.trainer is None or not isinstance(module, LanguageModule):
            return self.lanes
        device = self.trainer.strategy.root_device.type
        return max(self.lanes, prompts_together(module.writing.decoder, device=device))

    def _loader(self, fold: Fold, *, training: bool = False) -> WindowLoader:
        division = self._division
        if division is None or not division.read[fold]:
            raise CorpusError(
                f"The corpus has no pieces for the {fold} fold; expected at least one. Add some, or change shares."
            )
        num_ranks, rank = (self.trainer.world_size, self.trainer.global_rank) if self.trainer else (1, 0)
        lanes = self.lanes if training else self.evaluation_lanes
        if lanes % num_ranks:
            raise OptionError(
                f"{lanes} lanes can't be dealt to {num_ranks} processes equally; set lanes and evaluation_lanes to "
                f"multiples of {num_ranks}."
            )
        pieces: TransposedPieces | LessonPieces = (
            self._taught(division.read[fold], self.lessons)
            if training and self.lessons is not None
            else self._pieces(division.read[fold], training=training)
        )
        return WindowLoader(
            pieces.draw,
            self.encoding,
            lanes=lanes,
            window=self.window,
            layout=division.layouts.get(fold),
            seed=self.seed,
            shuffle=training,
            epoch=self._epoch,
            rank=rank,
            num_ranks=num_ranks,
        )

    def _epoch(self) -> int:
        return self.trainer.current_epoch if self.trainer else 0

    def describe_split(self) -> str:
        """Describe how the pieces were divided."""
        return self._division.description if self._division else "not divided"

    def state_dict(self) -> dict[str, Any]:
        """Keep the names of each fold's pieces in checkpoints."""
        return {"split": json.dumps(self.split())} if self.folds else {}


def _melodies(path: Path, voice: Voice) -> tuple[list[Chorale], int]:
    """Read the melodies of one score, or of every score in a folder; count those that can't be read."""
    if not path.is_dir():
        return [read_melody(path, voice=voice)], 0
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES)
    if not files:
        raise CorpusError(f"{path} holds no scores; expected files in one of {', '.join(SUFFIXES)}.")
    melodies, errors = list[Chorale](), list[ScoreError]()
    for file in files:
        try:
            melodies.append(read_melody(file, voice=voice))
        except ScoreError as error:
            errors.append(error)
    if not melodies:
        raise errors[0]
    for one in errors:
        rank_zero_warn(f"A score is left out. {one}")
    return melodies, len(errors)
