"""Files beside the music replace no module, however late a command imports it."""

import json
import os
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

from fits import QUICK, TINY, TWINKLE

# Packages that libraries look for, and use if they are there.
OPTIONAL = (
    *("IPython", "bitsandbytes", "comet_ml", "deepspeed", "hydra", "mlflow", "neptune", "omegaconf", "onnx"),
    *("onnxscript", "tensorboard", "tensorboardX", "torchaudio", "torchvision", "transformers", "triton"),
)
DECOY = "import os\nos.close(os.open(os.environ['HIJACKED'] + os.sep + __name__, os.O_CREAT))\n"
# Runs commands one after the other, as the installed script does; prints how they end, and what they imported.
RUN = """
import json, sys
from bachlit.__main__ import main
codes, loaded = [], []
for command in json.loads(sys.argv[1]):
    before = set(sys.modules)
    codes.append(main(command))
    loaded.append(sorted(set(sys.modules) - before))
files = {name: getattr(module, "__file__", None) for name, module in list(sys.modules.items())}
print(json.dumps([codes, loaded, files]))
"""
COMMANDS = [
    ["harmonize", "score/tune.musicxml", "--output=score/four", "--decoder=Greedy", "--png", "--wav"],
    ["check", "score/four.musicxml", "--output=score/checked"],
    ["compose", "--bars=1", "--output=composed"],
    ["fit", *QUICK, *TINY, "--data.corpus=Jsb16Corpus", "--data.corpus.path=jsb16", "--trainer.max_epochs=1",
     "--trainer.limit_train_batches=1"],
]  # fmt: skip


def test_files_beside_the_music_replace_no_module(tmp_path: Path, jsb16: Path) -> None:
    """The current folder and the score's hold a file of every name that may be imported, installed or not."""
    score, hijacked = tmp_path / "score", tmp_path / "hijacked"
    score.mkdir()
    hijacked.mkdir()
    (score / "tune.musicxml").write_bytes(TWINKLE.read_bytes())
    (tmp_path / "jsb16").symlink_to(jsb16)
    names = {*sys.stdlib_module_names, *packages_distributions(), *OPTIONAL, "bachlit"}
    for name in names - set(sys.builtin_module_names):
        for folder in (tmp_path, score):
            (folder / f"{name}.py").write_text(DECOY)
    command = [sys.executable, "-P", "-c", RUN, json.dumps(COMMANDS)]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env=os.environ | {"HIJACKED": str(hijacked)}, check=False
    )
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in hijacked.iterdir()) == []
    codes, loaded, files = json.loads(done.stdout.splitlines()[-1])
    assert [codes[0], *codes[2:]] == [0, 0, 0], done.stderr
    assert codes[1] in (0, 1)  # the harmonisation may have faults
    assert {"torch", "bachlit.api"} <= set(loaded[0])  # imported while the command ran
    assert {"pytorch_lightning", "bachlit.training.model"} <= set(loaded[-1])
    assert [name for name, file in files.items() if Path(file or "/").is_relative_to(tmp_path)] == []
