"""ScoreWriter: what `predict` decodes becomes files."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import BasePredictionWriter

from bachlit.errors import OptionError
from bachlit.files import file_stem
from bachlit.places import contents, write
from bachlit.prompt import Prompt
from bachlit.scores import SUFFIXES
from bachlit.writing import Written


class ScoreWriter(BasePredictionWriter):
    """Writes each predicted chorale as MusicXML and MIDI as soon as its batch is decoded.

    Args:
        output: The folder; it is made if it isn't there.
    """

    def __init__(self, output: Path = Path("predictions")) -> None:
        super().__init__(write_interval="batch")
        self.output = Path(output)
        self._used: set[str] = set()
        self._stems: list[str] = []

    def on_predict_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Make the folder, and name the files of all prompts: several processes share them, and no name may come twice.

        Raises:
            OptionError: If the folder can't be made.
        """
        try:
            self.output.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OptionError(
                f"{self.output} can't be a folder ({error.strerror}); choose another --output."
            ) from error
        prompts = getattr(trainer.predict_dataloaders, "dataset", ())
        if isinstance(prompts, Sequence) and all(isinstance(prompt, Prompt) for prompt in prompts):
            self._stems = [self._unused(prompt.chorale.name) for prompt in prompts]

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
        for row, written in enumerate(prediction):
            if batch_indices and self._stems:
                name = self._stems[batch_indices[row]]
            else:
                name = self._unused(written.chorale.name)
            write(contents(written.chorale, [self.output / f"{name}.musicxml", self.output / f"{name}.mid"]))

    def _unused(self, name: str) -> str:
        """A piece's name as a file's: without folders and ending, and numbered if another piece has it already."""
        stem = str(PurePosixPath(name).with_suffix("")) if name.lower().endswith(SUFFIXES) else name
        stem = wanted = file_stem(stem)
        number = 1
        while stem in self._used:
            number += 1
            stem = f"{wanted}-{number}"
        self._used.add(stem)
        return stem

    def on_predict_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Say where the files are."""
        if trainer.is_global_zero:
            print(self.output)
