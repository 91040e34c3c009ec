"""LanguageModule: a LightningModule around a language model, which checkpoints describe and `predict` writes with."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytorch_lightning as pl
import torch

from bachlit.decoding import BeamSearch, Decoder, Rules
from bachlit.encoding import Encoding
from bachlit.errors import BachlitError, DeadEndError, OptionError
from bachlit.generation.harmonizing import rules_for
from bachlit.generation.phrasing import phrased
from bachlit.generation.requests import Request, fill_all
from bachlit.generation.written import Written
from bachlit.models.language_model import LanguageModel
from bachlit.models.recorded import VERSIONS, versions
from bachlit.music.keys import Keys
from bachlit.music.prompt import Prompt
from bachlit.networks import Network
from bachlit.scores import phrase_marks
from bachlit.training.windows import Window


@dataclass(frozen=True)
class Writing:
    """How prompts are filled; never a hyper-parameter of the model, so no checkpoint brings its own.

    Attributes:
        decoder: Chooses the notes.
        rules: What they must keep; None for the usual rules.
        strict: Whether an error is raised where a rule can't be kept.
        seed: That of every prompt.
    """

    decoder: Decoder = field(default_factory=BeamSearch)
    rules: Rules | None = None
    strict: bool = False
    seed: int = 0


class LanguageModule(pl.LightningModule):
    """Base of a module whose network writes: in `predict`, and from its checkpoints.

    Attributes:
        network: Predicts the next token.
        encoding: Of the tokens.
        keys: In which it is trained.
        writing: How `predict` fills prompts.
        num_skipped: How many of them the last `predict` couldn't fill.
    """

    network: Network
    encoding: Encoding
    keys: Keys
    writing = Writing()
    num_skipped: int = 0

    @property
    def language_model(self) -> LanguageModel:
        """The network with its encoding, to score and decode with."""
        return LanguageModel(self.network, self.encoding, self.keys)

    def setup(self, stage: str) -> None:
        """Refuse data in another encoding or other keys than the checkpoints would claim.

        Raises:
            OptionError: If the data module's encoding or keys aren't the model's.
        """
        data = getattr(self.trainer, "datamodule", None)
        encoding, keys = getattr(data, "encoding", self.encoding), getattr(data, "keys", self.keys)
        if (type(encoding), encoding.config, keys) != (type(self.encoding), self.encoding.config, self.keys):
            raise OptionError(
                f"The data is in {type(encoding).__name__} {encoding.config} and keys {keys!r}, the model in "
                f"{type(self.encoding).__name__} {self.encoding.config} and keys {self.keys!r}; give both the same."
            )

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Describe what rebuilds the network around its weights, and what trained it."""
        checkpoint["bachlit"] = self.language_model.describe()
        checkpoint[VERSIONS] = versions()

    def predict_step(self, batch: list[Prompt], batch_idx: int) -> list[Written | None]:
        """Fill a batch of prompts, each as `bachlit harmonize` would fill it alone; None, and a warning, if it can't.

        Raises:
            DeadEndError: If a rule can't be kept, and they are strict.
        """
        model = self.language_model
        written: list[Written | None] = [None] * len(batch)
        requests: dict[int, Request] = {}
        for index, prompt in enumerate(batch):
            with self._skipping(prompt):
                requests[index] = self._request(model, prompt)
        for index, filled in fill_all(requests):
            with self._skipping(batch[index]):
                one = filled()
                one.warn()
                written[index] = one.pieces[0]
        return written

    def on_predict_start(self) -> None:
        """Count anew."""
        self.num_skipped = 0

    def on_predict_epoch_end(self) -> None:
        """Add up the prompts of all processes that couldn't be filled."""
        skipped = torch.tensor(float(self.num_skipped), device=self.device)
        self.num_skipped = int(self.trainer.strategy.reduce(skipped, reduce_op="sum"))

    def _request(self, model: LanguageModel, prompt: Prompt) -> Request:
        how = self.writing
        rules = rules_for(how.decoder) if how.rules is None else how.rules
        prompt = phrased(prompt, "auto", phrase_marks(prompt.chorale))
        return Request(model, prompt, 1, decoder=how.decoder, rules=rules, strict=how.strict, seed=how.seed)

    @contextmanager
    def _skipping(self, prompt: Prompt) -> Iterator[None]:
        """Tell why a prompt can't be filled, and go on to the next."""
        try:
            yield
        except BachlitError as error:
            if isinstance(error, DeadEndError) and self.writing.strict:
                raise
            self.num_skipped += 1
            warnings.warn(f"{prompt.chorale.name or 'A prompt'} is left out. {error}", stacklevel=3)

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """Move windows; prompts have nothing to move."""
        return super().transfer_batch_to_device(batch, device, dataloader_idx) if isinstance(batch, Window) else batch
