"""The page about a trained model."""

from functools import partial
from pathlib import Path

import pytorch_lightning as pl
import torch
from markdown_it import MarkdownIt

from bachlit.callbacks import ModelCard
from bachlit.networks import TokenLSTM
from bachlit.training.model import ChoraleModel

WICKED = "a\n```\n\n<img src=x>|`b`"


def test_what_options_and_figures_are_called_is_text(tmp_path: Path) -> None:
    """Three backticks in an option once ended the block of options, and what came after was HTML."""
    model = ChoraleModel(partial(TokenLSTM, layers=1, hidden=4, embedding=4))
    trainer = pl.Trainer(logger=False, default_root_dir=tmp_path, accelerator="cpu", enable_progress_bar=False)
    trainer.callback_metrics[f"val{WICKED}"] = torch.tensor(1.0)
    card = ModelCard({"seed_everything": WICKED, "data": {"path": WICKED}}).card(trainer, model)
    page = MarkdownIt("commonmark").enable("table").render(card)
    assert page.count("img src") == 4
    assert "<img" not in page
    assert page.count("<code") == 1  # the options
    assert page.rstrip().endswith("</code></pre>")
    assert card.count("\n|") == page.count("<tr>") + 2  # and the lines below the heads
