"""Checkpoints on disk: written whole or not at all, read without running anything."""

import io
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor

from bachlit.errors import CheckpointError
from bachlit.files.writing import clear_parts, write_whole
from bachlit.models.runs import BEFORE, LAST, refuse_no_checkpoint

# Functions that PyTorch calls to make bytes: a few nested calls fill any memory.
_SWELLING = (b"codecs\nencode\n", b"\nbytearray\n")
# Bound on all tensors' size, in sizes of the file: some share storage, such as tied weights.
_MOST_SHARING = 4


def write_checkpoint(path: Path, checkpoint: dict[str, Any]) -> None:
    """Write a checkpoint durably; the existing one stays until the new one is whole.

    Raises:
        CheckpointError: If there is no room for it, or the folder can't be written.
    """
    content = io.BytesIO()
    torch.save(checkpoint, content)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        clear_parts(path)  # first, since files of killed processes may fill the disk
        write_whole(path, content.getvalue(), durable=True)
    except OSError as error:
        kept = f"The one from before, {path}, is whole. " if path.is_file() else ""
        raise CheckpointError(
            f"The checkpoint {path} can't be written ({error.strerror or error}), so training stops. {kept}Make room, "
            "or let its folder be written, and go on with --ckpt_path and the last one."
        ) from error


def keep_before(path: Path) -> None:
    """Keep a checkpoint as the predecessor, so that a new one can replace it.

    Raises:
        CheckpointError: If it can't; both stay as they were.
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
    """Read a checkpoint as plain data and tensors on the CPU, and verify its checksums.

    Raises:
        CheckpointError: If there is none, it is damaged, or it holds anything else, which isn't run.
    """
    refuse_no_checkpoint(path)
    try:
        checkpoint = _load(path)
        if not isinstance(checkpoint, dict):
            raise TypeError("no mapping")
        _refuse_swollen(checkpoint, path.stat().st_size)
    except Exception as error:  # unpickling fails in many ways
        raise _damaged(path, error) from error
    return checkpoint


def _load(path: Path, *, mmap: bool = False) -> Any:
    """Read a file without running it, and verify its checksums.

    Args:
        path: The file.
        mmap: Leave tensors on the disk until they are used.
    """
    # PyTorch doesn't verify the checksums that it writes.
    with path.open("rb") as file, zipfile.ZipFile(file) as archive:
        _refuse_packed(file, archive)
        broken = archive.testzip()
    if broken is not None:
        raise ValueError(f"its part {broken} was changed")
    return torch.load(path, map_location="cpu", weights_only=True, mmap=mmap)


def _refuse_packed(file: IO[bytes], archive: zipfile.ZipFile) -> None:
    """Refuse an archive that is larger unpacked, or that PyTorch wouldn't read as one.

    Raises:
        ValueError: If it is.
    """
    file.seek(0)
    if file.read(4) != b"PK\x03\x04":
        raise ValueError("something stands before it")
    parts = archive.infolist()
    if any(part.compress_type != zipfile.ZIP_STORED for part in parts):
        raise ValueError("compressed")
    if sum(part.file_size for part in parts) > file.seek(0, io.SEEK_END):
        raise ValueError("its parts lie over each other")
    for part in parts:
        # PyTorch ignores case.
        if part.filename.lower().endswith("data.pkl") and any(name in archive.read(part) for name in _SWELLING):
            raise ValueError("it holds bytes")


def _refuse_swollen(checkpoint: Mapping[str, Any], size: int) -> None:
    """Refuse tensors with more numbers than a file of `size` bytes stores, or stored elsewhere.

    Raises:
        ValueError: If there are some.
    """
    left, seen, values = _MOST_SHARING * size, set[int](), [checkpoint]
    while values:
        value: Any = values.pop()
        if isinstance(value, Tensor):
            left -= value.numel() * value.element_size()
            if value.layout is not torch.strided or value.device.type != "cpu" or left < 0:
                raise ValueError("its tensors have more numbers than it stores")
        elif isinstance(value, Mapping | list | tuple | set) and id(value) not in seen:
            seen.add(id(value))
            values.extend(value.values() if isinstance(value, Mapping) else value)


def read_options(path: Path) -> dict[str, Any]:
    """Read the options that a checkpoint remembers, as plain data, without reading its weights.

    Raises:
        CheckpointError: If it is damaged, or remembers none.
    """
    try:
        options = json.loads(_load(path, mmap=True)["bachlit_options"])
        if not isinstance(options, dict):
            raise TypeError("no mapping")
    except Exception as error:  # unpickling fails in many ways
        raise _damaged(path, error) from error
    return options


def epochs_in(path: Path) -> int | None:
    """Read how many epochs a checkpoint's weights were trained for, the last one perhaps in part; None if unknown."""
    try:
        epoch = _load(path, mmap=True)["epoch"]
    except Exception:  # unpickling fails in many ways
        return None
    return epoch + 1 if isinstance(epoch, int) else None


def _damaged(path: Path, error: Exception) -> CheckpointError:
    reason = str(error) if isinstance(error, ValueError) else type(error).__name__
    return CheckpointError(
        f"{path} isn't a checkpoint of bachlit, or is damaged ({reason}); expected a file that `bachlit fit` "
        f"wrote.{_other(path)}"
    )


def _other(path: Path) -> str:
    """Name another checkpoint to resume from, if there is one."""
    if path.name != LAST:
        return ""
    before = path.with_name(BEFORE)
    try:
        read_checkpoint(before)
    except CheckpointError:
        return ""
    return f" The one before it, {before}, is whole and can be named instead."
