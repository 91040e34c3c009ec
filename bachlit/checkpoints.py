"""Checkpoints on disk: whole or not there, and read without running anything that is in them."""

import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import torch

from bachlit.errors import CheckpointError
from bachlit.files import clear_parts, write_whole

LAST, BEFORE = "last.ckpt", "last-before.ckpt"
"""The checkpoint that a fit goes on from, and the one before it."""


def write_checkpoint(path: Path, checkpoint: dict[str, Any]) -> None:
    """Write a checkpoint, safe from a crash of the machine too; what was there stays until the new one is whole.

    Raises:
        CheckpointError: If there is no room for it, or the folder can't be written.
    """
    content = io.BytesIO()
    torch.save(checkpoint, content)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        clear_parts(path)  # before, as what killed processes left may take the room
        write_whole(path, content.getvalue(), durable=True)
    except OSError as error:
        kept = f"The one from before, {path}, is whole. " if path.is_file() else ""
        raise CheckpointError(
            f"The checkpoint {path} can't be written ({error.strerror or error}), so training stops. {kept}Make room, "
            "or let its folder be written, and go on with --ckpt_path and the last one."
        ) from error


def keep_before(path: Path) -> None:
    """Let a checkpoint have the name of the one before it, too, so that another can take its place.

    Raises:
        CheckpointError: If it can't; both are as they were.
    """
    before = path.with_name(BEFORE)
    part = before.with_name(f".{BEFORE}.{os.getpid()}.part")
    try:
        try:
            part.unlink(missing_ok=True)
            os.link(path, part)
            part.replace(before)
        except OSError:  # some file systems have no links
            write_whole(before, path.read_bytes(), durable=True)
    except OSError as error:
        raise CheckpointError(
            f"The checkpoint {before} can't be written ({error.strerror or error}), so training stops. {path} is "
            "whole. Make room, or let its folder be written, and go on with --ckpt_path and that."
        ) from error


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint as plain data and tensors on the CPU, all of whose bytes are as they were written.

    Raises:
        CheckpointError: If there is none, it is damaged, or it holds anything else, which isn't run.
    """
    if not path.is_file():
        raise CheckpointError(
            f"There is no checkpoint {path}; expected a file that `bachlit fit` wrote, or a run's name; correct it."
        )
    try:
        # PyTorch doesn't compare the checksums that it writes.
        with zipfile.ZipFile(path) as archive:
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
                raise ValueError("compressed")
            broken = archive.testzip()
        if broken is not None:
            raise ValueError(f"its part {broken} was changed")
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(checkpoint, dict):
            raise TypeError("no mapping")
    except Exception as error:  # unpickling fails in many ways
        raise _damaged(path, error) from error
    return checkpoint


def read_options(path: Path) -> dict[str, Any]:
    """Read the options that a checkpoint remembers, as plain data, without reading its weights.

    Raises:
        CheckpointError: If it is damaged, as far as can be seen so, or remembers none.
    """
    try:
        options = json.loads(torch.load(path, map_location="cpu", weights_only=True, mmap=True)["bachlit_options"])
        if not isinstance(options, dict):
            raise TypeError("no mapping")
    except Exception as error:  # unpickling fails in many ways
        raise _damaged(path, error) from error
    return options


def _damaged(path: Path, error: Exception) -> CheckpointError:
    reason = str(error) if isinstance(error, ValueError) else type(error).__name__
    return CheckpointError(
        f"{path} isn't a checkpoint of bachlit, or is damaged ({reason}); expected a file that `bachlit fit` "
        f"wrote.{_other(path)}"
    )


def _other(path: Path) -> str:
    """Where there is another to go on from."""
    if path.name != LAST:
        return ""
    before = path.with_name(BEFORE)
    try:
        read_checkpoint(before)
    except CheckpointError:
        return ""
    return f" The one before it, {before}, is whole: name that."
