"""The laws of saved models."""

import copy
import json
import math
import pickle
import re
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from bachlit.encoding import Encoding
from bachlit.errors import CheckpointError
from bachlit.models.language_model import LanguageModel
from bachlit.models.shipped import WEIGHTS
from bachlit.music.chorale import Chorale
from bachlit.music.keys import Key
from bachlit.networks import Network
from bachlit.testing import stepped_score
from bachlit.tokens import END, START


def tokens_of(model: LanguageModel, pieces: list[Chorale]) -> torch.Tensor:
    """Pieces as rows, filled with END."""
    rows = [torch.from_numpy(model.encoding.encode(piece))[1:] for piece in pieces]
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=END)


def test_a_piece_scored_at_once_or_step_by_step_is_the_same(any_model: LanguageModel, bach: list[Chorale]) -> None:
    tokens = tokens_of(any_model, bach[:3])
    with torch.no_grad():
        assert torch.allclose(any_model.score(tokens), stepped_score(any_model, tokens), atol=1e-2, rtol=1e-5)


def test_a_rows_score_does_not_depend_on_its_neighbours(any_model: LanguageModel, bach: list[Chorale]) -> None:
    together = any_model.score(tokens_of(any_model, bach[:3]))
    alone = torch.cat([any_model.score(tokens_of(any_model, [piece])) for piece in bach[:3]])
    assert torch.allclose(together, alone, rtol=1e-6)


def test_a_model_comes_back_from_its_folder(any_model: LanguageModel, bach: list[Chorale], tmp_path: Path) -> None:
    any_model.save(tmp_path / "model")
    loaded = LanguageModel.load(tmp_path / "model")
    tokens = tokens_of(any_model, bach[:2])
    assert torch.equal(loaded.score(tokens), any_model.score(tokens))
    assert loaded.describe() == any_model.describe()


def test_half_the_bytes_are_almost_the_same_model(
    any_model: LanguageModel, bach: list[Chorale], tmp_path: Path
) -> None:
    any_model.save(tmp_path / "whole")
    any_model.save(tmp_path / "half", precision=torch.float16)
    whole, half = ((tmp_path / name / "model.safetensors").stat().st_size for name in ("whole", "half"))
    assert half < 0.6 * whole
    loaded = LanguageModel.load(tmp_path / "half")
    assert {part.dtype for part in loaded.network.parameters()} == {torch.float32}
    start, *tokens = any_model.encoding.encode(any_model.at_home(bach[0]))
    scores = [model.score(torch.tensor([tokens]), torch.tensor([start])).item() for model in (any_model, loaded)]
    assert scores[0] == pytest.approx(scores[1], rel=1e-3)


def test_a_decoding_goes_on_as_it_began_whatever_begins_beside_it(any_model: LanguageModel) -> None:
    """As where a fit decodes between its epochs and another thread still decodes: all once had the last one's."""
    network = copy.deepcopy(any_model.network)
    model = LanguageModel(network, any_model.encoding, any_model.keys)
    tokens = torch.tensor([any_model.encoding.start(Key()), START])
    stepper = model.predictor()
    alone, _ = stepper.step(tokens, stepper.begin(2))
    memory = stepper.begin(2)
    network.train()
    for parameter in network.parameters():
        parameter.data.add_(torch.rand_like(parameter))
    other = model.predictor()
    assert not torch.allclose(other.step(tokens, other.begin(2))[0], alone)
    assert torch.equal(stepper.step(tokens, memory)[0], alone)


class Boom:
    """Runs code when it is unpickled by a reader that lets it."""

    def __reduce__(self) -> tuple[object, tuple[str, ...]]:
        return (open, ("boom", "w"))


@pytest.mark.parametrize("content", [b"", b"garbage", pickle.dumps({"state_dict": Boom()}), pickle.dumps([1, 2])])
def test_a_file_that_is_no_checkpoint_is_refused_and_runs_nothing(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.ckpt").write_bytes(content)
    with pytest.raises(CheckpointError, match="isn't a checkpoint"):
        LanguageModel.load(tmp_path / "model.ckpt")
    torch.save({"bachlit": Boom()}, tmp_path / "model.ckpt")
    with pytest.raises(CheckpointError, match="isn't a checkpoint"):
        LanguageModel.load(tmp_path / "model.ckpt")
    assert not (tmp_path / "boom").exists()


def test_a_model_that_is_not_there_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.ckpt", tmp_path):
        with pytest.raises(CheckpointError, match="no model at"):
            LanguageModel.load(path)


def test_cut_weights_are_refused(small_model: LanguageModel, tmp_path: Path) -> None:
    small_model.save(tmp_path)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="damaged"):
        LanguageModel.load(tmp_path)


def test_weights_that_are_nan_are_refused(any_model: LanguageModel, tmp_path: Path) -> None:
    any_model.save(tmp_path)
    weights = load_file(tmp_path / WEIGHTS)
    named = dict(any_model.network.named_parameters())
    statistics = [name for name in weights if "running" in name]  # in a TokenLSTM
    for name in [next(iter(named)), *statistics[-1:]]:
        spoilt = {one: part.clone() for one, part in weights.items()}
        spoilt[name].view(-1)[-1] = float("nan")
        save_file(spoilt, tmp_path / WEIGHTS)
        with pytest.raises(CheckpointError, match=re.escape(name)):
            LanguageModel.load(tmp_path)


def test_a_class_that_nobody_imported_is_refused_and_not_imported(small_model: LanguageModel, tmp_path: Path) -> None:
    small_model.save(tmp_path)
    description = json.loads((tmp_path / "model.json").read_text())
    description["network"]["class_path"] = "antigravity.Network"
    (tmp_path / "model.json").write_text(json.dumps(description))
    with pytest.raises(CheckpointError, match=r"antigravity.Network, which isn't known"):
        LanguageModel.load(tmp_path)


def test_a_network_of_ones_own_loads_once_it_is_imported(small_model: LanguageModel, tmp_path: Path) -> None:
    class Own(Network):
        def __init__(self, encoding: Encoding, *, bias: bool) -> None:
            super().__init__()
            self.config = {"bias": bias}
            self.embedding = torch.nn.Embedding(encoding.vocabulary_size, encoding.vocabulary_size)

        def initial_memory(self, batch_size: int) -> tuple[torch.Tensor, ...]:
            return ()

        def forward(
            self, tokens: torch.Tensor, memory: tuple[torch.Tensor, ...], prompt: torch.Tensor | None = None
        ) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
            return self.embedding(tokens), memory

    encoding = small_model.encoding
    LanguageModel(Own(encoding, bias=True), encoding, "home").save(tmp_path)
    loaded = LanguageModel.load(tmp_path)
    assert isinstance(loaded.network, Own)
    assert loaded.network.config == {"bias": True}


def test_a_format_of_another_time_is_refused(small_model: LanguageModel, tmp_path: Path) -> None:
    small_model.save(tmp_path)
    description = json.loads((tmp_path / "model.json").read_text()) | {"format": 99}
    (tmp_path / "model.json").write_text(json.dumps(description))
    with pytest.raises(CheckpointError, match="format 99"):
        LanguageModel.load(tmp_path)


def descriptions() -> Iterator[Any]:
    """Descriptions, of a model with a few thousand weights, that ask for more than a machine has, or for nonsense."""
    for size in (10**9, 10**20, 10**400, -1, 0, 1.5, "24", None, [24], {"a": 1}, math.nan, math.inf):
        for option in ("layers", "hidden", "embedding", "head", "head_layers", "projection", "views"):
            yield {"network": {option: size}}
        yield {"encoding": {"lowest": -size if isinstance(size, int) else size}}
        yield {"encoding": {"highest": size}}
    yield from ({"network": {"layers": 10**9, "hidden": 1}}, {"network": {"layers": 4, "hidden": 10**6}})
    yield from ({"network": {"a" * 10**7: 1}}, {"network": {"a\nb": 1}}, {"encoding": {"order": ["x" * 10**7] * 4}})


@pytest.mark.parametrize("kind", ["folder", "checkpoint"])
def test_weights_that_a_file_lacks_take_no_memory(kind: str, any_model: LanguageModel, tmp_path: Path) -> None:
    """A billion layers once filled the memory, until the machine ended the process or another."""
    for index, changes in enumerate(descriptions()):
        described = any_model.describe()
        for part, changed in changes.items():
            described[part]["init_args"] = described[part]["init_args"] | changed
        path = tmp_path / str(index)
        if kind == "folder":
            any_model.save(path)
            (path / "model.json").write_text(json.dumps(described))
        else:
            weights = {f"network.{name}": part for name, part in any_model.network.state_dict().items()}
            weights["network.none"] = torch.zeros(1).expand(10**15)  # as large as it likes in a file of no size
            torch.save({"bachlit": described, "state_dict": weights}, path)
        before = memory_peak()
        with pytest.raises(CheckpointError) as refused:
            LanguageModel.load(path)
        assert "\n" not in str(refused.value)
        assert len(str(refused.value)) < 1000
        assert memory_peak() - before < 300


def memory_peak() -> float:
    """The most memory that this process has had, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


@pytest.mark.parametrize(
    "spoil",
    {
        "a list": lambda folder: (folder / "model.json").write_text("[]"),
        "nested deeply": lambda folder: (folder / "model.json").write_text('{"a":' * 10**5),
        "not UTF-8": lambda folder: (folder / "model.json").write_bytes(b"\xff"),
        "of no format": lambda folder: (folder / "model.json").write_text(json.dumps({"format": ["x\n" * 10**6]})),
        "a checkpoint for weights": lambda folder: torch.save({}, folder / "model.safetensors"),
        "no weights": lambda folder: (folder / "model.safetensors").write_bytes(b""),
        "a folder for weights": lambda folder: ((folder / "model.safetensors").unlink(),
                                                (folder / "model.safetensors").mkdir()),
        "a huge header": lambda folder: (folder / "model.safetensors").write_bytes(b"\xff" * 7 + b"\x00{}"),
    }.items(),
    ids=lambda spoil: spoil[0],
)  # fmt: skip
def test_a_folder_that_is_no_model_is_refused_in_a_sentence(
    spoil: tuple[str, Callable[[Path], object]], small_model: LanguageModel, tmp_path: Path
) -> None:
    small_model.save(tmp_path)
    spoil[1](tmp_path)
    with pytest.raises(CheckpointError) as refused:
        LanguageModel.load(tmp_path)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 1000


def test_a_model_that_ships_is_found_by_its_name_unless_a_model_of_that_name_is_here(
    small_model: LanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bachbot").mkdir()  # some folder, but no model
    shipped = LanguageModel.load("bachbot")
    assert shipped.describe() != small_model.describe()
    small_model.save(tmp_path / "bachbot")
    assert LanguageModel.load("bachbot").describe() == small_model.describe()
    with pytest.raises(CheckpointError, match="or one that ships: bachbot, bachlit"):
        LanguageModel.load("bach-bot")
