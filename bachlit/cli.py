"""`bachlit fit | validate | test | predict`: LightningCLI, in which what is typed beats a checkpoint."""

import json
import logging
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import yaml
from jsonargparse import ArgumentError
from pytorch_lightning.callbacks import Checkpoint, ModelCheckpoint
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI

import bachlit.networks  # noqa: F401  # makes the built-in classes known by their short names
from bachlit.callbacks import LastCheckpoint, ModelCard, ScoreWriter, TrainingCurves
from bachlit.checkpoints import BEFORE, LAST, read_checkpoint
from bachlit.configurations import documents, part_configs
from bachlit.data import ChoraleDataModule
from bachlit.decoding import BeamSearch, Decoder
from bachlit.errors import CheckpointError
from bachlit.explaining import one_sentence
from bachlit.language_model import LanguageModel
from bachlit.loggers import csv_beside, go_on, share_runs
from bachlit.model import ChoraleModel
from bachlit.parser_words import refuse_misspelt
from bachlit.parsing import HelpFormatter, plain_words, refuse_unknown_decoder
from bachlit.processes import without_copies
from bachlit.rehearsing import MonitorCheck, refuse_numbers, rehearse
from bachlit.remembering import RememberOptions, recall
from bachlit.resuming import SafeCheckpoints
from bachlit.rules_by_name import rules_help, weighed_rules
from bachlit.shipped import PRETRAINED
from bachlit.tracking import PROJECT, AutoWandbLogger
from bachlit.typed_classes import typed_classes

# What Lightning says of its own insides, or of loaders that are not ours.
_NOISE = (
    ".*LeafSpec.*",
    ".*does not have many workers.*",
    ".*`IterableDataset` has `__len__`.*",
    ".*litlogger.*",
    ".*TF32 acceleration.*",
    ".*args parameter is intended to run.*",
    ".*transfer_batch_to_device.*",
    ".*Checkpoint directory .* exists.*",
    ".*could not find the monitored key.*",
)

# A CSV is always there, and comes first: the run's folder is its own.
_CSV = {"class_path": "CSVLogger", "init_args": {"save_dir": "runs", "name": PROJECT}}

# Its words for checkpoints that an earlier run of fit left.
_LIGHTNINGS_WORDS = ("last", "hpc", "null")

# Some of Lightning's callbacks, such as Timer, have defaults that YAML has no words for.
yaml.SafeDumper.add_multi_representer(Enum, lambda dumper, value: dumper.represent_data(value.value))


class ChoraleCLI(LightningCLI):
    """The command line over `ChoraleModel` and `ChoraleDataModule`.

    The encoding and the keys are typed once, for the data; the model is told. `predict` also has `--decoder`,
    `--rules`, `--strict`, `--seed` and `--output`. Without `--ckpt_path`, all commands but `fit` use the weights that
    ship.
    """

    def __init__(self, recalled: Path | None, typed: Mapping[str, str], **options: Any) -> None:
        self.recalled, self.typed = recalled, typed
        super().__init__(ChoraleModel, ChoraleDataModule, **options)

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add what every command has beside Lightning's own."""
        parser.link_arguments("data.encoding", "model.encoding")
        parser.link_arguments("data.keys", "model.keys")
        parser.add_lightning_class_args(ModelCheckpoint, "checkpoint")
        parser.set_defaults(
            {
                "checkpoint.monitor": "val/nats_per_frame",
                "checkpoint.filename": "best",
                "checkpoint.enable_version_counter": False,
                "trainer.logger": _CSV,
                "trainer.gradient_clip_val": 1.0,
                "data.corpus": {"class_path": "bachlit.corpus.BachCorpus"},
                "data.encoding": {"class_path": "bachlit.encoding.SatbEncoding"},
            }
        )
        for part, class_path in self.typed.items():
            parser.set_defaults({part: {"class_path": class_path}})

    def setup_parser(
        self, add_subcommands: bool, main_kwargs: dict[str, Any], subparser_kwargs: dict[str, Any]
    ) -> None:
        """Add what `fit` and `predict` alone have."""
        super().setup_parser(add_subcommands, main_kwargs, subparser_kwargs)
        fit = self._subcommand_parsers["fit"]
        fit.add_lightning_class_args(TrainingCurves, "curves")
        fit.add_lightning_class_args(LastCheckpoint, "last")
        # The last of the two is the one to which --trainer.logger.group and the like belong.
        fit.set_defaults({"trainer.logger": [_CSV, {"class_path": "bachlit.tracking.AutoWandbLogger"}]})
        predict = self._subcommand_parsers["predict"]
        predict.set_defaults({"return_predictions": False})  # they are files; all at once would fill memory
        predict.add_argument("--decoder", type=Decoder | None, default=None, help="Chooses the notes; a beam of 16.")
        predict.add_argument(
            "--rules",
            type=dict[str, Any] | str | None,
            default=None,
            help="Numbers for rules of part-writing, such as --rules.NoHidden 0; none for no rules. See below.",
        )
        predict.add_argument("--strict", type=bool, default=False, help="Stop where a rule can't be kept.")
        predict.add_argument("--seed", type=int, default=0, help="The same seed gives the same result.")
        predict.add_argument("--output", type=Path, default=Path("predictions"), help="The folder of the scores.")
        predict.add_argument(
            "--overwrite", type=bool, default=False, help="Replace files there that bachlit didn't write."
        )
        predict.formatter_class, predict.epilog = HelpFormatter, rules_help()

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parse, and see that numbers are in range, and the checkpoint the one whose options were recalled.

        Raises:
            CheckpointError: If it was named in another way than by one `--ckpt_path FILE`.
            OptionError: If an option isn't there, and another has nearly its name, or a number is out of range.
        """
        try:
            super().parse_arguments(parser, args)
        except ArgumentError as error:
            refuse_misspelt(str(error), self._parser(args[0]).get_defaults().keys())
            raise
        command = self.config["subcommand"]
        refuse_numbers(self.config[command])
        used = self.config[command].get("ckpt_path")
        lightnings_own = command == "fit" and used in _LIGHTNINGS_WORDS
        if used is not None and not lightnings_own and Path(used) != self.recalled:
            raise CheckpointError(
                f"The checkpoint {used} can't be used so; name one file, once, on the command line: --ckpt_path FILE."
            )

    def before_instantiate_classes(self) -> None:
        """Keep the options as plain data: the model's and the data's for checkpoints, all for the model card."""
        options = yaml.safe_load(self.parser.dump(self.config, skip_none=False))[self.subcommand]
        remembered = {key: options[key] for key in ("model", "data")}
        self.trainer_defaults["callbacks"] = [MonitorCheck(), RememberOptions(remembered), ModelCard(options)]

    def instantiate_trainer(self, **kwargs: Any) -> pl.Trainer:
        """Make the trainer, with a CSV beside W&B, and without what keeps checkpoints if there shall be none.

        Raises:
            OptionError: If its processes would lose what W&B is told.
        """
        made = self.config_init[self.subcommand]
        if made["trainer"]["enable_checkpointing"] is False:
            ours = self._parser(self.subcommand).callback_keys
            ours[:] = [name for name in ours if not isinstance(made[name], Checkpoint)]
        loggers = csv_beside(made["trainer"]["logger"])
        plugins = made["trainer"]["plugins"]
        strategy = without_copies(made["trainer"]["strategy"])
        plugins = [SafeCheckpoints(), *(plugins if isinstance(plugins, list) else [plugins] if plugins else [])]
        trainer = super().instantiate_trainer(**{"logger": loggers, "plugins": plugins, "strategy": strategy} | kwargs)
        share_runs(trainer)
        if self.subcommand == "fit" and self.recalled is not None and self.recalled.name in (LAST, BEFORE):
            go_on(trainer.loggers, self.recalled.resolve().parents[1], read_checkpoint(self.recalled)["global_step"])
        return trainer

    def before_fit(self) -> None:
        """Refuse what can't work before the run's folder is begun."""
        rehearse(self.trainer, self.model)

    def before_validate(self) -> None:
        """Take the weights that ship if no checkpoint is named."""
        if self.config_init[self.subcommand]["ckpt_path"] is None:
            shipped = LanguageModel.load(PRETRAINED)
            try:
                if shipped.encoding.config != self.model.encoding.config:
                    raise RuntimeError("another encoding")
                self.model.network.load_state_dict(shipped.network.state_dict())
            except RuntimeError as error:
                raise CheckpointError(
                    "The weights that ship with bachlit don't fit the network and the encoding that were asked for; "
                    "name a checkpoint with --ckpt_path, or leave the network's options out."
                ) from error

    before_test = before_validate

    def after_fit(self) -> None:
        """End W&B's run: an interpreter may go on to another."""
        for logger in self.trainer.loggers:
            if isinstance(logger, AutoWandbLogger):
                logger.finish()

    after_validate = after_test = after_predict = after_fit

    def before_predict(self) -> None:
        """Hand over the decoder and the rules: they belong to the prediction, not to the model's hyper-parameters."""
        self.before_validate()
        options = self.config_init["predict"]
        self.model.decoder = options["decoder"] or BeamSearch()
        self.model.decoding_rules = weighed_rules(options["rules"], self.model.decoder)
        self.model.decoding_strict = options["strict"]
        self.model.decoding_seed = options["seed"]
        self.trainer.callbacks.append(ScoreWriter(options["output"], options["overwrite"]))  # type: ignore[attr-defined]


def run(command: str, args: Sequence[str]) -> None:
    """Run one of Lightning's commands.

    Args:
        command: fit, validate, test or predict.
        args: Its options.

    Raises:
        BachlitError: If an option, a checkpoint or the data must be put right.
    """
    # That a resumed fit forgets earlier best scores, or lacks a callback, is news; for the other commands it isn't.
    for noise in (
        _NOISE
        if command == "fit"
        else (*_NOISE, ".*The dirpath has changed.*", ".*callbacks used to create the checkpoint.*")
    ):
        warnings.filterwarnings("ignore", message=noise)
    logging.getLogger("pytorch_lightning.utilities.rank_zero").addFilter(
        lambda record: "litlogger" not in record.getMessage()
    )
    args = plain_words(args)
    refuse_unknown_decoder(args)
    configs, others = part_configs(args)
    written = list(documents(configs))
    if any(word.partition("=")[0] == "--trainer.logger" for word in others):
        # A logger that is typed takes its folder from one CSV, not from the list that `fit` has.
        others = [f"--trainer.logger={json.dumps(_CSV)}", *others]
    if command == "fit":
        others = _last(others)
    checkpoint = _checkpoint(others)
    recalled = recall(
        checkpoint or (None if command == "fit" else PRETRAINED), typed=[*(text for text, _ in written), *others]
    )
    quiet: dict[str, Any] = {"exit_on_error": False, "allow_abbrev": False}
    with tempfile.TemporaryDirectory() as folder, one_sentence(command):
        remembered = Path(folder) / "remembered.yaml"
        remembered.write_text(yaml.safe_dump(recalled))
        # Later options win: config files, then the checkpoint, then what was typed.
        ChoraleCLI(
            checkpoint,
            typed_classes([*(options for _, options in written), recalled], others),
            args=[command, *configs, "--config", str(remembered), *others],
            seed_everything_default=0,
            auto_configure_optimizers=False,
            save_config_kwargs={"overwrite": True},
            parser_kwargs=quiet | {name: dict(quiet) for name in ChoraleCLI.subcommands()},
        )


def _checkpoint(args: Sequence[str]) -> Path | None:
    """The file that `--ckpt_path` names, if it names one."""
    path = _value(args, "--ckpt_path")
    if path == "":
        raise CheckpointError(
            "--ckpt_path names no file; expected one that `bachlit fit` wrote; add it, or leave it out."
        )
    return None if path is None or path in _LIGHTNINGS_WORDS else Path(path)


def _last(args: list[str]) -> list[str]:
    """The options with `--ckpt_path last` as the file that it means here, or without it if there is none yet."""
    if _value(args, "--ckpt_path") != "last":
        return args
    at = next(index for index, word in enumerate(args) if word.partition("=")[0] == "--ckpt_path")
    others = args[:at] + args[at + (1 if "=" in args[at] else 2) :]
    runs = Path(_value(args, "--trainer.logger.save_dir") or "runs") / (
        _value(args, "--trainer.logger.name") or PROJECT
    )
    found = [path for name in (LAST, BEFORE) for path in runs.glob(f"*/checkpoints/{name}")]
    for path in sorted(found, key=lambda path: path.stat().st_mtime_ns, reverse=True):
        try:
            read_checkpoint(path)
        except CheckpointError as error:
            warnings.warn(str(error), stacklevel=2)
        else:
            return [*others, "--ckpt_path", str(path)]
    warnings.warn(f"{runs} has no {LAST} yet, so a fit begins.", stacklevel=2)
    return others


def _value(args: Sequence[str], option: str) -> str | None:
    """What is typed for an option, if it is."""
    said = next((word.partition("=")[2] for word in args if word.startswith(f"{option}=")), None)
    return args[list(args).index(option) + 1] if said is None and option in args[:-1] else said
