"""What fits of earlier releases left still works, though modules have moved.

The folder earlier/ is of a fit by commit 1602728: a network of one layer and eight units, an epoch of four chorales.
"""

import shutil
from pathlib import Path

import pytest
import torch
import yaml
from fits import TWINKLE

from bachlit.__main__ import main
from bachlit.classes import _MOVED, class_at, imported, renewed
from bachlit.commands.options import Words
from bachlit.decoding import Greedy, NoHidden, Rule
from bachlit.generation.named_rules import weighed_rules

EARLIER = Path(__file__).parent / "earlier"


@pytest.fixture(autouse=True)
def where_it_was_fitted(in_a_folder_of_its_own: Path) -> None:
    """The configuration speaks of a folder jsb16 where one works."""
    Path("jsb16").mkdir()
    for path in EARLIER.glob("*.json"):
        shutil.copy(path, "jsb16")
    for name in ("config.yaml", "last.ckpt"):
        shutil.copy(EARLIER / name, name)


def test_every_module_that_moved_is_where_the_table_says() -> None:
    for old, new in _MOVED.items():
        __import__(new)
        assert renewed(f"{old}.Name") == f"{new}.Name"


def test_a_configuration_of_an_earlier_fit_is_fitted_again() -> None:
    assert "bachlit.tracking.AutoWandbLogger" in Path("config.yaml").read_text()
    assert main(["fit", "--config=config.yaml", "--run=again"]) == 0
    (again,) = Path().rglob("again/config.yaml")
    loggers = [logger["class_path"] for logger in yaml.safe_load(again.read_text())["trainer"]["logger"]]
    assert loggers == ["pytorch_lightning.loggers.CSVLogger", "bachlit.training.wandb_logger.AutoWandbLogger"]


def test_a_checkpoint_of_an_earlier_fit_is_validated_harmonises_and_goes_on() -> None:
    quick = ["--trainer.accelerator=cpu", "--trainer.enable_progress_bar=false"]
    assert main(["validate", *quick, "--ckpt_path=last.ckpt"]) == 0
    assert main(["harmonize", str(TWINKLE), "--checkpoint=last.ckpt", "--decoder=Greedy", "--output=x.mid"]) == 0
    assert main(["fit", *quick, "--ckpt_path=last.ckpt", "--trainer.max_epochs=2", "--run=on"]) == 0
    assert torch.load("runs/on/checkpoints/last.ckpt", weights_only=True)["epoch"] == 1


def test_a_rule_may_be_typed_by_its_earlier_path() -> None:
    (word,) = Words.of(["--rules.bachlit.decoding.part_writing.NoHidden", "7"]).words
    path = word.removeprefix("--rules.").partition("=")[0]
    assert class_at(path, Rule) is NoHidden
    assert imported("bachlit.decoding.part_writing.NoHidden") is None
    assert NoHidden(7.0) in weighed_rules({path: 7}, Greedy())
