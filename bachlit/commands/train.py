"""`bachlit fit | validate | test | predict`: LightningCLI, in which what is typed beats a checkpoint."""

import json
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from inspect import signature
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import yaml
from jsonargparse import ArgumentError
from pytorch_lightning.callbacks import Callback, Checkpoint, ModelCheckpoint
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI, SaveConfigCallback
from torch import Tensor

from bachlit.callbacks import LastCheckpoint, ModelCard, ScoreWriter, TrainingCurves
from bachlit.commands.help import CLASS_HELP, FIRST, HELP, BriefHelpFormatter
from bachlit.commands.messages import Phase, one_sentence, refuse_mistyped
from bachlit.commands.options import Words
from bachlit.commands.recalled import RememberOptions, recall
from bachlit.commands.resumed import describes_a_run, find_checkpoint, find_last, run_folder
from bachlit.corpus import Corpus
from bachlit.decoding import BeamSearch, Decoder
from bachlit.encoding import Encoding
from bachlit.errors import CheckpointError
from bachlit.generation.named_rules import rules_help, weighed_rules
from bachlit.internals import CommandParsers, careful_parsing
from bachlit.models.language_model import Bounded, LanguageModel
from bachlit.models.runs import ROOT, refuse_others
from bachlit.models.shipped import PRETRAINED
from bachlit.networks import Network
from bachlit.training.checks import MonitorCheck, rehearse
from bachlit.training.data import ChoraleDataModule
from bachlit.training.language_module import Writing
from bachlit.training.loggers import csv_first, name_run, share_runs, take_up
from bachlit.training.model import ChoraleModel
from bachlit.training.processes import without_copies
from bachlit.training.resuming import SafeCheckpoints, Suspect
from bachlit.training.wandb_logger import PROJECT, AutoWandbLogger

# What Lightning says of its own insides, or of loaders that are not ours.
_NOISE = (
    *("LeafSpec", "does not have many workers", "`IterableDataset` has `__len__`", "litlogger", "TF32 acceleration"),
    *("args parameter is intended to run", "transfer_batch_to_device", "Checkpoint directory .* exists"),
    *("Experiment logs directory .* exists", "could not find the monitored key"),
)

# A CSV is always there, and comes first: its folder is the run's.
_CSV = {"class_path": "CSVLogger", "init_args": {"save_dir": str(ROOT), "name": ""}}
# Of the commands that make no run, figures are kept only if a logger is typed, and not among the runs.
_ASIDE = Path("logs")
_CSV_ASIDE = {"class_path": "CSVLogger", "init_args": {"save_dir": str(_ASIDE), "name": PROJECT}}

# The parts whose classes have options of their own.
_PARTS: dict[str, type[Any]] = {"model.network": Network, "data.corpus": Corpus, "data.encoding": Encoding}


class _Running(Callback):
    """Tell when all is made, and a trainer begins with its batches.

    Args:
        phase: Is told.
    """

    def __init__(self, phase: Phase) -> None:
        self.phase = phase

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Say so; it's also what the other commands and the sanity check call."""
        self.phase.running = True

    on_validation_start = on_test_start = on_predict_start = on_train_start

    def on_sanity_check_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Take it back: what training needs is made after it."""
        self.phase.running = False


class ChoraleCLI(CommandParsers, LightningCLI):
    """The command line over `ChoraleModel` and `ChoraleDataModule`.

    The encoding and the keys are typed once, for the data; the model is told. `predict` also has `--decoder`,
    `--rules`, `--strict`, `--seed` and `--output`. Without `--ckpt_path`, all commands but `fit` use the weights that
    ship. `fit` has `--run`, the name of its run.

    Args:
        command: fit, validate, test or predict.
        words: What was typed after it.
        phase: Is told when all is made; its suspect of the checkpoint that is read.
        stack: Gets the release of the run's folder.
    """

    def __init__(self, command: str, words: Words, phase: Phase, stack: ExitStack) -> None:
        self.command, self.phase, self.stack = command, phase, stack
        self.recalled, self.words = find_checkpoint(command, words)
        quiet = {"exit_on_error": False, "allow_abbrev": False, "formatter_class": BriefHelpFormatter}
        super().__init__(
            ChoraleModel,
            ChoraleDataModule,
            args=[command],
            seed_everything_default=0,
            auto_configure_optimizers=False,
            save_config_callback=SaveConfigCallback if command == "fit" else None,
            save_config_kwargs={"overwrite": True},
            parser_kwargs=quiet | {command: dict(quiet)},
        )

    def subcommands(self) -> dict[str, set[str]]:  # type: ignore[override]
        """Name the command that runs, alone: a parser takes a second to build."""
        return {self.command: LightningCLI.subcommands()[self.command]}

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
        """Add what `fit` and `predict` alone have, and set out the help."""
        super().setup_parser(add_subcommands, main_kwargs, subparser_kwargs)
        parser = self.parser_of(self.command)
        parser.prog = f"bachlit {self.command}"
        fit, predict = self.command == "fit", self.command == "predict"
        if fit:
            parser.add_lightning_class_args(TrainingCurves, "curves")
            parser.add_lightning_class_args(LastCheckpoint, "last")
            # The last of the two is the one to which --trainer.logger.group and the like belong.
            wandb = {"class_path": "bachlit.training.wandb_logger.AutoWandbLogger"}
            parser.set_defaults({"trainer.logger": [_CSV, wandb]})
            parser.add_argument(
                "--run",
                type=str | None,
                default=None,
                help="The run's name: that of its folder in runs/, and W&B's. --ckpt_path last goes on with it.",
            )
        if predict:
            parser.set_defaults({"return_predictions": False})  # they are files; all at once would fill memory
            parser.add_function_arguments(_writing, as_group=False)
        last = "last: that of --run, or of the newest run of these options" if fit else "a model's folder"
        for option, text in (HELP | {"ckpt_path": f"A checkpoint, a run's name, or {last}."}).items():
            self.explain(self.command, option, text)
        self.show_first(self.command, [name for name in FIRST if fit or name != "run"], "most used")
        parser.epilog = f"{rules_help()}\n\n{CLASS_HELP}" if predict else CLASS_HELP

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parse, with what a checkpoint remembers, and find the run that a fit goes on with."""
        self._parse(parser)
        used = self.config[self.command].get("ckpt_path")
        if used is not None and str(used) != self.words.value_of("ckpt_path"):
            raise CheckpointError(
                f"The checkpoint {used} can't be used; expected one file, named on the command line: --ckpt_path FILE."
            )
        if self.command == "fit" and used == "last":
            self._go_on(parser)

    def _parse(self, parser: LightningArgumentParser) -> None:
        """Parse configurations, then what is recalled, then what was typed: later options win."""
        typed = list(self.words.words)
        if self.words.value_of("trainer.logger") is not None:  # it takes its folder from one logger, not from a list
            typed.insert(0, f"--trainer.logger={json.dumps(_CSV if self.command == 'fit' else _CSV_ASIDE)}")
        recalled = f"--config={json.dumps(self.recalled.options)}"
        try:
            super().parse_arguments(parser, [self.command, *self.words.config_args, recalled, *typed])
        except ArgumentError as error:
            refuse_mistyped(str(error), self.words.names, [*self.parser_of(self.command).get_defaults().keys()])
            raise

    def _start_from_own_defaults(self, parser: LightningArgumentParser) -> None:
        """Let the class that each part will have bring its own options' defaults.

        Where a class takes the place of a parser's default class, jsonargparse leaves it the default's options as far
        as it has such, too: a FrameLSTM would have the three layers of TokenLSTM.
        """
        for part, kind in _PARTS.items():
            path = self.words.class_of(part, kind, self.recalled.options)
            if path is not None:
                parser.set_defaults({part: {"class_path": path}})

    def _go_on(self, parser: LightningArgumentParser) -> None:
        """Find the run that goes on, and take its options where none were typed; else begin."""
        found = find_last(self.words, self.config["fit"], self._options())
        if found is None:
            self.config["fit"]["ckpt_path"] = None
            return
        self.recalled = recall(found, typed=self.words.paths, told=self.words.names)
        if not describes_a_run(self.words):
            self._start_from_own_defaults(self.parser_of("fit"))
            self._parse(parser)
        self.config["fit"]["ckpt_path"] = str(found)

    def _options(self) -> dict[str, Any]:
        """Give the command's options as plain data."""
        dumped = self.parser.dump(self.config, skip_none=False, skip_validation=True)
        return yaml.safe_load(dumped)[self.command]  # type: ignore[no-any-return]

    def before_instantiate_classes(self) -> None:
        """Keep the options as plain data: the model's and the data's for checkpoints, all for the model card."""
        options = self._options()
        remembered = {key: options[key] for key in ("model", "data", "seed_everything")}
        self.trainer_defaults["callbacks"] = [
            *(self.phase.suspect, _Running(self.phase), MonitorCheck(), RememberOptions(remembered), ModelCard(options))
        ]

    def instantiate_classes(self) -> None:
        """Make them; the network of a checkpoint's options can't be far larger than its weights."""
        checkpoint = self.recalled.checkpoint
        if checkpoint is None:
            super().instantiate_classes()
            return
        weights = checkpoint.get("state_dict")
        stored = [part for part in weights.values() if isinstance(part, Tensor)] if isinstance(weights, dict) else []
        with Bounded(stored, num_made=2):  # a model tries whether its network can be made anew
            super().instantiate_classes()

    def instantiate_trainer(self, **kwargs: Any) -> pl.Trainer:
        """Make the trainer, with a CSV beside W&B, and without what keeps checkpoints if there shall be none."""
        made = self.config_init[self.command]
        if made["trainer"]["enable_checkpointing"] is False:
            ours = self.parser_of(self.command).callback_keys
            ours[:] = [name for name in ours if not isinstance(made[name], Checkpoint)]
        if self.command == "fit":
            settings = self._settle(made)
        else:
            settings = {"logger": csv_first(made["trainer"]["logger"], _ASIDE, PROJECT)}
        settings["strategy"] = without_copies(made["trainer"]["strategy"])
        plugins, recalled = made["trainer"]["plugins"] or [], self.recalled
        checkpoints = SafeCheckpoints(recalled.path, recalled.checkpoint, self.phase.suspect)
        settings["plugins"] = [checkpoints, *(plugins if isinstance(plugins, list) else [plugins])]
        trainer = super().instantiate_trainer(**settings | kwargs)
        share_runs(trainer)
        return trainer

    def _settle(self, made: Any) -> dict[str, Any]:
        """Give a fit its run's folder: its loggers', and where Lightning keeps things without loggers."""
        loggers = csv_first(made["trainer"]["logger"])
        options = self.config["fit"]
        run = run_folder(self.words, options, self.recalled.path)
        if not made["trainer"]["fast_dev_run"]:
            self.stack.push(run.release)
            run.claim()
            if options["checkpoint"]["dirpath"]:
                refuse_others(Path(options["checkpoint"]["dirpath"]), self.recalled.path)
        options["run"] = options["ckpt_path"] = None  # they aren't options of another fit
        name_run(loggers, run.folder, goes_on=run.begun)
        if run.begun and self.recalled.checkpoint is not None:
            step = self.recalled.checkpoint.get("global_step")
            if not isinstance(step, int):
                raise CheckpointError(
                    f"{self.recalled.path} doesn't say after how many steps it was written; expected a file as "
                    "`bachlit fit` wrote it; name another."
                )
            take_up(loggers, step)
        return {"logger": loggers} if loggers else {"logger": loggers, "default_root_dir": run.folder}

    def before_fit(self) -> None:
        """Refuse what can't work before the first step."""
        rehearse(self.trainer, self.model)

    def before_validate(self) -> None:
        """Take the weights of a model's folder if one is named, or those that ship if no checkpoint is."""
        if self.config_init[self.command]["ckpt_path"] is None:
            shipped = LanguageModel.load(self.recalled.path or PRETRAINED)
            try:
                if shipped.encoding.config != self.model.encoding.config:
                    raise RuntimeError("another encoding")
                self.model.network.load_state_dict(shipped.network.state_dict())
            except RuntimeError as error:
                raise CheckpointError(
                    f"The weights of {(self.recalled.path or PRETRAINED).name} don't fit the network and the encoding "
                    "that were asked for; name a checkpoint with --ckpt_path, or leave the network's options out."
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
        self.model.writing, writer = _writing(**{name: options[name] for name in signature(_writing).parameters})
        self.trainer.callbacks.append(writer)  # type: ignore[attr-defined]


def _writing(
    *,
    decoder: Decoder | None = None,
    rules: dict[str, Any] | str | None = None,
    strict: bool = False,
    seed: int = 0,
    output: Path = Path("predictions"),
    overwrite: bool = False,
) -> tuple[Writing, ScoreWriter]:
    """Make what `predict` writes with, and where.

    Args:
        decoder: Chooses the notes; a beam of 16.
        rules: Numbers for rules of part-writing, such as --rules.NoHidden 0; none for no rules. See below.
        strict: Stop where a rule can't be kept.
        seed: The same seed gives the same result.
        output: The folder of the scores.
        overwrite: Replace files there that bachlit didn't write.
    """
    decoder = decoder or BeamSearch()
    return Writing(decoder, weighed_rules(rules, decoder), strict=strict, seed=seed), ScoreWriter(output, overwrite)


def run(command: str, args: Sequence[str]) -> None:
    """Run one of Lightning's commands.

    Args:
        command: fit, validate, test or predict.
        args: Its options.

    Raises:
        BachlitError: If an option, a checkpoint or the data must be put right.
    """
    words = Words.of(args)
    phase = Phase(command, suspect=Suspect())
    with ExitStack() as stack, _quiet(command), careful_parsing(words.paths), one_sentence(phase):
        if command == "predict":
            words.class_of("decoder", Decoder)
        ChoraleCLI(command, words, phase, stack)


@contextmanager
def _quiet(command: str) -> Iterator[None]:
    """Leave out what Lightning says of its own insides."""
    # That a resumed fit forgets earlier best scores, or lacks a callback, is news; for the other commands it isn't.
    others = () if command == "fit" else ("The dirpath has changed", "callbacks used to create the checkpoint")
    lightnings = logging.getLogger("pytorch_lightning.utilities.rank_zero")
    with warnings.catch_warnings():
        for noise in (*_NOISE, *others):
            warnings.filterwarnings("ignore", message=f".*{noise}")
        lightnings.addFilter(_no_advertisement)
        try:
            yield
        finally:
            lightnings.removeFilter(_no_advertisement)


def _no_advertisement(record: logging.LogRecord) -> bool:
    return "litlogger" not in record.getMessage()
