"""LanguageModule: a LightningModule around a language model, which checkpoints describe and `predict` writes with."""

from dataclasses import dataclass, field
from typing import Any

import pytorch_lightning as pl
import torch

from bachlit.decoding import BeamSearch, Decoder, Rules
from bachlit.encoding import Encoding
from bachlit.errors import OptionError
from bachlit.generation.harmonizing import write
from bachlit.generation.phrasing import phrased
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
    """

    network: Network
    encoding: Encoding
    keys: Keys
    writing = Writing()

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

    def predict_step(self, batch: list[Prompt], batch_idx: int) -> list[Written]:
        """Fill a batch of prompts, each as `bachlit harmonize` would fill it alone."""
        how, seeds = self.writing, [self.writing.seed] * len(batch)
        prompts = [phrased(prompt, "auto", phrase_marks(prompt.chorale)) for prompt in batch]
        return write(self.language_model, prompts, decoder=how.decoder, seeds=seeds, rules=how.rules, strict=how.strict)

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """Move windows; prompts have nothing to move."""
        return super().transfer_batch_to_device(batch, device, dataloader_idx) if isinstance(batch, Window) else batch
