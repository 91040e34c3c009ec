"""LanguageModel: a network with what it takes to use it: its encoding, and the keys in which it is at home.

It needs PyTorch alone, so that `bachlit harmonize` starts fast; `bachlit.training.model` trains the network inside.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

import torch
from safetensors.torch import load_file, save
from torch import Tensor
from torch.overrides import TorchFunctionMode

from bachlit.classes import path_of, subclasses
from bachlit.encoding import Encoding, SatbEncoding
from bachlit.errors import CheckpointError
from bachlit.files.reading import read_bounded
from bachlit.files.writing import write_together
from bachlit.models.calibration import CALIBRATION, Calibration
from bachlit.models.checkpoints import read_checkpoint
from bachlit.models.runs import find_model
from bachlit.models.shipped import DESCRIPTION, WEIGHTS
from bachlit.music.chorale import Chorale, move_home
from bachlit.music.keys import Keys
from bachlit.networks import Network, NormalisedStepper, SequenceStepper, Stepper
from bachlit.tokens import END, START

_FORMAT = 1


class LanguageModel:
    """Give log-probabilities of tokens: of whole pieces by `score`, step by step by a `predictor`.

    Args:
        network: Predicts the next token.
        encoding: Turns chorales into its tokens and back.
        keys: The keys in which the network was trained.
        calibration: Its numbers of rules and weights of figures.
    """

    def __init__(
        self, network: Network, encoding: Encoding, keys: Keys = "all", calibration: Calibration | None = None
    ) -> None:
        self.network, self.encoding, self.keys = network, encoding, keys
        self.calibration = calibration or Calibration()

    def __repr__(self) -> str:
        size = sum(weights.numel() for weights in self.network.parameters())
        kinds = f"{type(self.network).__name__}, {type(self.encoding).__name__}"
        return f"<LanguageModel {kinds}, {size:,} parameters, keys {self.keys}>"

    def at_home(self, chorale: Chorale) -> Chorale:
        """Transpose a chorale to C major or A minor, if the network was trained in these alone."""
        return move_home(chorale) if self.keys == "home" else chorale

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.network.parameters()).device

    @property
    def voiced_encoding(self) -> SatbEncoding:
        """The encoding of a model that can write.

        Raises:
            CheckpointError: If its tokens don't tell the voices apart.
        """
        if not isinstance(self.encoding, SatbEncoding):
            raise CheckpointError(
                f"A model in {type(self.encoding).__name__} can be scored but can't write or be plotted, since its "
                "tokens don't tell the voices apart; use one trained with SatbEncoding."
            )
        return self.encoding

    def predictor(self) -> Stepper:
        """Make a predictor for one decoding, with the present weights; it gives log-probabilities (B, V) in nats."""
        stepper = self.network.stepper() or SequenceStepper(self.network)
        return stepper if stepper.normalised else NormalisedStepper(stepper)

    @torch.no_grad()
    def score(self, tokens: Tensor, start: Tensor | None = None) -> Tensor:
        """Score whole pieces, teacher-forced.

        Args:
            tokens: (B, N) without their starts, to the first END of each row.
            start: (B,) the first token of each row; START if None.

        Returns:
            (B,) log-probabilities in nats, END's included.
        """
        first = torch.full_like(tokens[:, 0], START) if start is None else start
        inputs = torch.cat([first.unsqueeze(1), tokens[:, :-1]], 1)
        with evaluating(self.network) as network:
            logits, _ = network(inputs, network.initial_memory(len(tokens)))
        log_probs = logits.log_softmax(-1).gather(2, tokens.unsqueeze(2)).squeeze(2)  # (B, N)
        return torch.where(inputs == END, 0.0, log_probs).cpu().double().sum(1)

    def describe(self) -> dict[str, Any]:
        """Describe what rebuilds this model around its weights, as plain data."""
        return {
            "format": _FORMAT,
            "network": {"class_path": path_of(type(self.network)), "init_args": self.network.config},
            "encoding": {"class_path": path_of(type(self.encoding)), "init_args": self.encoding.config},
            "keys": self.keys,
        }

    @classmethod
    def build(cls, description: dict[str, Any]) -> "LanguageModel":
        """Build a model from a description, with fresh weights.

        Only classes that are already imported are used: a file can't make Python import anything.

        Raises:
            CheckpointError: If a class isn't known or its arguments don't fit.
        """
        if description.get("format") != _FORMAT or description.get("keys") not in get_args(Keys):
            raise CheckpointError(
                f"The model's description has format {_short(repr(description.get('format')))} and keys "
                f"{_short(repr(description.get('keys')))}; expected format {_FORMAT}. Use the bachlit that wrote it."
            )
        try:
            part = description["encoding"]
            encoding: Encoding = _known(Encoding, part["class_path"])(**part["init_args"])
            part = description["network"]
            network: Network = _known(Network, part["class_path"])(encoding, **part["init_args"])
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"The model's description doesn't fit its classes: {_short(str(error))}.") from error
        return cls(network.eval(), encoding, description["keys"])

    def contents(self, *, precision: torch.dtype | None = None) -> dict[str, bytes]:
        """Make the files of this model, by name: the weights, the description and the calibration.

        Args:
            precision: Of the weights in the file, if not their own: float16 halves its size. Loaded, they are float32.
        """
        weights = {
            name: part.to(precision or part.dtype) if part.is_floating_point() else part
            for name, part in self.network.state_dict().items()
        }
        files = {WEIGHTS: save(weights), DESCRIPTION: (json.dumps(self.describe(), indent=2) + "\n").encode()}
        if self.calibration != Calibration():
            files[CALIBRATION] = self.calibration.described()
        return files

    def save(self, folder: str | Path, *, precision: torch.dtype | None = None) -> None:
        """Write the weights, the description and the calibration into a folder, all or none.

        Args:
            folder: Made if missing.
            precision: Of the weights in the file, if not their own: float16 halves its size. Loaded, they are float32.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        write_together((folder / name, content) for name, content in self.contents(precision=precision).items())

    @classmethod
    def load(cls, path: str | Path) -> "LanguageModel":
        """Load a model: a folder from `save`, a checkpoint of `bachlit fit`, or the name of a run or a shipped model.

        Raises:
            CheckpointError: If there is none, it is damaged, its parts aren't known, or its weights are NaN.
        """
        path = find_model(path)
        try:
            if path.is_dir():
                description = json.loads(read_bounded(path / DESCRIPTION))
                if not (path / WEIGHTS).is_file():  # opening a pipe would wait
                    raise FileNotFoundError(path / WEIGHTS)
                weights = load_file(path / WEIGHTS)
            else:
                checkpoint = read_checkpoint(path)
                description = checkpoint["bachlit"]
                weights = {
                    name.removeprefix("network."): tensor
                    for name, tensor in checkpoint["state_dict"].items()
                    if name.startswith("network.")
                }
            with Bounded(weights.values()):
                model = cls.build(description)
            model.network.load_state_dict(weights)
            require_numbers(weights, path)
            model.calibration = Calibration.load(path)
        except CheckpointError:
            raise
        except Exception as error:  # unpickling fails in many ways
            raise CheckpointError(
                f"{path} isn't a checkpoint of bachlit, or is damaged ({type(error).__name__}); expected a file that "
                "`bachlit fit` wrote."
            ) from error
        return model


@contextmanager
def evaluating(network: Network) -> Iterator[Network]:
    """Keep a network from dropping units and learning for a while."""
    training = network.training
    try:
        yield network.eval()
    finally:
        network.train(training)


class Bounded(TorchFunctionMode):
    """Stop code that makes far more or larger tensors than a file's weights.

    Args:
        weights: In the file.
        num_made: How many networks are made for them.

    Raises:
        CheckpointError: Once it is too much.
    """

    _COST = 4096  # bytes, beside its numbers, of a tensor and the module around it
    _FREE = 2**26  # bytes, of tables that aren't weights

    def __init__(self, weights: Iterable[Tensor], num_made: int = 1) -> None:
        super().__init__()
        stored = {part.untyped_storage().data_ptr(): part.untyped_storage().nbytes() for part in weights}
        # Eight times: a weight may be stored in half precision, and is made, filled and wrapped.
        self.left = self._FREE + 8 * num_made * (sum(stored.values()) + self._COST * len(stored))

    def __torch_function__(self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Count the tensor that a function made, unless it is its argument."""
        made = func(*args, **(kwargs or {}))
        if isinstance(made, Tensor) and not (args and made is args[0]):
            self.left -= made.numel() * made.element_size() + self._COST
        if self.left < 0:
            raise CheckpointError(
                "The model's description asks for far more weights than are stored beside it; expected those that it "
                "was saved with; get the model anew from where it came from."
            )
        return made


def require_numbers(weights: Mapping[str, Any], path: Path) -> None:
    """Refuse what a training that diverged leaves: weights or statistics that are NaN, to which no note is likely.

    Args:
        weights: Tensors, by name; what else is among them is passed over.
        path: Of their file, for the message.

    Raises:
        CheckpointError: If one isn't a number.
    """
    for name, part in weights.items():
        if isinstance(part, Tensor) and part.is_floating_point() and part.float().isnan().any():
            raise CheckpointError(
                f"{path} holds weights that are NaN ({name}), as after a training that diverged; expected numbers; "
                "take a checkpoint from before, or fit again at a lower learning rate."
            )


def _short(text: str) -> str:
    """Shorten a file's text to part of a sentence."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text[:200]).split())
    return line if len(text) <= 200 else f"{line}…"


def _known(base: type[Any], class_path: str) -> Callable[..., Any]:
    """Find the imported subclass with this path."""
    for kind in subclasses(base):
        if path_of(kind) == class_path:
            return kind
    raise CheckpointError(
        f"The model wants the class {_short(class_path)}, which isn't known here; if you trust it, import its module "
        f"first: --import {_short(class_path.rpartition('.')[0])} does it on the command line."
    )
