"""ScoreWriter: what `predict` decodes becomes files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import BasePredictionWriter

from bachlit.scores import write_midi, write_musicxml
from bachlit.writing import Written


class ScoreWriter(BasePredictionWriter):
    """Writes each predicted chorale as MusicXML and MIDI as soon as its batch is decoded.

    Args:
        output: The folder; it is made if it isn't there.
    """

    def __init__(self, output: Path = Path("predictions")) -> None:
        super().__init__(write_interval="batch")
        self.output = Path(output)

    def write_on_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        prediction: Sequence[Written],
        batch_indices: Sequence[int] | None,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int,
    ) -> None:
        """Write one batch's chorales under their names."""
        self.output.mkdir(parents=True, exist_ok=True)
        for written in prediction:
            name = written.chorale.name.replace("/", "-")
            write_musicxml(written.chorale, self.output / f"{name}.musicxml")
            write_midi(written.chorale, self.output / f"{name}.mid")

    def on_predict_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Say where the files are."""
        if trainer.is_global_zero:
            print(self.output)
