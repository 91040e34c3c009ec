"""Distillation: an ensemble's mean, music that it invents, and lessons that go through a file."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from few import Few
from processes import QUIET, few_pieces
from sizes import LARGE

from bachlit.distill import __main__ as command
from bachlit.distill import preparing
from bachlit.distill.ensemble import Ensemble
from bachlit.distill.inventing import invent
from bachlit.distill.teaching import encoded, ensemble_of, soft_targets
from bachlit.encoding import SatbEncoding
from bachlit.errors import CorpusError, OptionError
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import RANGES, Chorale
from bachlit.networks import FrameLSTM, TokenLSTM
from bachlit.training.data import ChoraleDataModule
from bachlit.training.lessons import Lessons, Taught, lessons_file, read_lessons
from bachlit.training.losses import soft_cross_entropy
from bachlit.training.model import ChoraleModel
from bachlit.training.windows import IGNORED, Lesson

ROOT = Path(__file__).parents[2]
ENCODING = SatbEncoding(bars=True, unknown_fermatas=True)


def network(seed: int, **options: int) -> FrameLSTM:
    torch.manual_seed(seed)
    made = FrameLSTM(ENCODING, **{"layers": 1, "hidden": 8, "embedding": 4, "head": 4} | options).eval()  # type: ignore[arg-type]
    for weights in made.parameters():  # apart from each other
        weights.data += 0.3 * torch.randn_like(weights)
    return made


def tokens_of(bach: list[Chorale], num: int = 2, frames: int = 20) -> torch.Tensor:
    streams = [ENCODING.encode(piece)[: 1 + 5 * frames] for piece in bach if piece.num_frames > frames]
    return torch.from_numpy(np.stack(streams[:num]))


@torch.no_grad()
def test_an_ensemble_gives_the_mean_of_the_probabilities(bach: list[Chorale]) -> None:
    networks, tokens = [network(0), network(1)], tokens_of(bach)
    together = Ensemble(networks).eval()
    logits, _ = together(tokens, together.initial_memory(2))
    each = [one(tokens, one.initial_memory(2))[0].softmax(-1) for one in networks]
    assert (each[0] - each[1]).abs().max() > 0.1
    assert torch.allclose(logits.exp(), (each[0] + each[1]) / 2, atol=1e-5)


@torch.no_grad()
def test_who_is_named_twice_counts_twice_and_is_computed_once(bach: list[Chorale]) -> None:
    one, other = (LanguageModel(network(seed), ENCODING) for seed in (0, 1))
    tokens = tokens_of(bach)

    def expected(*models: LanguageModel) -> torch.Tensor:
        together = ensemble_of(models, 3).network
        memory = together.initial_memory(2)
        sizes[models] = len(memory)
        return together(tokens, memory)[0].exp()

    sizes = dict[tuple[LanguageModel, ...], int]()
    first, second, thrice = expected(one), expected(other), expected(one, other, one)
    assert (first - second).abs().max() > 0.1
    assert torch.allclose(thrice, (2 * first + second) / 3, atol=1e-5)
    assert sizes[one, other, one] == sizes[one,] + sizes[other,]


@torch.no_grad()
def test_an_ensemble_of_any_networks_steps_reads_and_selects_as_it_goes_forward(bach: list[Chorale]) -> None:
    torch.manual_seed(0)
    heard = network(0, views=3)
    together = Ensemble([heard, TokenLSTM(ENCODING, layers=1, hidden=8, embedding=4).eval(), network(1), heard])
    together.eval()
    tokens = tokens_of(bach)
    whole, _ = together(tokens, together.initial_memory(2))
    stepper = together.stepper()
    assert stepper is not None
    memory, order = stepper.begin(2), torch.tensor([1, 0])
    stepped = []
    for last in tokens[:, :40].unbind(1):
        log_probs, memory = stepper.step(last, memory)
        stepped.append(log_probs)
    read, memory = stepper.read(tokens[order, 40:], stepper.select(memory, order))
    found = torch.cat([torch.stack(stepped, 1), read[order]], 1)
    assert torch.allclose(found.exp(), whole.exp(), atol=1e-4)


def test_no_networks_make_no_ensemble_and_unlike_models_none_either() -> None:
    with pytest.raises(OptionError, match="at least one"):
        Ensemble([])
    other = LanguageModel(FrameLSTM(SatbEncoding(), layers=1, hidden=8, embedding=4, head=4), SatbEncoding())
    with pytest.raises(OptionError, match="differ"):
        ensemble_of([LanguageModel(network(0), ENCODING), other], 1)
    with pytest.raises(OptionError, match="views"):
        ensemble_of([LanguageModel(TokenLSTM(ENCODING, layers=1, hidden=8, embedding=4), ENCODING)], 3)


def test_what_is_invented_keeps_the_grammar_the_marks_and_some_passages(bach: list[Chorale]) -> None:
    pieces = sorted(bach, key=lambda piece: piece.num_frames)[:24]
    model = LanguageModel(network(0), ENCODING)
    invented = invent(model, pieces, seeds=range(24), together=7)
    sopranos = 0
    for piece, tokens in zip(pieces, invented, strict=True):
        written = ENCODING.decode(tokens)
        assert written.num_frames == piece.num_frames
        assert np.array_equal(ENCODING.marks(written), ENCODING.marks(piece))
        moved = piece.transpose(written.key.tonic - piece.key.parallel.tonic)
        same = (written.pitches - moved.pitches) % 12 == 0
        sopranos += bool(same[:, 0].all())
        assert not same.all()
    assert 3 < sopranos < 21
    again = invent(model, pieces, seeds=range(24), together=24)
    assert all(np.array_equal(one, other) for one, other in zip(invented, again, strict=True))


@torch.no_grad()
def test_soft_targets_are_the_likeliest_tokens_of_each_piece_alone(bach: list[Chorale]) -> None:
    together = Ensemble([network(0), network(1)]).eval()
    pieces = [ENCODING.encode(piece) for piece in bach[:5]]
    for tokens, (ids, shares) in zip(pieces, soft_targets(together, pieces, together=3), strict=True):
        stream = torch.from_numpy(tokens)[None]
        logits, _ = together(stream[:, :-1], together.initial_memory(1))
        expected = logits[0].softmax(-1)
        assert len(ids) == len(tokens) - 1
        assert np.allclose(shares.sum(1), 1, atol=1e-5)
        likeliest = expected.max(1).values.numpy()
        assert np.allclose(shares[:, 0], likeliest / expected.topk(12).values.sum(1).numpy(), atol=1e-4)
        assert np.allclose(expected.gather(1, torch.from_numpy(ids)).numpy()[:, 0], likeliest, atol=1e-5)


def test_a_piece_is_taught_with_and_without_its_fermatas(bach: list[Chorale]) -> None:
    piece = next(piece for piece in bach if piece.fermatas.any())
    bare = replace(piece, fermatas=np.zeros(piece.num_frames, np.bool_))
    assert [len(encoded(ENCODING, one)) for one in (piece, bare)] == [2, 1]
    assert len(encoded(SatbEncoding(), piece)) == 1


def taught(pieces: list[Chorale], num_invented: int = 2) -> list[Taught]:
    """Lessons of an untrained teacher; what it invents are the pieces, transposed."""
    teacher = network(0)
    made = []
    for piece in pieces:
        streams = encoded(ENCODING, piece) + [ENCODING.encode(piece.transpose(num)) for num in range(num_invented)]
        lessons = [
            Lesson(*one) for one in zip(streams, *zip(*soft_targets(teacher, streams), strict=True), strict=True)
        ]
        split = len(lessons) - num_invented
        made.append(Taught(piece.name, lessons[:split], lessons[split:]))
    return made


@pytest.fixture
def lessons(tmp_path: Path, bach: list[Chorale]) -> Path:
    path = tmp_path / "lessons.safetensors"
    path.write_bytes(lessons_file(taught(bach[:6]), ENCODING))
    return path


def in_range(piece: Chorale) -> bool:
    sung = [column[column > 0] for column in piece.pitches.T]
    return all(low <= one.min() <= one.max() <= high for one, (low, high) in zip(sung, RANGES.values(), strict=True))


def test_lessons_go_through_a_file(lessons: Path, bach: list[Chorale]) -> None:
    for found, expected in zip(read_lessons(lessons, ENCODING), taught(bach[:6]), strict=True):
        assert found.name == expected.name
        for kind in (1, 2):
            for one, other in zip(found[kind], expected[kind], strict=True):
                assert np.array_equal(one.tokens, other.tokens)
                assert np.array_equal(one.ids, other.ids)
                assert np.allclose(one.shares, other.shares, atol=1e-3)


def test_an_epoch_has_each_piece_and_its_variants_in_keys_that_fit_the_voices(
    lessons: Path, bach: list[Chorale]
) -> None:
    pieces = Lessons(lessons, invented=1, hard_share=0.25).pieces(
        ENCODING, [piece.name for piece in bach[:6]], "all", drop_fermatas=0.5
    )
    keys = set()
    bare = 0
    for epoch in range(8):
        drawn = pieces.draw(np.random.default_rng(epoch))
        assert [len(lesson.tokens) for lesson in drawn] == [
            5 * piece.num_frames + 2 for piece in bach[:6] for _ in range(2)
        ]
        for index, lesson in enumerate(drawn):
            written = ENCODING.decode(lesson.tokens)
            moved = bach[index // 2].transpose(written.key.tonic - bach[index // 2].key.parallel.tonic)
            assert ((written.pitches - moved.pitches) % 12 == 0).all()
            source = bach[index // 2]
            assert in_range(written) or not in_range(source) or not in_range(source.transpose(1))
            assert np.allclose(lesson.shares.sum(1), 1, atol=1e-3)
            hard = lesson.shares[:, -1]
            assert np.array_equal(lesson.ids[:, -1], lesson.tokens[1:])
            assert np.allclose(hard, 0 if index % 2 else 0.25)
            # A voice's targets are in the key of its tokens.
            voices = ENCODING.slot_tokens[(np.arange(len(lesson.ids))) % 5, lesson.ids[:, 0]]
            assert voices.all()
            keys.add(written.key)
            bare += index % 2 == 0 and not written.fermatas.any()
    assert len(keys) > 6
    assert 0 < bare < 8 * 6


def test_targets_are_transposed_with_their_piece(lessons: Path, bach: list[Chorale]) -> None:
    pieces = Lessons(lessons, invented=0, hard_share=0.0).pieces(ENCODING, [one.name for one in bach[:6]], "all")
    home = Lessons(lessons, invented=0, hard_share=0.0).pieces(ENCODING, [one.name for one in bach[:6]], "written")
    drawn, written = (some.draw(np.random.default_rng(3)) for some in (pieces, home))
    moves = set()
    for one, other in zip(drawn, written, strict=True):
        here, there = ENCODING.decode(one.tokens).pitches.astype(int), ENCODING.decode(other.tokens).pitches
        [move] = np.unique((here - there)[there > 0])
        assert np.array_equal(one.ids, ENCODING.transposition(int(move))[other.ids])
        moves.add(int(move))
    assert len(moves) > 1


def test_a_window_has_the_targets_of_its_steps(lessons: Path, bach: list[Chorale]) -> None:
    data = ChoraleDataModule(
        Few(bach[:8], held_out=(1, 1)), encoding=ENCODING, lessons=Lessons(lessons, hard_share=1.0), lanes=3, window=100
    )
    data.setup("fit")
    for window in data.train_dataloader():
        assert window.soft is not None
        real = window.targets != IGNORED
        assert torch.equal(window.soft.ids[..., -1][real], window.targets[real])
        assert (window.soft.shares[~real] == 0).all()
    assert all(window.soft is None for window in data.val_dataloader())


def test_lessons_of_other_pieces_or_another_encoding_are_refused(lessons: Path, bach: list[Chorale]) -> None:
    names = [piece.name for piece in bach[:6]]
    with pytest.raises(CorpusError, match="aren't the 5 of the training fold"):
        Lessons(lessons).pieces(ENCODING, names[:5], "all")
    with pytest.raises(CorpusError, match="expected the same"):
        Lessons(lessons).pieces(SatbEncoding(), names, "all")
    with pytest.raises(CorpusError, match="expected at least 3"):
        Lessons(lessons, invented=3).pieces(ENCODING, names, "all")
    with pytest.raises(OptionError, match="C major"):
        Lessons(lessons).pieces(ENCODING, names, "home")
    with pytest.raises(OptionError, match="hard share"):
        Lessons(lessons, hard_share=1.5)
    damaged = lessons.with_name("damaged")
    for content in (b"", b"no lessons", lessons.read_bytes()[:-7]):
        damaged.write_bytes(content)
        with pytest.raises(CorpusError, match="holds no lessons"):
            Lessons(damaged).pieces(ENCODING, names, "all")
    with pytest.raises(CorpusError, match="holds no lessons"):
        Lessons(lessons.with_name("absent")).pieces(ENCODING, names, "all")


@pytest.mark.parametrize("consistency", [0.0, 0.5])
def test_a_student_comes_to_expect_what_its_teacher_expects(
    lessons: Path, bach: list[Chorale], tmp_path: Path, consistency: float
) -> None:
    pl.seed_everything(0, verbose=False)
    data = ChoraleDataModule(
        Few(bach[:8], held_out=(1, 1)), encoding=ENCODING, lessons=Lessons(lessons, hard_share=0.0), lanes=3, window=100
    )
    model = ChoraleModel(
        partial(FrameLSTM, layers=1, hidden=16, embedding=8, head=8),
        encoding=ENCODING,
        optimizer=lambda parameters: torch.optim.Adam(parameters, lr=0.01),
        consistency=consistency,
    )
    expected = [lesson for one in read_lessons(lessons, ENCODING) for lesson in one.own]

    @torch.no_grad()
    def excess() -> float:
        """Nats per step by which the student's predictions cost more than the teacher's own."""
        network, total = model.network.eval(), 0.0
        for tokens, *soft in expected:
            stream = torch.from_numpy(tokens.astype(np.int64))[None]
            logits, _ = network(stream[:, :-1], network.initial_memory(1))
            ids, shares = torch.from_numpy(soft[0].astype(np.int64)), torch.from_numpy(soft[1]).float()
            total += float(soft_cross_entropy(logits[0], ids, shares) - torch.special.entr(shares).sum(1).mean())
        return total / len(expected)

    before = excess()
    options = {"enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
    pl.Trainer(max_epochs=5, accelerator="cpu", logger=False, default_root_dir=tmp_path, **options).fit(model, data)
    assert excess() < 0.85 * before


def test_soft_targets_that_are_certain_are_hard_ones() -> None:
    torch.manual_seed(0)
    logits, targets = torch.randn(50, 9), torch.randint(9, (50,))
    certain = torch.zeros(50, 4)
    certain[:, 2] = 1.0
    ids = torch.randint(9, (50, 4)).index_copy(1, torch.tensor([2]), targets[:, None])
    assert torch.isclose(soft_cross_entropy(logits, ids, certain), torch.nn.functional.cross_entropy(logits, targets))


def distill(checkpoint: Path, output: Path, *options: str) -> int:
    return command.main(["--teacher", str(checkpoint), "--output", str(output), "--limit=3", "--views=1", *options])


def test_the_command_goes_on_from_what_it_kept_and_can_add_variants(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, output = tmp_path / "teacher", tmp_path / "lessons.safetensors"
    LanguageModel(network(0), ENCODING).save(model)
    assert distill(model, output, "--invented=1") == 0
    once = output.read_bytes()
    output.unlink()
    with monkeypatch.context() as patched:
        patched.setattr(preparing, "invent", None)  # nothing is written anew
        assert distill(model, output, "--invented=1") == 0
    assert output.read_bytes() == once
    with monkeypatch.context() as patched:  # nor is it given to processes, which would be killed
        patched.setattr(preparing, "in_processes", lambda start, parts, num: [(part, None) for part in parts])
        assert distill(model, output, "--invented=1", "--workers=2") == 0
    assert distill(model, output, "--invented=2") == 0
    assert [len(one.invented) for one in read_lessons(output, ENCODING)] == [2, 2, 2]
    other = tmp_path / "other"
    LanguageModel(network(1), ENCODING).save(other)
    capsys.readouterr()
    assert distill(other, output) == 2
    assert "the work of another model" in capsys.readouterr().err


def test_workers_make_the_same_lessons(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    teachers = [tmp_path / "one", tmp_path / "two"]
    for seed, folder in enumerate(teachers):
        LanguageModel(network(seed), ENCODING).save(folder)
    made = []
    for workers in (1, 2):
        output = tmp_path / f"by{workers}.safetensors"
        assert distill(teachers[0], output, f"--teacher={teachers[1]}", "--invented=2", f"--workers={workers}") == 0
        made.append(
            (
                output.read_bytes(),
                sorted(line.rpartition(": ")[2] for line in capsys.readouterr().out.splitlines()[:-1]),
            )
        )
    assert made[0] == made[1]


def test_a_teacher_who_is_named_twice_is_loaded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    teachers = [tmp_path / "one", tmp_path / "two"]
    for seed, folder in enumerate(teachers):
        LanguageModel(network(seed), ENCODING).save(folder)
    loaded = list[LanguageModel]()
    monkeypatch.setattr(
        preparing, "ensemble_of", lambda models, views: loaded.extend(models) or ensemble_of(models, views)
    )
    output = tmp_path / "lessons.safetensors"
    assert distill(teachers[0], output, *(f"--teacher={one}" for one in teachers), "--invented=0") == 0
    one, again, other = loaded
    assert one is again is not other


def test_a_worker_that_is_killed_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, output = tmp_path / "teacher", tmp_path / "lessons.safetensors"
    LanguageModel(network(0), ENCODING).save(model)
    with monkeypatch.context() as patched:
        patched.setattr(preparing, "in_processes", lambda start, parts, num: [(parts[0], [True]), (parts[1], None)])
        assert distill(model, output, "--invented=1", "--workers=2") == 2
    assert "--workers 1" in capsys.readouterr().err
    assert not output.exists()


@pytest.mark.parametrize(
    "options", [["--views=0"], ["--workers=0"], ["--invented=-1"], ["--teacher=nowhere"], ["--import=nowhere_at_all"]]
)
def test_what_cant_be_distilled_is_told_in_a_sentence(
    tmp_path: Path, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    LanguageModel(network(0), ENCODING).save(tmp_path / "teacher")
    assert distill(tmp_path / "teacher", tmp_path / "lessons.safetensors", *options) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not list(tmp_path.glob("lessons*"))


@pytest.mark.skipif(not LARGE, reason="nine fits and their lessons")
def test_the_script_goes_from_nothing_to_a_student_s_student(tmp_path: Path, bach: list[Chorale]) -> None:
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    few = few_pieces(tmp_path, bach)
    tiny = ["--model.network.hidden=8", "--model.network.head=8", "--data.lanes=2", "--trainer.max_epochs=1"]
    command = ["sh", str(ROOT / "examples" / "distil.sh"), "configs/jsb16.yaml", *few, *QUIET, *tiny]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    for generation in ("", "-2", "-3"):
        student = LanguageModel.load(tmp_path / "runs" / f"jsb16-student{generation}" / "checkpoints" / "best.ckpt")
        assert student.network.config["dropout"] == 0.1
        path = tmp_path / f"jsb16-lessons{generation}.safetensors"
        lessons = read_lessons(path, student.voiced_encoding)
        assert [len(one.invented) for one in lessons] == [10] * 6
        path.unlink()  # whoever judges a student needs none
    mean, *both = (
        LanguageModel.load(tmp_path / path).network.state_dict()
        for path in ("jsb16-taught", "runs/jsb16-student-3", "runs/jsb16-student-4")
    )
    for name, part in mean.items():
        torch.testing.assert_close(part, torch.stack([one[name] for one in both]).mean(0))
    judged = [sys.executable, "-m", "bachlit", "test", "--ckpt_path=jsb16-taught", *few, *QUIET]
    subprocess.run(judged, cwd=tmp_path, env=environment, check=True)
