"""Weights & Biases without an account, a prompt or a dead fit; wandb itself is imported once a run begins."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytorch_lightning as pl
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.loggers import CSVLogger, WandbLogger
from pytorch_lightning.loggers.logger import DummyLogger
from pytorch_lightning.utilities import rank_zero_info, rank_zero_only, rank_zero_warn

from bachlit.errors import OptionError
from bachlit.internals import BegunRun, forget_anonymous
from bachlit.training.offline_runs import identify, last_figures, upload_command

PROJECT = "bachlit"
Mode = Literal["auto", "online", "offline", "disabled"]
# An older wandb's words, which its documentation still has here and there.
_OLD_MODES = {"dryrun": "offline", "run": "online"}


class AutoWandbLogger(BegunRun, WandbLogger):
    """Log to W&B: online if a key is found, else offline into the run's folder.

    An offline run can be uploaded later. No key is ever asked for. If W&B can't start or fails on the way, training
    goes on without it after one warning. wandb's own environment variables hold where an option isn't given:
    WANDB_MODE, WANDB_PROJECT, WANDB_RUN_GROUP, WANDB_TAGS, WANDB_NAME.

    Args:
        mode: "auto": what WANDB_MODE says, else online if there is a key, else offline. "disabled" starts nothing.
        project: bachlit, unless WANDB_PROJECT says otherwise.
        group: Runs that belong together, such as a sweep's.
        tags: Words to find the run by.
        run_name: What W&B shows for the run; it makes one up if None.
        folder: Where W&B keeps its files; the folder of the CSV beside it if None, and `runs` if there is none.
        upload: Keep the best checkpoint as an artifact, if online.
    """

    def __init__(
        self,
        mode: Mode = "auto",
        *,
        project: str | None = None,
        group: str | None = None,
        tags: Sequence[str] | None = None,
        run_name: str | None = None,
        folder: Path | None = None,
        upload: bool = True,
    ) -> None:
        project = project or os.environ.get("WANDB_PROJECT") or PROJECT
        super().__init__(name=run_name, project=project, save_dir=folder or Path("runs"), group=group, tags=tags)
        forget_anonymous(self)
        self.mode, self.run_name, self.folder, self.upload = mode, run_name, folder, upload
        self.run_id: str | None = None
        """W&B's id for the run, if set before it begins; None lets W&B make one up."""
        self.goes_on = False
        """Check whether the run `run_id` is resumed; else it must be new to W&B, unless its folder has its id."""
        self.beside: CSVLogger | None = None
        """The CSV in whose folder W&B keeps its files, set by `bachlit.training.loggers.csv_first`."""
        self._off = False
        self._data: Path | None = None
        self._checkpoint: ModelCheckpoint | None = None

    def name_run(self, name: str, *, goes_on: bool) -> None:
        """Set the id of a run to its name, and show that unless the user typed another."""
        self.run_id, self.goes_on = name, goes_on
        self.run_name = self.run_name or name

    @property
    def run(self) -> Any:
        """The W&B run, begun by the first look; None in all other processes, and if W&B is off."""
        if not _is_first_process() or self._off:
            return None
        if self.begun is None:
            self._start()
        return self.begun

    @property
    def experiment(self) -> Any:
        """The W&B run for Lightning: an object that does nothing if there is none."""
        return self.run or DummyLogger().experiment

    def _start(self) -> None:
        """Begin a run, offline if online fails; if that fails too, switch W&B off."""
        mode = resolve_mode(self.mode)
        if mode == "disabled":
            self._off = True
            return
        failures: list[str] = []
        for attempt in dict.fromkeys((mode, "offline")):
            try:
                self._begin(attempt)
            except Exception as error:  # an account, a network, a disk: whatever it is, training is worth more
                failures.append(_in_short(error))
                continue
            if failures:
                rank_zero_warn(f"W&B can't go {mode} ({failures[0]}); the run is kept offline, to be uploaded later.")
            if not self.joins_another:  # else the process that spawned this one printed it
                self._tell(attempt)
            return
        self._switch_off(failures[-1])

    def _begin(self, mode: str) -> None:
        """Begin a run in a mode, silently."""
        import wandb  # noqa: PLC0415  # half a second that only runs of W&B should pay

        if mode == "online" and not has_key():
            raise OptionError("no key is found; `wandb login` stores one")
        folder = self.folder or Path("runs")
        known: Path | None = None
        if self.folder is None and self.beside is not None:
            _ = self.beside.experiment  # begun before there are files in its folder: it would warn of old runs
            folder = Path(self.beside.log_dir)
            known = folder / "wandb-run-id"  # a fit resumed in its folder resumes its run
        folder.mkdir(parents=True, exist_ok=True)  # else wandb would take the system's temporary folder
        if self.joins_another:  # which has no `dir`: its pictures would lie where the command runs, and stay there
            wandb.setup(settings=wandb.Settings(root_dir=str(folder.resolve())))
        settings = wandb.Settings(silent=True, init_timeout=float(os.environ.get("WANDB_INIT_TIMEOUT", "30")))
        # What a table holds would wait for its upload in the user's home, whatever becomes of the run's folder.
        self._data = folder.resolve() / "wandb" if mode == "offline" else None
        before = known.read_text(encoding="utf-8").strip() if known is not None and known.is_file() else None
        # Resolved, for wandb writes from a process of its own, which stays where it was begun.
        self.init_options.update(
            {"mode": mode, "name": self.run_name, "dir": str(folder.resolve()), "settings": settings}
        )
        self.init_options.update(identify(self.run_id, mode, goes_on=self.goes_on, before=before))
        try:
            with _quiet():
                run = super().experiment
        except wandb.errors.UsageError as error:
            if self.init_options["resume"] == "never" and "already exists" in str(error):
                raise OptionError(f"it has another run {self.init_options['id']} already") from error
            raise
        if known is not None:
            known.write_text(f"{run.id}\n", encoding="utf-8")
            if before is not None and mode == "offline" and (figures := last_figures(known.with_name("metrics.csv"))):
                run.summary.update(figures)  # online the server has them

    def _tell(self, mode: str) -> None:
        """Print in one line where the run is."""
        run: Any = self.begun
        if mode == "offline":
            command = upload_command(Path(run.settings.sync_dir), run.id)
            rank_zero_info(f"W&B keeps this run offline; to upload it: {command}")
        else:
            rank_zero_info(f"W&B shows this run at {run.url}")

    def _switch_off(self, reason: str) -> None:
        self._off = True
        self.end()
        rank_zero_warn(f"W&B doesn't work here ({reason}); the fit goes on without it, and the CSV has the figures.")

    def attempt(self, action: Callable[[Any], object]) -> None:
        """Run an action on the run, if there is one; if it fails, switch W&B off and go on."""
        run = self.run
        if run is not None:
            try:
                with _data_in(self._data):
                    action(run)
            except Exception as error:  # whatever it is, training is worth more
                self._switch_off(_in_short(error))

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log figures."""
        self.attempt(lambda _: WandbLogger.log_metrics(self, metrics, step))

    def log_hyperparams(self, params: Any) -> None:
        """Log options."""
        self.attempt(lambda _: WandbLogger.log_hyperparams(self, params))

    def after_save_checkpoint(self, checkpoint_callback: ModelCheckpoint) -> None:
        """Remember the callback that knows the best checkpoint."""
        self._checkpoint = checkpoint_callback

    def finalize(self, status: str) -> None:
        """Upload the best checkpoint after a fit that succeeded; end the run of one that failed."""
        if not _is_first_process() or self.begun is None:
            return
        if status == "failed":
            self.finish(exit_code=1)
        elif self._checkpoint is not None and self._checkpoint.best_model_path:
            path, self._checkpoint = self._checkpoint.best_model_path, None
            # An offline run would keep a copy of it, and have nobody to send it to.
            if self.upload and not getattr(self.begun, "offline", True):
                self.attempt(lambda run: _upload(run, path))

    def finish(self, exit_code: int = 0) -> None:
        """End the run after writing or sending the rest."""
        if self.begun is not None:
            self.attempt(lambda run: run.finish(exit_code=exit_code))
            self.end()
        self._off = True

    def __getstate__(self) -> dict[str, Any]:
        """Begin the run before processes are spawned, so that they join it."""
        if self.run is None:
            return self.__dict__.copy()
        with _quiet():  # Lightning asks for a service that wandb has had for years, and wandb says so
            return super().__getstate__()


def resolve_mode(typed: str) -> str:
    """Resolve the mode: what was typed, or for auto the environment's, or online if there is a key.

    >>> resolve_mode("offline")
    'offline'
    """
    if typed != "auto":
        return typed
    if os.environ.get("WANDB_DISABLED", "").lower() in ("true", "1"):
        return "disabled"
    mode = os.environ.get("WANDB_MODE")
    if mode:
        return _OLD_MODES.get(mode, mode)
    try:
        return "online" if has_key() else "offline"
    except Exception:  # a settings file that can't be read, for one; beginning offline reports it
        return "offline"


def has_key() -> bool:
    """Tell whether wandb finds a key in the environment, its settings or .netrc, without asking anyone."""
    import wandb  # noqa: PLC0415  # half a second that only runs of W&B should pay

    with _quiet():  # else it would ask a server for the user's name, to greet him
        return bool(wandb.login(prompt=False, verify=False))


def wandb_runs(trainer: pl.Trainer) -> Iterator[WandbLogger]:
    """List the loggers of a trainer that have a W&B run in this process."""
    for logger in trainer.loggers:
        if isinstance(logger, AutoWandbLogger):
            if logger.run is not None:
                yield logger
        elif isinstance(logger, WandbLogger) and trainer.is_global_zero:
            yield logger


def log_media(trainer: pl.Trainer, make: Callable[[Any], Mapping[str, Any]]) -> None:
    """Log tables, pictures, pages or sounds to every W&B run of a trainer.

    Any process may call it; only the first has a run, and without one nothing is made.

    Args:
        trainer: Whose runs, and at whose step.
        make: Makes, from the module `wandb`, a mapping from names to media, such as
            `lambda wandb: {"scores/first": wandb.Html(page, inject=False)}`.
    """
    for logger in wandb_runs(trainer):
        import wandb  # noqa: PLC0415  # here it is loaded already

        # As a figure beside it: of wandb's own `step` it drops all that are lower than one it has seen.
        try:
            entries = make(wandb)
        except Exception as error:  # whatever it is, training is worth more
            rank_zero_warn(f"What W&B would show can't be made ({_in_short(error)}); the figures are logged.")
            continue
        logger.log_metrics(entries, trainer.global_step)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence wandb on the console, and restore the process's setting."""
    import wandb  # noqa: PLC0415  # half a second that only runs of W&B should pay

    settings = wandb.setup().settings
    silent = settings.silent
    wandb.setup(settings=wandb.Settings(silent=True))
    wandb.termsetup(settings, None)
    try:
        yield
    finally:
        wandb.setup(settings=wandb.Settings(silent=silent))
        wandb.termsetup(settings, None)


@contextmanager
def _data_in(folder: Path | None) -> Iterator[None]:
    """Make wandb keep its later uploads in a folder, unless that is None or WANDB_DATA_DIR names another."""
    if folder is None or "WANDB_DATA_DIR" in os.environ:
        yield
        return
    os.environ["WANDB_DATA_DIR"] = str(folder)
    try:
        yield
    finally:
        del os.environ["WANDB_DATA_DIR"]


def _is_first_process() -> bool:
    return bool(getattr(rank_zero_only, "rank", 0) == 0)


def _upload(run: Any, path: str) -> None:
    """Keep a checkpoint as an artifact."""
    import wandb  # noqa: PLC0415  # here it is loaded already

    artifact = wandb.Artifact(f"{PROJECT}-{run.id}", type="model")
    artifact.add_file(path, name="best.ckpt")
    run.log_artifact(artifact, aliases=["best", "latest"])


def _in_short(error: Exception) -> str:
    """Put an error's message on one line."""
    return " ".join(str(error).split())[:300] or type(error).__name__
