"""Wrong options are refused before PyTorch is loaded, which takes seconds."""

import json
import subprocess
import sys

import pytest

from bachlit.__main__ import main
from bachlit.commands import train
from bachlit.commands.lightning import GROUPS

# Runs commands, a JSON list, where PyTorch and Lightning can't be imported; prints their codes and messages.
WITHOUT_TORCH = """
import contextlib, io, json, sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "pytorch_lightning", "lightning_fabric", "torchmetrics"):
            raise AssertionError(f"{name} is imported")
sys.meta_path.insert(0, Blocked())
from bachlit.__main__ import main
told = []
for args in json.loads(sys.argv[1]):
    out = io.StringIO()
    with contextlib.redirect_stderr(out), contextlib.redirect_stdout(out):
        try:
            code = main(args)
        except AssertionError as error:
            code = repr(error)
    told.append([code, out.getvalue()])
print(json.dumps(told))
"""
TUNE = ["harmonize", "tune.abc"]
SWEEP = ["sweep", "--name=s", '--space={"data.window": [64, 128]}']
REFUSED = {
    "an option that is none": ([*TUNE, "--sead", "1"], "no option --sead; expected --seed"),
    "an option like no other": ([*TUNE, "--nosuch", "1"], "unrecognized arguments: --nosuch"),
    "an option beside a decoder's": (
        [*TUNE, "--decoder=Sampling", "--decoder.temperature=2", "--hasty"],
        "unrecognized arguments: --hasty",
    ),
    "a word for a number": ([*TUNE, "--num", "many"], "Parser key \"num\": Expected a <class 'int'>"),
    "a choice that is none": ([*TUNE, "--layout", "wide"], "layout"),
    "a style that is none": ([*TUNE, "--style", "baroque"], "style"),
    "a beat that is none": ([*TUNE, "--beat", "third"], "beat"),
    "no tune": (["harmonize"], "melody"),
    "a file that isn't there": (["harmonize", "none.mid"], "There is no file none.mid"),
    "no pieces": ([*TUNE, "--num", "0"], "0 harmonisations can't be written"),
    "a seed below 0": ([*TUNE, "--seed=-1"], "A seed of -1"),
    "no workers": ([*TUNE, "--workers", "0"], "0 workers"),
    "a voice that is none": ([*TUNE, "--voice", "baritone"], "no voice 'baritone'"),
    "bars in words": ([*TUNE, "--bars", "two"], "'two' names no bars"),
    "bars that run backwards": ([*TUNE, "--bars", "9-3"], "type --bars 3-9"),
    "a key that is none": ([*TUNE, "--key", "H dur"], "no key 'H dur'"),
    "a range upside down": ([*TUNE, "--ranges", "tenor:G4-C3"], "isn't possible"),
    "a run that isn't there": ([*TUNE, "--checkpoint", "frist"], "There is no model at frist"),
    "a place that is no folder": ([*TUNE, "--output", "tune.abc/x.mid"], "tune.abc is no folder"),
    "a file of the user's": ([*TUNE, "--output", "mine.mid"], "wasn't written by bachlit"),
    "a format that is none": ([*TUNE, "--output", "x.ly"], "written as .ly"),
    "a port that can't be": (["serve", "--port", "70000"], "no port 70000"),
    "an option of serving that is none": (["serve", "--prot", "1"], "no option --prot; expected --port"),
    "no worker": (["serve", "--workers", "0"], "--workers is 0"),
    "no time": (["serve", "--timeout", "0"], "--timeout is 0"),
    "a token with blanks": (["serve", "--token", "my own words"], "The token can't be sent"),
    "a site with a path": (["serve", "--origin", "https://bach.example/page"], "is no site"),
    "answers without the Challenge": (["serve", "--answers", "a.db"], "expected --challenge"),
    "a model that isn't there": (["serve", "--checkpoint", "frist"], "There is no model at frist"),
    "a host that isn't ours": (["serve", "--host", "192.0.2.1"], "can't be listened on"),
    "a config that isn't there": ([*TUNE, "--config", "none.yaml"], "no configuration none.yaml"),
    "a config's wrong value": ([*TUNE, "--config", "wrong.yaml"], "Parser key \"num\": Expected a <class 'int'>"),
    "a module that isn't there": ([*TUNE, "--import", "mien"], "no module 'mien'"),
    "a path for a module": ([*TUNE, "--import", "./mine.py"], "no module './mine.py'"),
    "two modules in one word": (["check", "tune.abc", "--import", "mine,other"], "no module 'mine,other'"),
    "no module": (["compose", "--import", ""], "no module ''"),
    "a file for a module": ([*TUNE, "--import", "mine.py"], "no module 'mine.py'"),
    "composing nothing": (["compose", "--num", "0"], "0 chorales can't be composed"),
    "a piece without bars": (["compose", "--bars", "0"], "A piece of 0 bars"),
    "a plot of nothing": (["plot", "none.mid"], "There is no file none.mid"),
    "no units": (["plot", "tune.abc", "--units", "0"], "0 hidden units"),
    "a check of nothing": (["check", "none.mid"], "There is no file none.mid"),
    "a profile that is none": (["check", "tune.abc", "--profile", "strict"], "profile"),
    "a surprise of more than all": (["check", "tune.abc", "--surprise", "101"], "A surprise of 101 %"),
    "a coloured score as sound": (["check", "tune.abc", "--output", "x.wav"], "written as .wav"),
    "a model to export that isn't there": (["export", "--checkpoint", "frist", "--output", "x"], "no model at frist"),
    "an export without a place": (["export", "--checkpoint", "bachlit"], "output"),
    "a fold that is none": (["evaluate", "--fold", "tset"], "fold"),
    "a limit below 0": (["evaluate", "--limit=-1"], "The limit is -1"),
    "an unknown model to evaluate": (["evaluate", "--checkpoint", "frist"], "There is no model at frist"),
    "an unknown option of Lightning's": (["fit", "--modle.network=TokenLSTM"], "expected --model.network"),
    "an option of no command": (["test", "--hasty"], "unrecognized arguments: --hasty"),
    "a run's name that is none": (["fit", "--run", "a/b"], "can't be named 'a/b'"),
    "a run's name that is taken": (["fit", "--run", "taken"], "is there already; expected a new name"),
    "a run to resume that isn't there": (["fit", "--ckpt_path", "frist"], "There is no checkpoint frist"),
    "a run to test that isn't there": (["test", "--ckpt_path", "frist"], "There is no checkpoint frist"),
    "a fit's config that isn't there": (["fit", "--config", "none.yaml"], "no configuration none.yaml"),
    "a fit's config that is none": (["fit", "--config", "tune.abc"], "can't be used"),
    "a fit's module that isn't there": (["fit", "--import", "mien"], "no module 'mien'"),
    "a sweep without a name": (["sweep", "--trials", "3"], "The sweep has no name"),
    "a sweep over nothing": (["sweep", "--name", "s", "--trials", "3"], "The space is empty"),
    "a sweep of no workers": ([*SWEEP, "--workers", "0"], "make no sweep"),
    "a sweep from nothing": ([*SWEEP, "--base", "none.yaml"], "none.yaml can't be used"),
    "a column that is none": (["runs", "--sort", "date"], "sort"),
    "a folder of runs that isn't there": (["runs", "nowhere"], "no folder nowhere"),
    "a command that is none": (["harmonise"], "no command 'harmonise'"),
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str]]:
    """What each wrong command ends with, all in one process."""
    folder = tmp_path_factory.mktemp("early")
    (folder / "tune.abc").write_text("X:1\nM:4/4\nL:1/4\nK:C\nc B A G|F G A B|c2 c2|]\n")
    (folder / "runs/taken/checkpoints").mkdir(parents=True)
    (folder / "mine.mid").write_text("mine")
    (folder / "mine.py").write_text("")
    (folder / "wrong.yaml").write_text("num: many\ndecoder: {class_path: Sampling, init_args: {temperature: 2}}\n")
    words = json.dumps([args for args, _ in REFUSED.values()])
    command = [sys.executable, "-P", "-c", WITHOUT_TORCH, words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return dict(zip(REFUSED, json.loads(done.stdout.splitlines()[-1]), strict=True))


@pytest.mark.parametrize("case", REFUSED)
def test_what_needs_no_torch_to_be_known_is_refused_without(case: str, told: dict[str, tuple[int, str]]) -> None:
    code, text = told[case]
    assert code == 2
    assert text.startswith("bachlit: ")
    assert text.count("\n") == 1
    assert REFUSED[case][1] in text


@pytest.mark.parametrize("command", ["fit", "test", "predict"])
def test_the_first_words_of_options_are_those_of_lightnings_parser(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: set[str] = set()

    def look(cli: train.ChoraleCLI) -> None:
        found.update(action.dest.partition(".")[0] for action in cli.parser_of(cli.command)._actions)
        raise KeyboardInterrupt

    monkeypatch.setattr(train.ChoraleCLI, "before_instantiate_classes", look)
    assert main([command]) == 130
    assert found == set(GROUPS[command])
