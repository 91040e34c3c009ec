"""Several tunes of `bachlit harmonize` in one process: one model, and batches of tunes where these are faster."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from bachlit.commands.batch import Job, Outcome
from bachlit.commands.task import Task
from bachlit.generation.requests import Request, fill_all
from bachlit.generation.written import Filled
from bachlit.models.language_model import LanguageModel
from bachlit.rendering.output import write


class Several:
    """Harmonise tunes together, each as it would be alone.

    Args:
        task: What is done with each.
        folder: Folder of their files.
    """

    def __init__(self, task: Task, folder: Path) -> None:
        self._task, self._folder = task, folder

    @cached_property
    def _model(self) -> LanguageModel:
        return self._task.load()

    def __call__(self, jobs: Sequence[Job]) -> list[Outcome]:
        """Harmonise tunes and write their files; an error of one stops no other."""
        outcomes = [Outcome() for _ in jobs]
        requests: dict[int, Request] = {}
        for index, job in enumerate(jobs):
            with outcomes[index].noting():
                requests[index] = self._task.ask(self._model, job)
        for index, filled in fill_all(requests):
            with outcomes[index].noting():
                outcomes[index].files = self._write(jobs[index], filled())
        return outcomes

    def _write(self, job: Job, filled: Filled) -> list[Path]:
        filled.warn()
        files = self._task.files(job, filled.pieces, f"{self._folder}/", job.name)
        return write(files, self._task.places.refusal(job))
