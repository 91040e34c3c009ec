"""ChoraleDataModule: chorales split by tune, moved to the model's keys, streamed as windows; prompts to decode."""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
from torch.utils.data import DataLoader

from bachlit.chorale import RANGES, VOICES, Chorale, Voice, move_home
from bachlit.corpus import FOLDS, BachCorpus, Corpus, Fold
from bachlit.encoding import Encoding, SatbEncoding, Tokens
from bachlit.errors import CorpusError, OptionError
from bachlit.keys import Keys
from bachlit.prompt import Prompt
from bachlit.scores import SUFFIXES, read_melody
from bachlit.splits import split_by_tune
from bachlit.windows import WindowLoader


class ChoraleDataModule(pl.LightningDataModule):
    """Windows of tokenised chorales to train and evaluate on, and prompts to decode.

    Args:
        corpus: Where the chorales come from; Bach's in music21 by default.
        encoding: How they become tokens.
        keys: The keys that a model meets. "home": every piece is moved to C major or A minor. "all": in each epoch of
            training, every piece is drawn into one of the keys, up to six semitones away, in which its voices stay in
            range; evaluation is in the written keys. "written": as it stands.
        lanes: Pieces that stand side by side in a batch, over all processes.
        window: Steps of back-propagation, cut down to whole frames.
        shares: Of pieces for training, validation and test, where the corpus has no folds of its own.
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
        window: int = 128,
        shares: tuple[float, float, float] = (0.8, 0.1, 0.1),
        split_seed: int = 0,
        seed: int = 0,
        prompts: Path | None = None,
        voice: Voice = "soprano",
        quantize: bool = False,
    ) -> None:
        super().__init__()
        if lanes < 1 or window < 1:
            raise OptionError(f"{lanes} lanes with a window of {window} make no batch; expected both at least 1.")
        if min(seed, split_seed) < 0:
            raise OptionError(f"Seeds of {seed} and {split_seed} can't be used; expected both at least 0.")
        self.corpus = corpus or BachCorpus()
        self.encoding = encoding or SatbEncoding()
        self.keys = keys
        self.lanes, self.window = lanes, window
        self.shares, self.split_seed, self.seed = shares, split_seed, seed
        self.prompts, self.voice, self.quantize = prompts, voice, quantize
        self.folds: dict[Fold, list[Chorale]] = {}
        """The pieces of each fold as written, once `setup` has run."""

    def prepare_data(self) -> None:
        """Read the corpus into the cache, in one process, before the others want it."""
        if not self._only_prompts():
            self.corpus.chorales()

    def setup(self, stage: str) -> None:
        """Read and split the corpus."""
        if not self.folds and not self._only_prompts():
            self.folds = self.corpus.folds() or split_by_tune(
                self.corpus.chorales(), shares=self.shares, seed=self.split_seed
            )

    def _only_prompts(self) -> bool:
        """Whether the command at hand is `predict` from files, which needs no corpus."""
        return self.prompts is not None and self.trainer is not None and self.trainer.predicting

    def split(self) -> dict[str, list[str]]:
        """The names of each fold's pieces."""
        return {fold: [chorale.name for chorale in self.folds[fold]] for fold in FOLDS}

    def train_dataloader(self) -> WindowLoader:
        """Windows of the training pieces, dealt anew each epoch."""
        return self._loader("train", shuffle=True)

    def val_dataloader(self) -> WindowLoader:
        """Windows of the validation pieces."""
        return self._loader("valid")

    def test_dataloader(self) -> WindowLoader:
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

    def _loader(self, fold: Fold, *, shuffle: bool = False) -> WindowLoader:
        chorales = self.folds[fold]
        if not chorales:
            raise CorpusError(
                f"The corpus has no pieces for the {fold} fold; expected at least one. Add some, or change shares."
            )
        num_ranks, rank = (self.trainer.world_size, self.trainer.global_rank) if self.trainer else (1, 0)
        if self.lanes % num_ranks:
            raise OptionError(
                f"{self.lanes} lanes can't be dealt to {num_ranks} processes equally; set lanes to a multiple of "
                f"{num_ranks}."
            )
        chorales = [move_home(chorale) for chorale in chorales] if self.keys == "home" else chorales
        varied = shuffle and self.keys == "all"
        moves = [singable_moves(chorale) if varied else [0] for chorale in chorales]
        return WindowLoader(
            partial(_draw, moves, chorales, self.encoding),
            self.encoding,
            lanes=self.lanes,
            window=self.window,
            seed=self.seed,
            shuffle=shuffle,
            epoch=lambda: self.trainer.current_epoch if self.trainer else 0,
            rank=rank,
            num_ranks=num_ranks,
        )

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps of the data: which pieces were in which fold."""
        return {"split": json.dumps(self.split())} if self.folds else {}


def singable_moves(chorale: Chorale) -> list[int]:
    """The moves from -6 to 6 semitones that leave every voice in its range; 0 is always one.

    >>> singable_moves(Chorale.from_pitches([[78, 60, 60, 50]]))
    [-6, -5, -4, -3, -2, -1, 0, 1, 2, 3]
    """
    compasses = [(RANGES[voice], chorale.only(voice).compass) for voice in VOICES]
    lower = max((low - compass[0] for (low, _), compass in compasses if compass), default=0)
    upper = min((high - compass[1] for (_, high), compass in compasses if compass), default=0)
    return list(range(max(-6, min(lower, 0)), min(6, max(upper, 0)) + 1))


def _draw(
    variants: Sequence[Sequence[int]], chorales: Sequence[Chorale], encoding: Encoding, random: np.random.Generator
) -> list[Tokens]:
    """Each chorale's tokens after one of the moves that are open to it."""
    return [
        encoding.encode(chorale.transpose(int(random.choice(moves))))
        for chorale, moves in zip(chorales, variants, strict=True)
    ]


def _melodies(path: Path, voice: Voice, quantize: bool) -> list[Chorale]:
    """The melodies of one score, or of every score in a folder."""
    if not path.is_dir():
        return [read_melody(path, voice=voice, quantize=quantize)]
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES)
    if not files:
        raise CorpusError(f"{path} holds no scores; expected files in one of {', '.join(SUFFIXES)}.")
    return [read_melody(file, voice=voice, quantize=quantize) for file in files]
