"""Python of guides and examples as it stands, on a small corpus, with short fits and greedy harmonisations."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import pytorch_lightning as pl

from bachlit.corpus import BachCorpus
from bachlit.decoding import Greedy
from bachlit.music.chorale import Chorale


class ShortTrainer(pl.Trainer):
    """A Trainer that fits, validates and tests on one batch, and keeps quiet."""

    def __init__(self, **options: Any) -> None:
        limits = {f"limit_{stage}_batches": 1 for stage in ("train", "val", "test")}
        quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
        super().__init__(**options | limits | quiet | {"max_epochs": 1, "accelerator": "cpu"})


@contextmanager
def shortened(corpus: list[Chorale]) -> Iterator[None]:
    """Have `pl.Trainer` stop early, `BachCorpus` hold only some pieces, and `harmonize` be greedy by default."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pl, "Trainer", ShortTrainer)
        patch.setattr("bachlit.api.harmonizer", lambda num=1: Greedy())
        patch.setattr(BachCorpus, "chorales", lambda _: corpus)
        yield
