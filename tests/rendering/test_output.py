"""Where nothing can be written, a command ends in one sentence, and leaves nothing half-written."""

import io
import json
from pathlib import Path

import disks
import numpy as np
import pypdfium2
import pytest
from matplotlib.image import imread

from bachlit.__main__ import main
from bachlit.errors import OptionError, ScoreError
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import VOICES, Chorale
from bachlit.rendering import pdf_of, png_of, svg_of, wav
from bachlit.rendering.look import Look
from bachlit.rendering.output import TRACKS, contents, engraved, places_for, write
from bachlit.scores import Mark, marked_musicxml, to_midi, write_musicxml

TWINKLE = Path(__file__).parents[2] / "examples" / "twinkle.musicxml"
QUICK = ["--trainer.accelerator=cpu", "--trainer.enable_progress_bar=false", "--trainer.enable_model_summary=false"]
TINY = ["--model.network.layers=1", "--model.network.hidden=8", "--model.network.embedding=4", "--data.lanes=2"]

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


@pytest.fixture
def model(small_model: LanguageModel, bach: list[Chorale]) -> str:
    """A model in a folder, beside a few cut chorales to evaluate it on and a four-part score."""
    small_model.save(Path("model"))
    pieces = [np.where(piece.pitches == 0, -1, piece.pitches)[:16].tolist() for piece in bach[:4]]
    for fold, part in (("train", pieces[:2]), ("valid", pieces[2:])):
        Path(f"{fold}.json").write_text(json.dumps(part))
    write_musicxml(Chorale.from_pitches([[67, 64, 60, 48]] * 16), "four.musicxml")
    return "model"


# Each writes several files, if not into its folder then beside its name.
COMMANDS = {
    "harmonize": ["harmonize", str(TWINKLE), "--decoder=Greedy", "--checkpoint=model"],
    "harmonize several": ["harmonize", "four.musicxml", "--num=2", "--decoder=Sampling", "--checkpoint=model"],
    "compose": ["compose", "--bars=1", "--num=2", "--checkpoint=model"],
    "plot": ["plot", "four.musicxml", "--checkpoint=model"],
    "evaluate": [
        "evaluate", "--corpus=Jsb16Corpus", "--corpus.path=.", "--decoders=greedy", "--resamples=2",
        "--checkpoint=model",
    ],
    "predict": ["predict", *QUICK, "--data.prompts=four.musicxml", "--decoder=Greedy"],
}  # fmt: skip


def assert_one_sentence(code: int, error: str) -> None:
    assert code == 2
    *warned, sentence = error.splitlines()  # of other things
    assert sentence.startswith("bachlit: ")
    assert "choose another" in sentence
    assert not any("Traceback" in line or "choose another" in line for line in warned)


@pytest.mark.parametrize("command", ["harmonize", "harmonize several", "plot"])
def test_a_name_too_long_for_a_file_is_told(command: str, model: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = main([*COMMANDS[command], f"--output={'x' * 300}"])
    assert_one_sentence(code, capsys.readouterr().err)
    write_musicxml(Chorale.from_pitches([[67, 64, 60, 48]] * 16), f"{'x' * 246}.musicxml")
    code = main([COMMANDS[command][0], f"{'x' * 246}.musicxml", *COMMANDS[command][2:]])
    assert_one_sentence(code, capsys.readouterr().err)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("room", ["none", "for a few bytes", "for all but the last bytes"])
def test_on_a_full_disk_no_file_is_begun(
    command: str, room: str, model: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With room for the first files, they were once there."""
    Path("out").mkdir()
    num = {"none": 0, "for a few bytes": 100}.get(room)
    if num is None:
        Path("all").mkdir()
        assert main([*COMMANDS[command], "--output=all"]) == 0
        capsys.readouterr()
        num = sum(path.stat().st_size for path in Path("all").iterdir()) - 100
    disks.fill(monkeypatch, Path("out"), num)
    code = main([*COMMANDS[command], "--output=out"])
    told = capsys.readouterr()
    assert_one_sentence(code, told.err)
    assert "No space left on device" in told.err
    assert [*Path("out").iterdir()] == []
    assert told.out == ""


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_is_no_folder_to_write_to(command: str, model: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever types it, root or not, can't write there."""
    Path("file").write_text("mine")
    before = {*Path().rglob("*")}
    code = main([*COMMANDS[command], "--output=file/out"])
    assert_one_sentence(code, capsys.readouterr().err)
    assert {*Path().rglob("*")} == before
    assert Path("file").read_text() == "mine"


def test_folders_are_made_when_all_is_ready_and_go_if_it_fails(tmp_path: Path) -> None:
    places = places_for(f"{tmp_path}/new/deep/", "tune", also=[".wav", *TRACKS])
    assert not (tmp_path / "new").exists()
    assert {place.parent for place in places} == {tmp_path / "new" / "deep"}

    def refuse(_: object) -> None:
        raise OptionError("No.")

    chorale = Chorale.from_pitches([[67, 64, 60, 48]] * 16)
    with pytest.raises(OptionError, match="No"):
        write(contents(chorale, places), refuse)
    assert not (tmp_path / "new").exists()
    write(contents(chorale, places), lambda _: None)
    assert sorted(path.name for path in (tmp_path / "new" / "deep").iterdir()) == sorted(
        ["tune.musicxml", "tune.mid", "tune.wav", *(f"tune-{voice}.wav" for voice in VOICES)]
    )


def test_a_look_is_that_of_all_written_files() -> None:
    """Such as a closed score with labels; what sounds is the chorale's."""
    chorale = Chorale.from_pitches([[67, 64, 60, 48]] * 16)
    look = Look("closed", "chords", "letter")
    music = look.music(chorale)
    assert (music.count("<part id"), music.count("<harmony")) == (2, 1)
    places = [Path(f"x{ending}") for ending in (".musicxml", ".svg", ".png", ".pdf", ".mid", ".wav")]
    made = dict(contents(chorale, places, look=look))
    expected = [music.encode(), svg_of(music).encode(), png_of(music), pdf_of(music, paper="letter"), to_midi(chorale)]
    assert [*made.values()] == [*expected, wav(chorale)]


def orange(picture: np.ndarray) -> int:
    """Number of pixels in a colour."""
    return int((np.abs(picture[:, :, :3] - np.array([0xD5, 0x5E, 0x00]) / 255).max(2) < 0.05).sum())


def test_marks_are_drawn_in_all_pictures() -> None:
    chorale = Chorale.from_pitches([[67, 64, 60, 48]] * 8 + [[69, 65, 60, 53]] * 8)
    music = marked_musicxml(chorale, [Mark(0, 0, "#D55E00", "∥5"), Mark(8, 3, "#D55E00")])
    assert engraved(music, ".musicxml") == engraved(music, ".xml") == music
    drawing = engraved(music, ".svg").decode()
    assert drawing.count('class="notehead" color="#D55E00"') == 2
    assert drawing.count("∥5") == 1
    [page] = pypdfium2.PdfDocument(engraved(music, ".pdf", paper="letter"))
    printed = page.render(scale=4, rev_byteorder=True).to_numpy() / 255
    for picture in (imread(io.BytesIO(engraved(music, ".png"))), printed):
        assert 200 < orange(picture) < 2000
    with pytest.raises(ScoreError, match=r"can't be engraved as '\.mid'; expected one of \.musicxml, "):
        engraved(music, ".mid")


@pytest.mark.parametrize("ending", [".mid", ".wav", ".txt"])
def test_where_scores_are_wanted_sounds_are_refused(ending: str, tmp_path: Path) -> None:
    assert places_for(tmp_path, "tune", [".png"], sounds=False) == [tmp_path / "tune.musicxml", tmp_path / "tune.png"]
    assert places_for(tmp_path / "x.PDF", "tune", sounds=False) == [tmp_path / "x.PDF"]
    with pytest.raises(ScoreError, match=rf"as \{ending}; expected --output to end in \.musicxml, \.svg, \.png"):
        places_for(tmp_path / f"x{ending}", "tune", sounds=False)


def test_a_name_like_a_practice_track_s_is_a_name() -> None:
    chorale = Chorale.from_pitches([[67, 64, 60, 48]] * 16)
    [(_, sound)] = contents(chorale, places_for(Path("my-alto.wav"), "tune"))
    assert sound == wav(chorale)
    tracks = dict(contents(chorale, places_for(Path("my-alto.wav"), "tune", also=TRACKS)))
    assert tracks[Path("my-alto.wav")] == wav(chorale)
    assert tracks[Path("my-alto-alto.wav")] == wav(chorale, loud="alto") != wav(chorale)


def test_a_description_s_place_is_no_folder(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The scores were once there already, when that was found."""
    Path("x.json").mkdir()
    before = {*Path().iterdir()}
    code = main([*COMMANDS["harmonize several"], "--output=x"])
    assert_one_sentence(code, capsys.readouterr().err)
    assert {*Path().iterdir()} == before


@pytest.mark.parametrize("why", ["full", "file"])
def test_training_goes_on_without_a_cache_and_says_so_in_a_line(
    why: str, bach: list[Chorale], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("scores").mkdir()
    for piece in bach[:3]:
        write_musicxml(piece, f"scores/{piece.name}.musicxml")
    if why == "full":
        disks.fill(monkeypatch, Path("cache"))
    else:
        Path("cache").write_text("")
    corpus = ["FolderCorpus", "--data.corpus.path=scores", "--data.corpus.cache=cache", "--data.corpus.workers=1"]
    shares = "--data.shares=[0.4,0.3,0.3]"
    assert main(["fit", *QUICK, *TINY, "--data.corpus", *corpus, shares, "--trainer.max_epochs=1"]) == 0
    assert capsys.readouterr().err.count("can't be cached") == 1
    assert len([*Path().glob("runs/*/checkpoints/last.ckpt")]) == 1
