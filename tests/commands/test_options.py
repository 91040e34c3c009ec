"""What is typed has one normal form, however it is spelled."""

from pathlib import Path

import pytest

from bachlit.commands.options import Words
from bachlit.decoding import Decoder
from bachlit.errors import OptionError

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["--seed", "3"], ["--seed=3"]),
        (["--strict"], ["--strict", "true"]),
        (["--max-bars", "8"], ["--max_bars=8"]),
        (["--rules", "none"], ["--rules=none"]),
        (["--rules.Attack", "-2.5"], ["--rules.Attack=-2.5"]),
        (["-c", "a.yaml"], ["--config=a.yaml"]),
        (["--seed", "3", "-c=a.yaml"], ["--config", "a.yaml", "--seed=3"]),
    ],
    ids=" ".join,
)
def test_two_spellings_are_one(one: list[str], other: list[str]) -> None:
    assert Words.of(one) == Words.of(other)


def test_flags_take_no_other_word_than_true_or_false() -> None:
    assert Words.of(["--strict", "tune.mid", "--png", "false"]).words == ("--strict=true", "tune.mid", "--png=false")
    assert Words.of(["--print_config", "tune.mid"]).words == ("--print_config", "tune.mid")
    assert Words.of(["--seed", "--strict"]).words == ("--seed", "--strict=true")


def test_what_comes_after_two_dashes_is_left_as_it_is() -> None:
    words = Words.of(["--seed", "3", "--", "--trainer.max_epochs", "30"])
    assert words.rest == ("--trainer.max_epochs", "30")
    assert words.argv == ["--seed=3", "--", "--trainer.max_epochs", "30"]


def test_the_last_value_counts_and_having_replaces_all() -> None:
    words = Words.of(["--run=a", "--data.lanes=2", "--run", "b"])
    assert words.value_of("run") == "b"
    assert words.having("run", None).words == ("--data.lanes=2",)
    assert words.having("run", "c").values_of("run") == ["c"]
    assert words.value_of("seed") is None


def test_configurations_are_read_once_and_count_less_than_words() -> None:
    Path("a.yaml").write_text("model: {network: TokenLSTM}\n")
    words = Words.of(["--model.network", "FrameLSTM", "--config=a.yaml"])
    assert words.argv == ["--config=a.yaml", "--model.network=FrameLSTM"]
    assert [config.options for config in words.configs] == [{"model": {"network": "TokenLSTM"}}]


def test_a_class_that_moved_is_found_where_it_is_in_words_and_configurations() -> None:
    Path("a.yaml").write_text("trainer: {logger: bachlit.tracking.AutoWandbLogger}\n")
    words = Words.of(["--config=a.yaml", "--trainer.logger=bachlit.tracking.AutoWandbLogger"])
    assert words.words == ("--trainer.logger=bachlit.training.wandb_logger.AutoWandbLogger",)
    (config,) = words.configs
    assert config.value == "trainer: {logger: bachlit.training.wandb_logger.AutoWandbLogger}\n"
    assert config.path == Path("a.yaml")


def test_a_short_name_that_no_class_has_is_refused_with_those_that_are_there() -> None:
    with pytest.raises(OptionError, match="no decoder 'Beam'; expected BeamSearch, Gibbs, Greedy, Particles, Sampling"):
        Words.of(["--decoder", "Beam"]).refuse_unknown({"decoder": Decoder})
    for later in ("mine.Own", "{class_path: Greedy}", "null"):
        Words.of(["--decoder", later]).refuse_unknown({"decoder": Decoder})
