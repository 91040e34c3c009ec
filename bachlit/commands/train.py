"""`bachlit fit | validate | test | predict`: LightningCLI, with options from checkpoints that typed ones override."""

import json
import signal
from contextlib import ExitStack
from inspect import signature
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import yaml
from jsonargparse import ArgumentError
from pytorch_lightning.callbacks import Callback, Checkpoint, ModelCheckpoint
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI, SaveConfigCallback
from pytorch_lightning.trainer.states import TrainerFn
from pytorch_lightning.utilities import rank_zero_only
from torch import Tensor

from bachlit.callbacks import LastCheckpoint, ModelCard, ScoreWriter, TrainingCurves
from bachlit.commands.finished import CompleteError, refuse_complete, report
from bachlit.commands.help import CLASS_HELP, FIRST, HELP, BriefHelpFormatter
from bachlit.commands.messages import Phase, one_sentence, refuse_mistyped
from bachlit.commands.noise import QuietProcesses, quiet
from bachlit.commands.options import Words
from bachlit.commands.recalled import RememberOptions, recall
from bachlit.commands.resumed import describes_a_run, find_checkpoint, find_last, run_folder
from bachlit.commands.showing import display, print_figures
from bachlit.commands.weights import announce
from bachlit.corpus import Corpus
from bachlit.decoding import BeamSearch, Decoder
from bachlit.encoding import Encoding
from bachlit.errors import CheckpointError, ScoreError, StoppedError
from bachlit.generation.named_rules import rules_help, weighed_rules
from bachlit.internals import CommandParsers, careful_parsing
from bachlit.models.language_model import Bounded, LanguageModel, require_numbers
from bachlit.models.runs import ROOT, refuse_others
from bachlit.models.shipped import PRETRAINED
from bachlit.networks import Network
from bachlit.training.checkpoint_io import SafeCheckpoints
from bachlit.training.checks import MonitorCheck, refuse_unworkable, warn_of_emulation
from bachlit.training.data import ChoraleDataModule
from bachlit.training.language_module import Writing
from bachlit.training.loggers import csv_first, name_run, share_runs, take_up
from bachlit.training.model import ChoraleModel
from bachlit.training.processes import without_copies
from bachlit.training.wandb_logger import PROJECT, AutoWandbLogger

# There is always a CSV, and it comes first: its folder is the run's.
_CSV = {"class_path": "CSVLogger", "init_args": {"save_dir": str(ROOT), "name": ""}}
# Commands that make no run log only if a logger is typed, and not among the runs.
_ASIDE = Path("logs")
_CSV_ASIDE = {"class_path": "CSVLogger", "init_args": {"save_dir": str(_ASIDE), "name": PROJECT}}

# Options whose classes have short names.
_KINDS: dict[str, type[Any]] = {
    "model.network": Network,
    "data.corpus": Corpus,
    "data.encoding": Encoding,
    "decoder": Decoder,
}


class _Running(Callback):
    """Record that everything is made and the work begins.

    Args:
        phase: The record.
    """

    def __init__(self, phase: Phase) -> None:
        self.phase = phase

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Record the first epoch, but of a resumed fit, whose first steps use what the checkpoint holds."""
        self.phase.running |= self.phase.checkpoint is None or trainer.state.fn != TrainerFn.FITTING

    on_train_epoch_start = on_test_epoch_start = on_predict_epoch_start = on_validation_epoch_start

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Record the end of a resumed fit's first epoch."""
        self.phase.running = True

    def on_predict_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """End where a signal asks to: Lightning looks at it in fits alone.

        Raises:
            StoppedError: If one does.
        """
        if trainer.received_sigterm and trainer.state.fn != TrainerFn.FITTING:
            raise StoppedError(f"{self.phase.command} was told to end; what it wrote stays.", 128 + signal.SIGTERM)

    on_validation_batch_start = on_test_batch_start = on_predict_batch_start

    def on_sanity_check_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Take it back: loaders for training are made after the sanity check."""
        self.phase.running = False


class ChoraleCLI(CommandParsers, LightningCLI):
    """The command line over `ChoraleModel` and `ChoraleDataModule`.

    Encoding and keys are options of the data, linked to the model. `predict` also has `--decoder`, `--rules`,
    `--strict`, `--seed` and `--output`. Without `--ckpt_path`, all commands but `fit` use the weights that ship. `fit`
    has `--run`, the name of its run.

    Args:
        command: fit, validate, test or predict.
        words: The typed options.
        phase: Updated as the command proceeds.
        stack: Gets the release of the run's folder.
    """

    def __init__(self, command: str, words: Words, phase: Phase, stack: ExitStack) -> None:
        self.command, self.phase, self.stack = command, phase, stack
        self.prints_figures = False
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
        """Return only the command that runs: a parser takes a second to build."""
        return {self.command: LightningCLI.subcommands()[self.command]}

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the options and defaults of all commands."""
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

    def setup_parser(
        self, add_subcommands: bool, main_kwargs: dict[str, Any], subparser_kwargs: dict[str, Any]
    ) -> None:
        """Add the options of `fit` and of `predict`, and order the help."""
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
        """Parse typed and remembered options, and find the run that a fit resumes."""
        self._parse(parser)
        used = self.config[self.command].get("ckpt_path")
        if used is not None and str(used) != self.words.value_of("ckpt_path"):
            raise CheckpointError(
                f"The checkpoint {used} can't be used; expected one file, named on the command line: --ckpt_path FILE."
            )
        if self.command == "fit" and used == "last":
            self._go_on(parser)
        if self.command == "fit" and self.recalled.checkpoint is not None:
            refuse_complete(self.recalled.path, self.recalled.checkpoint, self.config["fit"]["trainer"])

    def _parse(self, parser: LightningArgumentParser) -> None:
        """Parse configurations, then a checkpoint's options, then typed ones: later options win."""
        # Classes first: options of a class may be typed before its name.
        typed = sorted(self.words.words, key=lambda word: word[2:].partition("=")[0] not in _KINDS)
        if self.words.value_of("trainer.logger") is not None:  # it takes its folder from one logger, not from a list
            typed.insert(0, f"--trainer.logger={json.dumps(_CSV if self.command == 'fit' else _CSV_ASIDE)}")
        recalled = f"--config={json.dumps(self.recalled.options)}"
        try:
            super().parse_arguments(parser, [self.command, *self.words.config_args, recalled, *typed])
        except ArgumentError as error:
            refuse_mistyped(str(error), self.words.names, [*self.parser_of(self.command).get_defaults().keys()])
            raise

    def _go_on(self, parser: LightningArgumentParser) -> None:
        """Find the run to resume, with its options where none were typed; else begin."""
        found = find_last(self.words, self.config["fit"], self._options())
        if found is None:
            self.config["fit"]["ckpt_path"] = None
            return
        self.recalled = recall(found, typed=self.words.paths, told=self.words.names, modules=self.words.modules)
        if not describes_a_run(self.words):
            self._parse(parser)
        self.config["fit"]["ckpt_path"] = str(found)

    def _options(self) -> dict[str, Any]:
        """Return the command's options as plain data."""
        dumped = self.parser.dump(self.config, skip_none=False, skip_validation=True)
        return yaml.safe_load(dumped)[self.command]  # type: ignore[no-any-return]

    def before_instantiate_classes(self) -> None:
        """Add callbacks that need the options: checkpoints remember the model's and the data's, the card lists all."""
        options = self._options()
        remembered = {key: options[key] for key in ("model", "data", "seed_everything")}
        self.trainer_defaults["callbacks"] = [
            *(_Running(self.phase), MonitorCheck(), RememberOptions(remembered), ModelCard(options)),
            QuietProcesses(self.command),
        ]

    def instantiate_classes(self) -> None:
        """Make model, data and trainer; a checkpoint's network can't be far larger than its weights."""
        checkpoint = self.recalled.checkpoint
        if checkpoint is None:
            super().instantiate_classes()
            return
        weights = checkpoint.get("state_dict")
        stored = [part for part in weights.values() if isinstance(part, Tensor)] if isinstance(weights, dict) else []
        with Bounded(stored, num_made=2):  # a model tries whether its network can be made anew
            super().instantiate_classes()

    def instantiate_trainer(self, **kwargs: Any) -> pl.Trainer:
        """Make the trainer, with a CSV beside W&B, and without checkpoint callbacks if these are disabled."""
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
        checkpoints = SafeCheckpoints(recalled.path, recalled.checkpoint)
        settings["plugins"] = [checkpoints, *(plugins if isinstance(plugins, list) else [plugins])]
        shown, flags = display(made["trainer"], fits=self.command == "fit")
        self.trainer_defaults["callbacks"] += shown
        settings |= flags
        trainer = super().instantiate_trainer(**settings | kwargs)
        share_runs(trainer)
        return trainer

    def _settle(self, made: Any) -> dict[str, Any]:
        """Claim the run's folder for a fit, its loggers and, without loggers, Lightning."""
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
            self.phase.checkpoint = self.recalled.path
            take_up(loggers, self.recalled.checkpoint["global_step"])
        return {"logger": loggers} if loggers else {"logger": loggers, "default_root_dir": run.folder}

    def before_fit(self) -> None:
        """Record what the fit resumes from, and refuse what can't work."""
        self.phase.checkpoint = self.recalled.path
        refuse_unworkable(self.trainer)
        warn_of_emulation(self.trainer)

    def before_validate(self) -> None:
        """Print which weights are used; load those of a model's folder, or that ship, if no checkpoint is named.

        Raises:
            CheckpointError: If they belong to another encoding.
        """
        self.phase.checkpoint = self.recalled.path
        if self.trainer.is_global_zero:
            announce(self.recalled.path or PRETRAINED)
        options = self.config_init[self.command]
        self.prints_figures, options["verbose"] = options.get("verbose", False), False  # Lightning's have 16 digits
        if options["ckpt_path"] is None:
            shipped = LanguageModel.load(self.recalled.path or PRETRAINED)
            if shipped.encoding.config != self.model.encoding.config:
                raise CheckpointError(
                    f"The weights of {(self.recalled.path or PRETRAINED).name} are for another encoding; expected "
                    "theirs; leave the encoding's options out, or name a checkpoint with --ckpt_path."
                )
            self.model.network.load_state_dict(shipped.network.state_dict())

    before_test = before_validate

    def after_fit(self) -> None:
        """End W&B's run, and print what the fit reached."""
        self._finish()
        if self.trainer.is_global_zero:
            report(self.trainer, self.model)

    def after_validate(self) -> None:
        """Print the figures, unless --verbose false was typed, and end W&B's run."""
        if self.prints_figures:
            print_figures(self.trainer)
        self._finish()

    after_test = after_validate

    def after_predict(self) -> None:
        """End W&B's run.

        Raises:
            ScoreError: If a prompt was left out; the others are written.
        """
        self._finish()
        skipped = self.model.num_skipped + getattr(self.datamodule, "num_skipped", 0)
        if skipped:
            raise ScoreError(
                f"{skipped} prompt{'s' * (skipped > 1)} could not be harmonised; expected melodies that the model "
                "can follow; the warnings above say why; the others are written."
            )

    def _finish(self) -> None:
        """End W&B's run: an interpreter may begin another."""
        for logger in self.trainer.loggers:
            if isinstance(logger, AutoWandbLogger):
                logger.finish()

    def before_predict(self) -> None:
        """Set the decoder and the rules: they are options of the prediction, not of the model.

        Raises:
            CheckpointError: If the weights are NaN, or belong to another encoding.
        """
        self.before_validate()
        if self.recalled.path is not None and self.recalled.checkpoint is not None:
            require_numbers(self.recalled.checkpoint["state_dict"], self.recalled.path)
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
    """Make the decoder, the rules and the writer of `predict`.

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


def run(command: str, words: Words) -> None:
    """Run one of Lightning's commands.

    Args:
        command: fit, validate, test or predict.
        words: Its options.

    Raises:
        BachlitError: If an option, a checkpoint or the data must be put right.
    """
    phase = Phase(command, own=words.has_own)
    with ExitStack() as stack, quiet(command), careful_parsing(words.paths), one_sentence(phase):
        words.import_modules()
        words = words.spelled_out(_KINDS)
        words.refuse_unknown(_KINDS)
        words = words.listing(["model.metrics"])
        try:
            ChoraleCLI(command, words, phase, stack)
        except CompleteError as complete:
            rank_zero_only(print)(complete)
