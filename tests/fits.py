"""Short fits as they are typed: what the tests of commands share."""

from pathlib import Path

TWINKLE = Path(__file__).parent / "commands" / "two_bars" / "twinkle.musicxml"  # decoded in no time
QUICK = [
    "--trainer.accelerator=cpu",
    "--trainer.enable_progress_bar=false",
    "--trainer.enable_model_summary=false",
]
KEPT = "--trainer.logger=CSVLogger"
SMALL = ["--model.network.layers=1", "--model.network.hidden=12", "--model.network.embedding=4", "--data.lanes=2"]
TINY = [*SMALL, "--curves.picture=false"]  # half the time of a short fit is its picture's
