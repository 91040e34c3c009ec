"""`bachlit fit | validate | test | predict`: LightningCLI, in which what is typed beats a checkpoint."""

import logging
import os
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import yaml
from jsonargparse import ArgumentError
from pytorch_lightning.callbacks import Checkpoint, ModelCheckpoint
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI, SaveConfigCallback

import bachlit.networks  # noqa: F401  # makes the built-in classes known by their short names
from bachlit.callbacks import LastCheckpoint, ModelCard, ScoreWriter, TrainingCurves
from bachlit.checkpoints import BEFORE, LAST, read_options
from bachlit.classes import allow
from bachlit.commands.recalled import Recalled, RememberOptions, differences, recall
from bachlit.commands.typed import Words
from bachlit.data import ChoraleDataModule
from bachlit.decoding import BeamSearch, Decoder
from bachlit.errors import BachlitError, CheckpointError, StoppedError
from bachlit.explaining import one_sentence
from bachlit.internals import CommandParsers, careful_parsing
from bachlit.language_model import LanguageModel
from bachlit.loggers import csv_first, name_run, share_runs, take_up
from bachlit.model import ChoraleModel
from bachlit.parser_words import refuse_misspelt
from bachlit.parsing import HelpFormatter
from bachlit.processes import without_copies
from bachlit.rehearsing import MonitorCheck, refuse_numbers, rehearse
from bachlit.resuming import SafeCheckpoints
from bachlit.rules_by_name import rules_help, weighed_rules
from bachlit.runs import ROOT, RunFolder, check_name, folder_named, new_name, refuse_others, run_folders
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
    ".*Experiment logs directory .* exists.*",
    ".*could not find the monitored key.*",
)

# A CSV is always there, and comes first: its folder is the run's.
_CSV = {"class_path": "CSVLogger", "init_args": {"save_dir": str(ROOT), "name": ""}}
# Of the commands that make no run, figures are kept only if a logger is typed, and not among the runs.
_ASIDE = Path("logs")
_CSV_ASIDE = {"class_path": "CSVLogger", "init_args": {"save_dir": str(_ASIDE), "name": PROJECT}}


class ChoraleCLI(CommandParsers, LightningCLI):
    """The command line over `ChoraleModel` and `ChoraleDataModule`.

    The encoding and the keys are typed once, for the data; the model is told. `predict` also has `--decoder`,
    `--rules`, `--strict`, `--seed` and `--output`. Without `--ckpt_path`, all commands but `fit` use the weights that
    ship. `fit` has `--run`, the name of its run.

    Args:
        words: What was typed, taken apart.
        recalled: What a checkpoint remembers that is named by its file.
        folders: Gets the folder of the run that is worked on.
        options: Those of LightningCLI.
    """

    def __init__(self, words: Words, recalled: Recalled, folders: list[RunFolder], **options: Any) -> None:
        self.words, self.recalled, self.folders = words, recalled, folders
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
                "trainer.logger": False,
                "trainer.gradient_clip_val": 1.0,
                "data.corpus": {"class_path": "bachlit.corpus.BachCorpus"},
                "data.encoding": {"class_path": "bachlit.encoding.SatbEncoding"},
            }
        )
        self._start_from_own_defaults(parser)

    def setup_parser(
        self, add_subcommands: bool, main_kwargs: dict[str, Any], subparser_kwargs: dict[str, Any]
    ) -> None:
        """Add what `fit` and `predict` alone have."""
        super().setup_parser(add_subcommands, main_kwargs, subparser_kwargs)
        fit = self.parser_of("fit")
        fit.add_lightning_class_args(TrainingCurves, "curves")
        fit.add_lightning_class_args(LastCheckpoint, "last")
        # The last of the two is the one to which --trainer.logger.group and the like belong.
        fit.set_defaults({"trainer.logger": [_CSV, {"class_path": "bachlit.tracking.AutoWandbLogger"}]})
        fit.add_argument(
            "--run",
            type=str | None,
            default=None,
            help="The run's name: that of its folder in runs/, and W&B's. --ckpt_path last goes on with it, or begins.",
        )
        for command in self.subcommands():
            more = (
                "last: that of --run, or of the newest run of these options" if command == "fit" else "a model's folder"
            )
            self.explain(command, "ckpt_path", f"A checkpoint, a run's name, or {more}.")
        predict = self.parser_of("predict")
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
        """Parse, with what a checkpoint remembers, and find the run that a fit goes on with.

        Raises:
            CheckpointError: If the checkpoint was named in another way than by one `--ckpt_path FILE`, or the run has
                other options than those that were typed.
            OptionError: If an option isn't there, and another has nearly its name, or a number is out of range.
        """
        command = self.words.command
        self._parse(parser)
        refuse_numbers(self.config[command])
        used = self.config[command].get("ckpt_path")
        if used is not None and str(used) != self.words.checkpoint:
            raise CheckpointError(
                f"The checkpoint {used} can't be used so; name one file, once, on the command line: --ckpt_path FILE."
            )
        if command == "fit" and used == "last":
            self._find_last(parser)

    def _parse(self, parser: LightningArgumentParser) -> None:
        """Parse configurations, then what is recalled, then what was typed: later options win."""
        with tempfile.TemporaryDirectory() as folder:
            remembered = Path(folder) / "remembered.yaml"
            remembered.write_text(yaml.safe_dump(self.recalled.options), encoding="utf-8")
            args = [self.words.command, *self.words.configs, "--config", str(remembered), *self.words.others]
            try:
                super().parse_arguments(parser, args)
            except ArgumentError as error:
                refuse_misspelt(str(error), self.parser_of(self.words.command).get_defaults().keys())
                raise

    def _start_from_own_defaults(self, parser: LightningArgumentParser) -> None:
        """Let the class that each part will have bring its own options' defaults."""
        said = [*self.words.documents, self.recalled.options]
        for part, class_path in typed_classes(said, self.words.others).items():
            parser.set_defaults({part: {"class_path": class_path}})

    def _find_last(self, parser: LightningArgumentParser) -> None:
        """Go on with the run that was named, or the newest that has the typed options; else begin.

        Raises:
            CheckpointError: If the run that was named has others, or its checkpoints are damaged.
        """
        options, root = self.config["fit"], _root(self.config["fit"])
        name, found = _name(options), None
        if name is not None:
            folder = folder_named(name, root)
            if folder is not None:
                lasts = _lasts(folder, options)
                found = _whole(lasts)
                if found is None and any(path.is_file() for path in lasts):
                    raise CheckpointError(
                        f"The run {name} has no whole checkpoint left; expected one to go on from; begin another run "
                        "with --run."
                    )
                if found is not None and self.words.describe_a_run:
                    self._refuse_others(found, name)
        else:
            found = self._newest(root, options)
        if found is None:
            options["ckpt_path"] = None
            return
        self.recalled = recall(found, typed=self.words.paths, told=self.words.told)
        if not self.words.describe_a_run:
            self._start_from_own_defaults(self.parser_of("fit"))
            self._parse(parser)
        self.config["fit"]["ckpt_path"] = str(found)

    def _refuse_others(self, path: Path, name: str) -> None:
        """Refuse to go on with a run of other options than those that were typed."""
        lines = self._differences(path)
        if lines:
            raise CheckpointError(
                f"The run {name} has other options than these:\n  "
                + "\n  ".join(lines)
                + "\nexpected its own; correct them, or name another run with --run."
            )

    def _newest(self, root: Path, options: Any) -> Path | None:
        """Find the newest checkpoint of a run with the typed options, and say which others were passed over."""
        others: list[tuple[Path, list[str]]] = []
        folders = [None] if options["checkpoint"]["dirpath"] else run_folders(root)
        for folder in folders:
            found = _whole(_lasts(folder, options))
            lines = [] if found is None else self._differences(found)
            if found is not None and not lines:
                return found
            if lines:
                others.append((folder or Path(options["checkpoint"]["dirpath"]), lines))
        if others:
            folder, lines = others[0]
            more = f" ({len(others) - 1} older ones, too)" if len(others) > 1 else ""
            warnings.warn(
                f"A fit begins, for the run {folder}{more} has other options: {'; '.join(lines[:5])}", stacklevel=2
            )
        else:
            warnings.warn(f"{root} has no {LAST} yet, so a fit begins.", stacklevel=2)
        return None

    def _differences(self, path: Path) -> list[str]:
        typed, run = self._options(), read_options(path)
        parts = ["model", "data"] if self.config["fit"]["run"] else ["model", "data", "seed_everything"]
        known = [part for part in parts if part in run]
        return differences({part: typed[part] for part in known}, {part: run[part] for part in known})

    def _options(self) -> dict[str, Any]:
        """The command's options as plain data."""
        said = self.parser.dump(self.config, skip_none=False, skip_validation=True)
        return yaml.safe_load(said)[self.words.command]  # type: ignore[no-any-return]

    def before_instantiate_classes(self) -> None:
        """Keep the options as plain data: the model's and the data's for checkpoints, all for the model card."""
        options = self._options()
        remembered = {key: options[key] for key in ("model", "data", "seed_everything")}
        self.trainer_defaults["callbacks"] = [MonitorCheck(), RememberOptions(remembered), ModelCard(options)]

    def instantiate_trainer(self, **kwargs: Any) -> pl.Trainer:
        """Make the trainer, with a CSV beside W&B, and without what keeps checkpoints if there shall be none.

        Raises:
            OptionError: If its processes would lose what W&B is told, or the run's folder is taken.
        """
        made = self.config_init[self.subcommand]
        if made["trainer"]["enable_checkpointing"] is False:
            ours = self.parser_of(self.words.command).callback_keys
            ours[:] = [name for name in ours if not isinstance(made[name], Checkpoint)]
        if self.subcommand == "fit":
            settings = self._settle(made)
        else:
            settings = {"logger": csv_first(made["trainer"]["logger"], _ASIDE, PROJECT)}
        plugins = made["trainer"]["plugins"]
        settings["strategy"] = without_copies(made["trainer"]["strategy"])
        given = plugins if isinstance(plugins, list) else [plugins] if plugins else []
        settings["plugins"] = [SafeCheckpoints(self.recalled.path, self.recalled.checkpoint), *given]
        trainer = super().instantiate_trainer(**settings | kwargs)
        share_runs(trainer)
        return trainer

    def _settle(self, made: Any) -> dict[str, Any]:
        """Give a fit its run's folder: its loggers', and where Lightning keeps things without loggers."""
        loggers = csv_first(made["trainer"]["logger"])
        root = _root(self.config["fit"])
        path = self.recalled.path
        begun = path.resolve().parents[1] if path is not None and path.name in (LAST, BEFORE) else None
        name = _name(self.config["fit"])
        if name is not None:
            found = folder_named(name, root)
            folder, goes_on = found or root / name, found is not None and self.words.checkpoint == "last"
        else:
            goes_on = begun is not None and begun.parent in (root.resolve(), (root / "bachlit").resolve())
            folder = Path(os.path.relpath(begun)) if goes_on and begun else root / new_name(self.words.files)
        run = RunFolder(folder, begun=goes_on, named=name is not None)
        if not made["trainer"]["fast_dev_run"]:
            self.folders.append(run)
            run.claim()
            typed = self.config["fit"]["checkpoint"]["dirpath"]
            if typed:
                refuse_others(Path(typed), path)
        self.config["fit"]["run"] = self.config["fit"]["ckpt_path"] = None  # they aren't options of another fit
        name_run(loggers, run.folder, goes_on=goes_on)
        if goes_on and self.recalled.checkpoint is not None:
            take_up(loggers, self.recalled.checkpoint["global_step"])
        return {"logger": loggers} if loggers else {"logger": loggers, "default_root_dir": run.folder}

    def before_fit(self) -> None:
        """Refuse what can't work before the run's folder is begun."""
        rehearse(self.trainer, self.model)

    def before_validate(self) -> None:
        """Take the weights of a model's folder if one is named, or those that ship if no checkpoint is."""
        if self.config_init[self.subcommand]["ckpt_path"] is None:
            shipped = LanguageModel.load(self.recalled.path or PRETRAINED)
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
    words = Words.of(command, args, _CSV if command == "fit" else _CSV_ASIDE)
    allow(words.paths)
    quiet: dict[str, Any] = {"exit_on_error": False, "allow_abbrev": False}
    folders: list[RunFolder] = []
    refused = False
    try:
        with _quiet(command), careful_parsing(words.paths), one_sentence(command):
            recalled = recall(words.recalled_from, typed=words.paths, told=words.told)
            if recalled.path is not None and recalled.path.is_dir():
                if command == "fit":
                    raise CheckpointError(
                        f"{recalled.path} is a model alone, and a fit goes on with its optimiser, too; expected a "
                        "checkpoint that `bachlit fit` wrote; name that, or leave --ckpt_path out."
                    )
                words = words.without_checkpoint()
            ChoraleCLI(
                words,
                recalled,
                folders,
                args=[command],
                seed_everything_default=0,
                auto_configure_optimizers=False,
                save_config_callback=SaveConfigCallback if command == "fit" else None,
                save_config_kwargs={"overwrite": True},
                parser_kwargs=quiet | {name: dict(quiet) for name in ChoraleCLI.subcommands()},
            )
    except StoppedError:
        raise
    except BachlitError:
        refused = True
        raise
    finally:
        for folder in folders:
            folder.release(refused=refused)


@contextmanager
def _quiet(command: str) -> Iterator[None]:
    """Leave out what Lightning says of its own insides."""
    # That a resumed fit forgets earlier best scores, or lacks a callback, is news; for the other commands it isn't.
    others = () if command == "fit" else (".*The dirpath has changed.*", ".*callbacks used to create the checkpoint.*")
    lightnings = logging.getLogger("pytorch_lightning.utilities.rank_zero")
    with warnings.catch_warnings():
        for noise in (*_NOISE, *others):
            warnings.filterwarnings("ignore", message=noise)
        lightnings.addFilter(_no_advertisement)
        try:
            yield
        finally:
            lightnings.removeFilter(_no_advertisement)


def _no_advertisement(record: logging.LogRecord) -> bool:
    return "litlogger" not in record.getMessage()


def _root(options: Any) -> Path:
    """The folder of a fit's runs, as its parsed options have it."""
    loggers = options["trainer"]["logger"]
    if loggers is False:
        return Path(options["trainer"]["default_root_dir"] or ".") / ROOT
    csv = _csv(options)
    return ROOT if csv is None else Path(csv.save_dir, csv.name or "")


def _csv(options: Any) -> Any:
    """The CSV logger's own options; None if no such logger is typed."""
    loggers = options["trainer"]["logger"]
    for logger in loggers if isinstance(loggers, list) else [loggers]:
        if str(getattr(logger, "class_path", "")).endswith("CSVLogger"):
            return logger.init_args
    return None


def _name(options: Any) -> str | None:
    """A fit's run as it is named: by --run, else by the version of its CSV logger, as a sweep names its trials.

    Raises:
        OptionError: If it can't be named so.
    """
    name, csv = options["run"], _csv(options)
    if name is None and csv is not None and csv.version is not None:
        name = f"version_{csv.version}" if isinstance(csv.version, int) else csv.version
    return None if name is None else check_name(name)


def _lasts(folder: Path | None, options: Any) -> list[Path]:
    """Where the checkpoints are from which a run would go on."""
    typed = options["checkpoint"]["dirpath"]
    checkpoints = Path(typed) if typed else Path(folder or ".") / "checkpoints"
    return [checkpoints / name for name in (LAST, BEFORE)]


def _whole(paths: Sequence[Path]) -> Path | None:
    """The first checkpoint that is whole; those that aren't are told."""
    for path in paths:
        if path.is_file():
            try:
                read_options(path)
            except CheckpointError as error:
                warnings.warn(str(error), stacklevel=2)
            else:
                return path
    return None
