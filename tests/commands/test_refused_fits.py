"""What can't work is refused in a sentence; bugs keep their tracebacks."""

from pathlib import Path

import pytest
from fits import QUICK, TINY
from pytorch_lightning.callbacks.model_checkpoint import warning_cache

from bachlit.__main__ import main
from bachlit.training.model import ChoraleModel

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")

WRONG = {
    "a checkpoint that isn't there": (["test", "--ckpt_path=missing.ckpt"], "no checkpoint missing.ckpt"),
    "a file that is no checkpoint": (["test", "--ckpt_path=garbage.ckpt"], "isn't a checkpoint"),
    "an option that is none": (
        ["fit", "--model.network.hiden=3"],
        "no option --model.network.hiden; expected --model.network.hidden;",
    ),
    "a network that is none": (
        ["fit", "--model.network=TokenLSTMM"],
        "no network 'TokenLSTMM'; expected FrameLSTM, TokenLSTM, or the dotted path",
    ),
    "help for a network that is none": (
        ["fit", "--model.network.help=FrameLSTN"],
        "no network 'FrameLSTN'; expected FrameLSTM,",
    ),
    "a network that a module hasn't": (
        ["fit", "--model.network=bachlit.networks.Nope"],
        "'bachlit.networks' has no attribute 'Nope'",
    ),
    "a network of no module": (["fit", "--model.network=nowhere.Own"], "No module named 'nowhere'."),
    "a network that is no whole one": (["fit", "--model.network=bachlit.networks.Network"], "expected a whole network"),
    "keys in which it isn't trained": (
        ["fit", "--model.network=FrameLSTM", "--model.network.views=3", "--data.keys=home"],
        "expected all keys",
    ),
    "a learning rate in words": (["fit", "--model.optimizer.lr=fast"], "Expected a <class 'float'>"),
    "a learning rate of nothing": (["fit", "--model.optimizer.lr="], "Expected a <class 'float'>"),
    "a word for a list": (["fit", "--trainer.logger.tags=small"], "Expected a <class 'collections.abc.Sequence'>"),
    "an accelerator that is none": (
        ["fit", "--trainer.accelerator=gpuu"],
        "invalid accelerator name: `accelerator='gpuu'`.",
    ),
    "devices in words": (["fit", "--trainer.devices=x"], "`devices` selected with"),
    "a decoder that is none": (["predict", "--decoder=Beam"], "expected BeamSearch, Gibbs, Greedy, Particles"),
    "an option that a decoder hasn't": (
        ["predict", "--decoder=BeamSearch", "--decoder.wdth=3"],
        "Option 'wdth' is not accepted",
    ),
    "a rule that is none": (["predict", "--rules.NoOverlaps=3"], "no rule 'NoOverlaps'; expected Sounding, Ranges"),
    "a number that is none": (["predict", "--rules.NoOverlap=nan"], "NoOverlap can't weigh nan"),
    "a corpus that isn't there": (
        ["fit", "--data.corpus=Jsb16Corpus", "--data.corpus.path=none"],
        "none holds no train.json",
    ),
    "a network that the weights don't fit": (["test", "--model.network.hidden=9"], "size mismatch for"),
    "weights in another order of voices": (
        ["test", "--data.encoding=SatbEncoding", "--data.encoding.order=[bass,tenor,alto,soprano]"],
        "are for another encoding",
    ),
    "a checkpoint of no run": (["test", "--ckpt_path=last"], "There is no checkpoint last; expected"),
    "a checkpoint in a config": (["test", "--config=names_a_checkpoint.yaml"], "expected one file"),
    "a config in another encoding": (["fit", "--config=latin_1.yaml"], "latin_1.yaml can't be used ('utf-8' codec"),
    "an abbreviated option": (["test", "--ckpt=garbage.ckpt"], "--ckpt"),
    "a decoder's option alone": (["predict", "--decoder.width=16"], "name it, too: --decoder CLASS."),
    "a network of nothing": (["fit", "--model.network.layers=0"], "expected sizes of at least 1"),
    "a dropout of everything": (["fit", "--model.network.dropout=1"], "below 1"),
    "shares of more than all": (["fit", "--data.shares=[0.9,0.9,0.9]", "--data.corpus=BachCorpus"], "add up to 1"),
    "an epoch count of less than none": (["fit", "--trainer.max_epochs=-5"], "max_epochs"),
    "a seed below 0": (["fit", "--data.seed=-1"], "at least 0"),
    "no lanes": (["fit", "--data.lanes=0"], "at least 1"),
    "forked processes under W&B": (
        ["fit", "--trainer.strategy=ddp_fork", "--trainer.devices=2", "--trainer.logger.mode=offline"],
        "forked",
    ),
    "a mode that W&B hasn't": (
        ["fit", "--trainer.logger.mode=nope"],
        "Parser key \"mode\": Expected a typing.Literal['auto', 'online', 'offline', 'disabled'].",
    ),
    "a callback's wrong number": (
        ["fit", "--trainer.callbacks+=DecodingEvaluation", "--trainer.callbacks.every_n_epochs=x"],
        "Parser key \"every_n_epochs\": Expected a <class 'int'>. Got value: x",
    ),
    "a decoder that isn't": (
        ["fit", "--trainer.callbacks+=DecodingEvaluation", "--trainer.callbacks.decoders=beem"],
        "There is no decoder 'beem'",
    ),
    "layers that are no number": (
        ["fit", "--model.network.layers=x"],
        "Parser key \"layers\": Expected a <class 'int'>. Got value: x",
    ),
    "a folder for W&B that is the CSV's": (["fit", "--trainer.logger.save_dir=x"], "Option 'save_dir' is not accepted"),
    "a value of the wrong kind": (
        ["fit", "--data.window=wide"],
        "Parser key \"data.window\": Expected a <class 'int'>. Got value: wide. See bachlit fit --help.",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_ends_in_one_sentence(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    args, said = WRONG[case]
    (tmp_path / "garbage.ckpt").write_bytes(b"garbage")
    (tmp_path / "names_a_checkpoint.yaml").write_text("ckpt_path: garbage.ckpt\n")
    (tmp_path / "latin_1.yaml").write_bytes("# für Anna\n".encode("latin-1"))
    assert main([args[0], *QUICK, *args[1:]]) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("bachlit: ")
    assert said in last


STEPS = "--model.lr_scheduler=StepLR"
PLATEAU = "--model.lr_scheduler=pytorch_lightning.cli.ReduceLROnPlateau"
STOPPING = "--trainer.callbacks+=EarlyStopping"
REFUSED = {
    "an option within a network's": (["--model.network.limt.x=1"], "unrecognized arguments: --limt.x=1"),
    "an option within a number": (["--model.network.hidden.x=1"], 'Parser key "hidden": Expected a'),
    "an option that is nearly one": (
        ["--trainer.max_epoch=1"],
        "no option --trainer.max_epoch; expected --trainer.max_epochs",
    ),
    "an option without the part that it is of": (
        ["--model.layers=2"],
        "no option --model.layers; expected --model.network.layers;",
    ),
    "an option that is nothing like any": (["--hasty"], "unrecognized arguments: --hasty. See bachlit fit --help."),
    "a value for all options together": (["--trainer=fast"], "Unable to load config 'fast'"),
    "an option without a value": (["--ckpt_path"], "argument --ckpt_path: expected one argument"),
    "a checkpoint of no name": (["--ckpt_path="], "can't resume from the folder .; expected a checkpoint"),
    "a checkpoint in a word of Lightning's": (["--ckpt_path=best"], "There is no checkpoint best; expected"),
    "a schedule without its number": ([STEPS], "the following arguments are required: step_size"),
    "a schedule's wrong number": (
        [STEPS, "--model.lr_scheduler.step_size=x"],
        "Parser key \"step_size\": Expected a <class 'int'>. Got value: x",
    ),
    "a schedule's number alone": (["--model.lr_scheduler.step_size=3"], 'Parser key "model.lr_scheduler":'),
    "a schedule of which there are two": (
        ["--model.lr_scheduler=ReduceLROnPlateau"],
        "Give the full class path to avoid ambiguity: torch.optim.",
    ),
    "too few of an optimiser's numbers": (
        ["--model.optimizer=Adam", "--model.optimizer.betas=[0.9]"],
        "Expected a tuple with 2 elements",
    ),
    "words for an optimiser's numbers": (
        ["--model.optimizer=Adam", "--model.optimizer.betas=[a,b]"],
        'Parser key "betas":',
    ),
    "a learning rate below 0": (["--model.optimizer.lr=-1"], "Invalid learning rate: -1.0. See bachlit fit --help."),
    "an optimiser that isn't for vectors": (["--model.optimizer=Muon"], "Muon only supports 2D"),
    "a schedule that lacks a choice": (
        ["--model.lr_scheduler=OneCycleLR", "--model.lr_scheduler.max_lr=0.1"],
        "You must define either total_steps",
    ),
    "a window beyond all memory": (["--data.window=1000000000000"], "steps; expected 2097152 at most; set fewer lanes"),
    "a network beyond all memory": (["--model.network.embedding=100000000000000"], "can't allocate memory"),
    "a seed below all": (["--seed_everything=-1"], "-1 is not in bounds"),
    "a seed above all": (["--seed_everything=99999999999"], "is not in bounds, numpy accepts from 0 to 4294967295"),
    "gradients of no batches": (["--trainer.accumulate_grad_batches=0"], "accumulate_grad_batches is 0; expected more"),
    "a validation in no epoch": (
        ["--trainer.check_val_every_n_epoch=0"],
        "n_epoch is 0; expected more",
    ),
    "a validation in no batch": (["--trainer.val_check_interval=0"], "val_check_interval is 0; expected more than 0"),
    "gradients turned round": (["--trainer.gradient_clip_val=-1"], "gradient_clip_val is -1; expected at least 0;"),
    "half a batch": (["--trainer.limit_train_batches=7.5"], "invalid value 7.5 for limit_train_batches"),
    "a direction that is none": (
        [STOPPING, "--trainer.callbacks.monitor=val/nats_per_frame", "--trainer.callbacks.mode=foo"],
        "`mode` can be min, max, got foo",
    ),
    "a logger where none can be": (["--trainer.barebones=true"], "Trainer(barebones=True, logger="),
    "checkpoints in a file": (["--checkpoint.dirpath=a_file"], "File exists: "),
    "checkpoints of half a name": (["--checkpoint.filename={epoch"], "expected '}' before end of string"),
    "a folder of runs that is a file": (
        ["--trainer.logger=CSVLogger", "--trainer.logger.save_dir=a_file"],
        "a_file can't be used (File exists); expected",
    ),
    "an hour in words": (
        ["--checkpoint.train_time_interval=hour"],
        'Expected a string with form "h:m:s" or "d days, h:m:s" but got "hour"',
    ),
    "a time of no unit": (['--trainer.max_time={"score": 1}'], "'score' is an invalid keyword argument"),
    "a class that is no network": (["--model.network=torch.nn.Linear"], "'torch.nn.Linear' to be a subclass of"),
    "a class that is no optimiser": (["--model.optimizer=torch.nn.Linear"], "'torch.nn.Linear' to be a subclass of"),
    "a function that makes no optimiser": (
        ["--model.optimizer=torch.optim.Adam.step"],
        "to be a function that returns",
    ),
    "a module for an optimiser": (["--model.optimizer=os.path"], "Importing 'posixpath' is not allowed"),
    "no network": (["--model.network=null"], "Expected an import path or a subclass spec, but got None"),
    "an option of a logger that isn't": (
        ["--trainer.logger=false", "--trainer.logger.save_dir=x"],
        "--trainer.logger has options, but no class; name it, too",
    ),
    "a duration in words": (
        ["--trainer.callbacks+=Timer", "--trainer.callbacks.duration=hour"],
        "`Timer(duration='hour')` is not a valid duration.",
    ),
    "no configuration": (["--config"], "--config names no file; expected"),
    "an empty configuration": (
        ["--config=/dev/null"],
        "The configuration /dev/null can't be used (no options); expected",
    ),
    "a configuration that is a folder": (["--config=."], "can't be used (Is a directory); expected"),
    "a configuration in bytes": (["--config=bytes.yaml"], "bytes.yaml can't be used ('utf-8' codec"),
    "a configuration that isn't YAML": (["--config", "a_file"], "a_file can't be used (while parsing a flow"),
    "another command's configuration": (["--config=predict.yaml"], "Subcommand 'fit' does not accept option 'decoder'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_work_is_refused_before_anything_is_written(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args, said = REFUSED[case]
    (tmp_path / "a_file").write_text("[not: a, folder")
    (tmp_path / "bytes.yaml").write_bytes(bytes(range(256)))
    (tmp_path / "predict.yaml").write_text("decoder: Greedy\n")
    before = sorted(tmp_path.iterdir())
    assert main(["fit", *QUICK, *args]) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("bachlit: ")
    assert said in last
    assert sorted(tmp_path.iterdir()) == before


BEGUN = {
    "best by what isn't logged": (
        ["--checkpoint.monitor=val/nats_per_fram"],
        "ModelCheckpoint monitors val/nats_per_fram, which validation doesn't log; expected one such as "
        "val/nats_per_frame,",
    ),
    "best by what isn't logged in training": (
        ["--checkpoint.monitor=train/los"],
        "ModelCheckpoint monitors train/los, which training doesn't log; expected one such as train/loss",
    ),
    "stopped by what isn't logged": (
        [STOPPING, "--trainer.callbacks.monitor=val/foo"],
        "EarlyStopping monitors val/foo, which validation doesn't log;",
    ),
    "stopped by what isn't logged in training": (
        [STOPPING, "--trainer.callbacks.monitor=train/los"],
        "EarlyStopping monitors train/los, which training doesn't log; expected one such as train/loss",
    ),
    "stopped by half a name": (
        [STOPPING, "--trainer.callbacks.monitor=nats_per_frame"],
        "EarlyStopping monitors nats_per_frame, which validation doesn't log; expected one such as val/nats_per_frame",
    ),
    "scheduled by what isn't logged": (
        [PLATEAU, "--model.lr_scheduler.monitor=val/foo"],
        "ReduceLROnPlateau monitors val/foo, which validation doesn't log;",
    ),
    "validated after more batches than there are": (
        ["--trainer.val_check_interval=100000"],
        "(100000) must be less than or equal to the number of the training batches",
    ),
    "gone on with what no cluster left": (["--ckpt_path=hpc"], "no HPC checkpoint was found"),
}


@pytest.mark.parametrize("case", BEGUN)
def test_what_shows_only_in_a_fit_ends_it_in_one_sentence_and_leaves_no_model_card(
    case: str, corpus: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args, said = BEGUN[case]
    assert main(["fit", *QUICK, *TINY, *corpus, "--trainer.max_epochs=1", *args]) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("bachlit: ")
    assert said in last
    assert list(tmp_path.rglob("model_card.md")) == []


OWN = """
import torch
from bachlit.networks import TokenLSTM

class Network(TokenLSTM):
    def forward(self, *args, **options):
        raise ValueError("a bug of one's own")

class Optimizer(torch.optim.SGD):
    def step(self, closure=None):
        raise ValueError("a bug of one's own")

class Hasty(torch.optim.SGD):
    def step(self, closure=None):
        torch.optim.SGD(self.param_groups, lr=-1)

class Schedule(torch.optim.lr_scheduler.StepLR):
    def get_lr(self):
        return [1 // 0]
"""


@pytest.mark.parametrize(
    "args",
    [["--model.network=own_bugs.Network"], ["--model.optimizer=own_bugs.Optimizer"],
     ["--model.optimizer=own_bugs.Hasty"],
     ["--model.lr_scheduler=own_bugs.Schedule", "--model.lr_scheduler.step_size=1"]],
    ids=["network", "optimizer", "what it calls", "schedule"],
)  # fmt: skip
def test_a_bug_in_ones_own_code_keeps_its_traceback(args: list[str], corpus: list[str], tmp_path: Path) -> None:
    (tmp_path / "own_bugs.py").write_text(OWN)
    with pytest.raises((ValueError, ZeroDivisionError)) as caught:
        main(["fit", *QUICK, *TINY, *corpus, *args])
    assert "own_bugs.py" in [entry.path.name for entry in caught.traceback[-3:]]


def test_a_bug_in_the_framework_keeps_its_traceback(corpus: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ChoraleModel, "training_step", lambda *_: {}["nothing"])
    with pytest.raises(KeyError):
        main(["fit", *QUICK, *TINY, *corpus])


def test_a_fit_without_validation_says_that_it_kept_no_best_checkpoint(
    corpus: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = ["fit", *QUICK, *TINY, *corpus, "--trainer.max_epochs=1", "--trainer.limit_val_batches=0"]
    warning_cache.clear()  # Lightning warns once per process, and another test may have been warned
    assert main(args) == 0
    message = "`ModelCheckpoint(monitor='val/nats_per_frame')` could not find the monitored key"
    assert capsys.readouterr().err.count(message) == 1
    assert main([*args, "--checkpoint.monitor=train/loss_epoch", "--run=second"]) == 0
    assert message not in capsys.readouterr().err
    (best,) = tmp_path.rglob("best.ckpt")
    assert best.parts[-3] == "second"
