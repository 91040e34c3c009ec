"""What tests of fits share: a small corpus, and a run that is made once."""

import json
from pathlib import Path

import numpy as np
import pytest
from fits import QUICK, TINY

from bachlit.__main__ import main
from bachlit.music.chorale import Chorale


@pytest.fixture(scope="session")
def jsb16(tmp_path_factory: pytest.TempPathFactory, bach: list[Chorale]) -> Path:
    """A folder in JSB-16th's form, made of a few chorales."""
    folder = tmp_path_factory.mktemp("jsb16")
    pieces = [np.where(piece.pitches == 0, -1, piece.pitches)[:64].tolist() for piece in bach[:10]]
    for fold, part in (("train", pieces[:6]), ("valid", pieces[6:8]), ("test", pieces[8:])):
        (folder / f"{fold}.json").write_text(json.dumps(part))
    return folder


@pytest.fixture(scope="session")
def corpus(jsb16: Path) -> list[str]:
    return ["--data.corpus=Jsb16Corpus", f"--data.corpus.path={jsb16}"]


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, corpus: list[str]) -> Path:
    """The folder of a finished run."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(folder)
        args = [
            "fit",
            *QUICK,
            *TINY,
            *corpus,
            "--data.keys=all",
            "--trainer.max_epochs=3",
            "--trainer.log_every_n_steps=1",
            "--run=trained",
        ]
        assert main(args) == 0
    return folder / "runs" / "trained"
