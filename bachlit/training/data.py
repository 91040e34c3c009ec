"""ChoraleDataModule: chorales divided, moved to the model's keys, streamed as windows; prompts to decode."""

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytorch_lightning as pl
from torch.utils.data import DataLoader

from bachlit.corpus import FOLDS, BachCorpus, Corpus, Fold
from bachlit.corpus.splits import SplitBy, Stretch, split_by_position, split_by_tune
from bachlit.encoding import Encoding, SatbEncoding, Tokens
from bachlit.errors import CorpusError, OptionError
from bachlit.music.chorale import RANGES, REST, Chorale, Voice, home_move
from bachlit.music.keys import Keys
from bachlit.music.prompt import Prompt
from bachlit.scores import SUFFIXES, read_melody
from bachlit.training.streams import StreamLoader
from bachlit.training.windows import WindowLoader

_MOST_STEPS = 2**21  # of one batch; far more than pay off, and a window is filled up to its end


class ChoraleDataModule(pl.LightningDataModule):
    """Windows of tokenised chorales to train and evaluate on, and prompts to decode.

    Args:
        corpus: Where the chorales come from; Bach's in music21 by default.
        encoding: How they become tokens.
        keys: The keys that a model meets. "home": every piece is moved to C major or A minor. "all": in each epoch of
            training, every piece is drawn into one of the keys, up to six semitones away, in which its voices stay in
            range; evaluation is in the written keys. "written": as it stands.
        lanes: Pieces, or parts of a stream, that stand side by side in a batch, over all processes.
        evaluation_lanes: Those of validation and test; as many as `lanes` if None. Of pieces, they don't change the
            figures. Of streams they do, as every lane begins with a fresh memory within a piece.
        window: Steps of back-propagation, cut down to whole frames.
        split_by: "tune": no hymn tune is on two sides, and every piece begins with a fresh memory. "position": as
            BachBot's, all pieces stand one after another in the corpus's order, in one stream that is cut by steps;
            each fold is again cut into as many streams as there are lanes, and memory is carried from piece to piece.
        shares: Of pieces, or of steps, for training, validation and test, where the corpus has no folds of its own.
        split_seed: Decides which tunes go where.
        seed: Decides the order and the keys of each epoch.
        prompts: A score or a folder of scores to harmonise by `predict`; the test pieces' melodies if None.
        voice: The voice that is given in `predict`.
        quantize: Round what is finer than a sixteenth in the prompts instead of refusing it.
    """

    def __init__(
        self,
        corpus: Corpus | None = None,
        *,
        encoding: Encoding | None = None,
        keys: Keys = "all",
        lanes: int = 16,
        evaluation_lanes: int | None = None,
        window: int = 128,
        split_by: SplitBy = "tune",
        shares: tuple[float, float, float] = (0.8, 0.1, 0.1),
        split_seed: int = 0,
        seed: int = 0,
        prompts: Path | None = None,
        voice: Voice = "soprano",
        quantize: bool = False,
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
        self.corpus = corpus or BachCorpus()
        self.encoding = encoding or SatbEncoding()
        if split_by == "position" and self.encoding.frame_size > 1:
            raise OptionError(
                f"A split by position cuts pieces within a frame, and windows of {type(self.encoding).__name__} hold "
                "whole frames; expected an encoding such as BachBotEncoding; give --data.encoding BachBotEncoding, or "
                "split by tune."
            )
        self.keys = keys
        self.lanes, self.evaluation_lanes, self.window = lanes, evaluation_lanes, window
        self.split_by, self.shares, self.split_seed, self.seed = split_by, shares, split_seed, seed
        self.prompts, self.voice, self.quantize = prompts, voice, quantize
        self.folds: dict[Fold, Sequence[Chorale]] = {}
        """The pieces of each fold as written, once `setup` has run. One that is cut by position is in the fold where it
        begins: what is judged on it in another fold would have been trained on."""
        self._stretches: dict[Fold, Stretch] = {}
        self._split: dict[str, list[str]] = {}

    def prepare_data(self) -> None:
        """Read the corpus into the cache, in one process, before the others want it."""
        if not self._only_prompts():
            self.corpus.chorales()

    def setup(self, stage: str) -> None:
        """Read and divide the corpus."""
        if self.folds or self._only_prompts():
            return
        own = self.corpus.folds()
        if self.split_by == "position":
            self._stretches = self._cut() if own is None else {fold: self._whole(own[fold]) for fold in FOLDS}
        if own is not None:
            self.folds = dict(own)
        elif self._stretches:
            self.folds = {fold: stretch.begun() for fold, stretch in self._stretches.items()}
        else:
            self.folds = split_by_tune(self.corpus.chorales(), shares=self.shares, seed=self.split_seed)

    def _cut(self) -> dict[Fold, Stretch]:
        chorales = self.corpus.chorales()
        return split_by_position(chorales, self._num_steps(chorales), shares=self.shares)

    def _whole(self, chorales: Sequence[Chorale]) -> Stretch:
        return Stretch(chorales, 0, sum(self._num_steps(chorales)))

    def _num_steps(self, chorales: Sequence[Chorale]) -> list[int]:
        """How many tokens each piece has to predict."""
        return [len(tokens) - 1 for tokens in self._tokens(chorales)(np.random.default_rng())]

    def _tokens(self, chorales: Sequence[Chorale], *, varied: bool = False) -> Callable[[np.random.Generator], Any]:
        """What gives an epoch's pieces as tokens, in the keys that the model meets."""
        lowest = np.zeros(len(chorales), np.int8)  # (P,) the lowest move, in semitones
        num_moves = np.ones(len(chorales), np.int8)  # (P,)
        if varied:
            for index, chorale in enumerate(chorales):
                moves = singable_moves(chorale)
                lowest[index], num_moves[index] = moves[0], len(moves)
        elif self.keys == "home":
            lowest[:] = [home_move(chorale) for chorale in chorales]
        return partial(_Drawn, chorales, self.encoding, lowest, num_moves)

    def _only_prompts(self) -> bool:
        """Whether the command at hand is `predict` from files, which needs no corpus."""
        return self.prompts is not None and self.trainer is not None and self.trainer.predicting

    def split(self) -> dict[str, list[str]]:
        """The names of each fold's pieces."""
        if not self._split:  # every checkpoint asks for it, and pieces may have to be read
            self._split = {fold: [chorale.name for chorale in self.folds[fold]] for fold in FOLDS}
        return self._split

    def train_dataloader(self) -> WindowLoader | StreamLoader:
        """Windows of the training pieces, dealt anew each epoch, or of their stream."""
        return self._loader("train", shuffle=True)

    def val_dataloader(self) -> WindowLoader | StreamLoader:
        """Windows of the validation pieces."""
        return self._loader("valid")

    def test_dataloader(self) -> WindowLoader | StreamLoader:
        """Windows of the test pieces."""
        return self._loader("test")

    def predict_dataloader(self) -> DataLoader[Prompt]:
        """Prompts, one melody each, in batches of as many as there are lanes."""
        if self.prompts is None:
            prompts = [Prompt.voices(chorale, self.voice) for chorale in self.folds["test"]]
        else:
            prompts = [
                Prompt.voices(melody, self.voice) for melody in _melodies(self.prompts, self.voice, self.quantize)
            ]
        if self.trainer and len(prompts) < self.trainer.world_size:
            raise OptionError(
                f"{len(prompts)} prompts can't be dealt to {self.trainer.world_size} processes; expected one each at "
                "least; set --trainer.devices to fewer."
            )
        return DataLoader(prompts, batch_size=self.lanes, collate_fn=list)  # type: ignore[arg-type]

    def _loader(self, fold: Fold, *, shuffle: bool = False) -> WindowLoader | StreamLoader:
        stretch = self._stretches.get(fold)
        chorales = stretch.chorales if stretch else self.folds[fold]
        if not chorales:
            raise CorpusError(
                f"The corpus has no pieces for the {fold} fold; expected at least one. Add some, or change shares."
            )
        num_ranks, rank = (self.trainer.world_size, self.trainer.global_rank) if self.trainer else (1, 0)
        lanes = self.lanes if shuffle else self.evaluation_lanes
        if lanes % num_ranks:
            raise OptionError(
                f"{lanes} lanes can't be dealt to {num_ranks} processes equally; set lanes and evaluation_lanes to "
                f"multiples of {num_ranks}."
            )
        pieces = self._tokens(chorales, varied=shuffle and self.keys == "all")
        dealt = {"lanes": lanes, "window": self.window, "seed": self.seed, "rank": rank, "num_ranks": num_ranks}
        if stretch:
            return StreamLoader(
                pieces, self.encoding, start=stretch.start, stop=stretch.stop, epoch=self._epoch, **dealt
            )
        return WindowLoader(pieces, self.encoding, shuffle=shuffle, epoch=self._epoch, **dealt)

    def _epoch(self) -> int:
        return self.trainer.current_epoch if self.trainer else 0

    def describe_split(self) -> str:
        """How the pieces were divided, in words."""
        if self.split_by == "tune":
            return "by tune" if self.corpus.folds() is None else "the corpus's own"
        steps = ", ".join(f"{stretch.num_steps:,} {fold}" for fold, stretch in self._stretches.items())
        cut = [stretch.chorales[0].name for stretch in self._stretches.values() if stretch.start]
        return f"by position: {steps} tokens" + f"; cut: {', '.join(cut)}" * bool(cut)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps of the data: which pieces were in which fold."""
        return {"split": json.dumps(self.split())} if self.folds else {}


def singable_moves(chorale: Chorale) -> list[int]:
    """The moves from -6 to 6 semitones that leave every voice in its range; 0 is always one.

    >>> singable_moves(Chorale.from_pitches([[78, 60, 60, 50]]))
    [-6, -5, -4, -3, -2, -1, 0, 1, 2, 3]
    """
    lowest, highest = -6, 6
    for (low, high), pitches in zip(RANGES.values(), chorale.pitches.T, strict=True):
        sounding = pitches[pitches != REST]
        if sounding.size:
            lowest, highest = max(lowest, low - int(sounding.min())), min(highest, high - int(sounding.max()))
    return list(range(min(lowest, 0), max(highest, 0) + 1))


class _Drawn(Sequence[Tokens]):
    """Chorales' tokens, each after one of the moves that are open to it; each is encoded when it is asked for.

    Args:
        chorales: P pieces.
        encoding: Makes the tokens.
        lowest: (P,) the lowest move of each, in semitones.
        num_moves: (P,) how many moves there are from it on.
        random: Draws among them.
    """

    def __init__(
        self,
        chorales: Sequence[Chorale],
        encoding: Encoding,
        lowest: npt.NDArray[np.int8],
        num_moves: npt.NDArray[np.int8],
        random: np.random.Generator,
    ) -> None:
        self._chorales, self._encoding = chorales, encoding
        self._moves = lowest + random.integers(0, num_moves)  # (P,)

    def __len__(self) -> int:
        return len(self._chorales)

    def __getitem__(self, index: Any) -> Any:
        return self._encoding.encode(self._chorales[index].transpose(int(self._moves[index])))


def _melodies(path: Path, voice: Voice, quantize: bool) -> list[Chorale]:
    """The melodies of one score, or of every score in a folder."""
    if not path.is_dir():
        return [read_melody(path, voice=voice, quantize=quantize)]
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES)
    if not files:
        raise CorpusError(f"{path} holds no scores; expected files in one of {', '.join(SUFFIXES)}.")
    return [read_melody(file, voice=voice, quantize=quantize) for file in files]
