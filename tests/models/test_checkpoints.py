"""A checkpoint is no larger in memory than its file, whatever stands in it."""

import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from bachlit.errors import CheckpointError
from bachlit.models.checkpoints import read_checkpoint


def text(value: str) -> bytes:
    """A text, as pickles write it."""
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def encoded(times: int) -> bytes:
    """Bytes that double as often as they are encoded."""
    value = text("x" * 1000)
    for codec in ["utf-8", *["hex"] * times]:
        value = b"c_codecs\nencode\n" + value + text(codec) + b"\x86R"
    return value


SWELLING = {
    "encoded bytes": encoded(40),
    "many bytes": b"c__builtin__\nbytearray\n\x8a\x06" + (10**12).to_bytes(6, "little") + b"\x85R",
}


def rewritten(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Change the pickle in a checkpoint."""
    with zipfile.ZipFile(path) as archive:
        parts = {part.filename: archive.read(part) for part in archive.infolist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, change(content) if name.endswith("data.pkl") else content)


@pytest.mark.parametrize("kind", SWELLING)
def test_bytes_that_swell_are_refused_before_they_do(kind: str, tmp_path: Path) -> None:
    torch.save({"state_dict": {}}, tmp_path / "a.ckpt")
    rewritten(tmp_path / "a.ckpt", lambda pickle: pickle[:-1] + text("more") + SWELLING[kind] + b"s.")
    with pytest.raises(CheckpointError, match="it holds bytes"):
        read_checkpoint(tmp_path / "a.ckpt")


TENSORS = {
    "one that repeats its number": torch.zeros(1).expand(10**10),
    "many that share theirs": [torch.zeros(1000)[:] for _ in range(3)] * 100,
    "one of no numbers": torch.empty(10**10, device="meta"),
    "one of few": torch.sparse_coo_tensor(torch.zeros(1, 1).long(), torch.ones(1), (10**10,), check_invariants=True),
}


@pytest.mark.parametrize("kind", TENSORS)
def test_tensors_of_more_numbers_than_are_stored_are_refused(kind: str, tmp_path: Path) -> None:
    torch.save({"optimizer_states": [{"state": TENSORS[kind]}]}, tmp_path / "a.ckpt")
    with pytest.raises(CheckpointError, match="more numbers than it stores"):
        read_checkpoint(tmp_path / "a.ckpt")


def test_tied_weights_and_what_holds_itself_are_read(tmp_path: Path) -> None:
    tied = torch.arange(1000.0)
    checkpoint = {"a": tied, "b": tied.view(10, 100), "c": [tied]}
    checkpoint["c"].append(checkpoint["c"])
    torch.save(checkpoint, tmp_path / "a.ckpt")
    assert torch.equal(read_checkpoint(tmp_path / "a.ckpt")["b"].flatten(), tied)


def test_an_archive_that_pytorch_would_not_read_as_one_is_refused(tmp_path: Path) -> None:
    """PyTorch looks at a file's first bytes, and reads an old format, without checksums, where they are others."""
    torch.save({"old": 1}, tmp_path / "old.ckpt", _use_new_zipfile_serialization=False)
    torch.save({"new": 1}, tmp_path / "new.ckpt")
    both = (tmp_path / "old.ckpt").read_bytes() + (tmp_path / "new.ckpt").read_bytes()
    (tmp_path / "both.ckpt").write_bytes(both)
    assert torch.load(tmp_path / "both.ckpt", weights_only=True) == {"old": 1}
    with pytest.raises(CheckpointError, match="something stands before it"):
        read_checkpoint(tmp_path / "both.ckpt")


def test_parts_that_lie_over_each_other_are_refused(tmp_path: Path) -> None:
    """Each is read to compare its checksum: ten thousand names of one large part would take hours."""
    torch.save({"a": torch.zeros(1000)}, tmp_path / "a.ckpt")
    with zipfile.ZipFile(tmp_path / "a.ckpt", "a") as archive:
        archive.filelist += archive.filelist * 3
        archive.writestr("more", "")
    with pytest.raises(CheckpointError, match="lie over each other"):
        read_checkpoint(tmp_path / "a.ckpt")
