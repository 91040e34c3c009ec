"""ScoreWriter: write the chorales of `predict` to files."""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import BasePredictionWriter

from bachlit.errors import OptionError
from bachlit.files.overwriting import refuse_replacing
from bachlit.files.writing import file_stem
from bachlit.generation.written import Written
from bachlit.music.prompt import Prompt
from bachlit.rendering.output import contents, write
from bachlit.scores import SUFFIXES


class ScoreWriter(BasePredictionWriter):
    """Write each predicted chorale as MusicXML and MIDI as soon as its batch is decoded.

    Args:
        output: The folder; made if missing.
        overwrite: Replace files in it that bachlit didn't write, too.
    """

    def __init__(self, output: Path = Path("predictions"), overwrite: bool = False) -> None:
        super().__init__(write_interval="batch")
        self.output = Path(output)
        self._used: set[str] = set()
        self._stems: list[str] = []
        self._check = partial(refuse_replacing, overwrite=overwrite)

    def on_predict_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Make the folder, and name the files of all prompts, no name twice in all processes.

        Raises:
            OptionError: If the folder can't be made, or a file in it has to stay.
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
        self._check = partial(self._check, inputs=[*_inputs(trainer)])
        self._check([place for stem in self._stems for place in self._places(stem)])

    def write_on_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        prediction: Sequence[Written | None],
        batch_indices: Sequence[int] | None,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int,
    ) -> None:
        """Write one batch's chorales under their names, all of them or none; None is one that couldn't be written."""
        if batch_indices and self._stems:
            stems = [self._stems[index] for index in batch_indices]
        else:
            stems = [self._unused(written.chorale.name) if written else "" for written in prediction]
        files = (
            contents(written.chorale, self._places(stem))
            for written, stem in zip(prediction, stems, strict=True)
            if written is not None
        )
        write(chain.from_iterable(files), self._check)

    def _places(self, stem: str) -> list[Path]:
        return [self.output / f"{stem}{ending}" for ending in (".musicxml", ".mid")]

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
        """Print the folder."""
        if trainer.is_global_zero:
            print(self.output)


def _inputs(trainer: pl.Trainer) -> Iterator[Path]:
    """List the scores of the prompts, if these are from files."""
    data = getattr(trainer, "datamodule", None)
    prompts = getattr(data, "prompts", None)
    if isinstance(prompts, Path):
        yield from prompts.iterdir() if prompts.is_dir() else [prompts]
    files = getattr(getattr(data, "corpus", None), "files", None)
    if prompts is None and files is not None:
        yield from files().values()
