"""`bachlit fit | validate | test | predict`: LightningCLI, in which what is typed beats a checkpoint."""

import json
import logging
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
import yaml
from pytorch_lightning.callbacks import Callback, ModelCheckpoint
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI

import bachlit.networks  # noqa: F401  # makes the built-in classes known by their short names
from bachlit.callbacks import ScoreWriter
from bachlit.data import ChoraleDataModule
from bachlit.decoding import BeamSearch, Decoder
from bachlit.errors import CheckpointError
from bachlit.model import ChoraleModel
from bachlit.parsing import check_decoder, one_sentence

# What Lightning says of its own insides, or of loaders that are not ours.
_NOISE = (
    ".*LeafSpec.*",
    ".*does not have many workers.*",
    ".*`IterableDataset` has `__len__`.*",
    ".*litlogger.*",
    ".*TF32 acceleration.*",
    ".*args parameter is intended to run.*",
    ".*The dirpath has changed.*",
    ".*transfer_batch_to_device.*",
    ".*Checkpoint directory .* exists.*",
)

# The options under which a string names a class or a function.
_CLASS_KEYS = ("class_path", "network", "loss", "optimizer", "lr_scheduler", "corpus", "encoding")


class ChoraleCLI(LightningCLI):
    """The command line over `ChoraleModel` and `ChoraleDataModule`.

    The encoding and the keys are typed once, for the data; the model is told. `predict` also has `--decoder`,
    `--seed` and `--output`.
    """

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add what every command has beside Lightning's own."""
        parser.link_arguments("data.encoding", "model.encoding")
        parser.link_arguments("data.keys", "model.keys")
        parser.add_lightning_class_args(ModelCheckpoint, "checkpoint")
        parser.set_defaults(
            {
                "checkpoint.monitor": "val/nats_per_frame",
                "checkpoint.filename": "best",
                "checkpoint.save_last": True,
                "trainer.logger": {"class_path": "CSVLogger", "init_args": {"save_dir": "runs", "name": "bachlit"}},
                "trainer.gradient_clip_val": 1.0,
            }
        )

    def setup_parser(
        self, add_subcommands: bool, main_kwargs: dict[str, Any], subparser_kwargs: dict[str, Any]
    ) -> None:
        """Add what `predict` alone has."""
        super().setup_parser(add_subcommands, main_kwargs, subparser_kwargs)
        predict = self._subcommand_parsers["predict"]
        predict.add_argument("--decoder", type=Decoder | None, default=None, help="Chooses the notes; a beam of 8.")
        predict.add_argument("--seed", type=int, default=0, help="The same seed gives the same result.")
        predict.add_argument("--output", type=Path, default=Path("predictions"), help="The folder of the scores.")

    def before_instantiate_classes(self) -> None:
        """Keep the model's and the data's options, as plain data, for the checkpoints of this run."""
        options = yaml.safe_load(self.parser.dump(self.config, skip_none=False))[self.subcommand]
        self.trainer_defaults["callbacks"] = [RememberOptions({key: options[key] for key in ("model", "data")})]

    def before_predict(self) -> None:
        """Hand the decoder over: it belongs to the prediction, not to the model's hyper-parameters."""
        options = self.config_init["predict"]
        self.model.decoder = options["decoder"] or BeamSearch()
        self.model.decoding_seed = options["seed"]
        self.trainer.callbacks.append(ScoreWriter(options["output"]))  # type: ignore[attr-defined]


class RememberOptions(Callback):
    """Writes the options of the model and the data into every checkpoint, so that later commands needn't repeat them.

    Args:
        options: Plain data.
    """

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Add them."""
        checkpoint["bachlit_options"] = json.dumps(self.options)


def run(command: str, args: Sequence[str]) -> None:
    """Run one of Lightning's commands.

    Args:
        command: fit, validate, test or predict.
        args: Its options.

    Raises:
        BachlitError: If an option, a checkpoint or the data must be put right.
    """
    for noise in _NOISE:
        warnings.filterwarnings("ignore", message=noise)
    logging.getLogger("pytorch_lightning.utilities.rank_zero").addFilter(lambda record: "litlogger" not in record.msg)
    check_decoder(args)
    configs, others = _part_configs(args)
    quiet: dict[str, Any] = {"exit_on_error": False}
    with tempfile.TemporaryDirectory() as folder, one_sentence(command):
        remembered = _remembered(others, Path(folder))
        # Later options win: config files, then the checkpoint, then what was typed.
        ChoraleCLI(
            ChoraleModel,
            ChoraleDataModule,
            args=[command, *configs, *remembered, *others],
            seed_everything_default=0,
            auto_configure_optimizers=False,
            save_config_kwargs={"overwrite": True},
            parser_kwargs=quiet | {name: dict(quiet) for name in ChoraleCLI.subcommands()},
        )


def _part_configs(args: Sequence[str]) -> tuple[list[str], list[str]]:
    """The `--config` options, and all others."""
    configs: list[str] = []
    others: list[str] = []
    words = iter(args)
    for word in words:
        if word in ("--config", "-c"):
            configs += [word, next(words, "")]
        elif word.startswith("--config="):
            configs.append(word)
        else:
            others.append(word)
    return configs, others


def _remembered(args: Sequence[str], folder: Path) -> list[str]:
    """`--config FILE` with the options that the checkpoint of `--ckpt_path` remembers, if it names one."""
    path = next((word.partition("=")[2] for word in args if word.startswith("--ckpt_path=")), None)
    if path is None and "--ckpt_path" in args[:-1]:
        path = args[list(args).index("--ckpt_path") + 1]
    if path is None or path in ("best", "last", "hpc", "registry", "null"):
        return []
    if not Path(path).is_file():
        raise CheckpointError(f"There is no checkpoint {path}; expected a file that `bachlit fit` wrote.")
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        options = (
            json.loads(checkpoint["bachlit_options"])
            if "bachlit_options" in checkpoint
            else {
                "model": {"network": checkpoint["bachlit"]["network"]},
                "data": {key: checkpoint["bachlit"][key] for key in ("encoding", "keys")},
            }
        )
    except Exception as error:  # unpickling fails in many ways
        raise CheckpointError(
            f"{path} isn't a checkpoint of bachlit, or is damaged ({type(error).__name__}); expected a file that "
            "`bachlit fit` wrote."
        ) from error
    _refuse_foreign_classes(options)
    file = folder / "remembered.yaml"
    file.write_text(yaml.safe_dump(options))
    return ["--config", str(file)]


def _refuse_foreign_classes(options: Any) -> None:
    """Refuse a checkpoint that names a class nobody imported: parsing it would import its module and run its code."""
    for path in _class_paths(options):
        module, _, name = path.rpartition(".")
        if not hasattr(sys.modules.get(module), name):
            raise CheckpointError(
                f"The checkpoint wants the class {path}, which isn't imported here; if it is yours and you trust it, "
                "name it on the command line, or import its module first."
            )


def _class_paths(options: Any) -> Iterator[str]:
    if isinstance(options, Mapping):
        for key, value in options.items():
            if isinstance(value, str) and key in _CLASS_KEYS:
                yield value
            yield from _class_paths(value)
    elif isinstance(options, list):
        for value in options:
            yield from _class_paths(value)
