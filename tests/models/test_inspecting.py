"""What inspecting tells agrees with how the model scores."""

import dataclasses

import numpy as np
import pytest
import torch
from chorales import random_chorale

from bachlit.encoding import BachBotEncoding, SatbEncoding
from bachlit.errors import CheckpointError
from bachlit.models.inspecting import correlations, hidden_units, pitch_probabilities, unit_names
from bachlit.models.language_model import LanguageModel
from bachlit.models.shipped import PRETRAINED
from bachlit.music.chorale import VOICES, Chorale, cut, move_home
from bachlit.networks import FrameLSTM, Memory, Network, TokenLSTM


def test_probabilities_are_those_by_which_prefixes_are_scored(small_model: LanguageModel) -> None:
    """Each pitch's probability, found again by scoring the piece so far with each token after it."""
    encoding, chorale = small_model.encoding, random_chorale(3, num_frames=6)
    assert isinstance(encoding, SatbEncoding)
    probabilities = pitch_probabilities(small_model, chorale)
    start, *stream = encoding.encode(chorale).tolist()
    tokens = np.flatnonzero(encoding.slot_tokens[1])
    for frame, slot in ((0, 1), (2, 3), (5, 4)):
        t = 5 * frame + slot
        candidates = torch.tensor([[*stream[:t], token] for token in tokens])
        scores = small_model.score(candidates, torch.full((len(tokens),), start)).softmax(0).numpy()
        expected = np.zeros(128)
        np.add.at(expected, encoding.token_pitch[tokens], scores)
        told = probabilities[frame, VOICES.index(encoding.order[slot - 1])]
        assert told == pytest.approx(expected, abs=1e-6)


def test_probabilities_of_a_cell_sum_to_one_and_follow_the_voices_order(bach: list[Chorale]) -> None:
    model = LanguageModel.load(PRETRAINED)
    chorale = bach[0]
    probabilities = pitch_probabilities(model, chorale)
    assert probabilities.shape == (chorale.num_frames, 4, 128)
    assert (probabilities >= 0).all()
    assert probabilities.sum(-1) == pytest.approx(np.ones((chorale.num_frames, 4)))
    written = np.take_along_axis(probabilities, chorale.pitches[:, :, None].astype(int), 2)
    assert (written.mean(axis=(0, 2)) > 0.75).all()


def test_a_model_that_is_at_home_in_c_tells_pitches_of_the_chorales_own_key(small_model: LanguageModel) -> None:
    home = LanguageModel(small_model.network, small_model.encoding, "home")
    chorale = dataclasses.replace(Chorale.from_pitches([[69, 66, 62, 50], [69, 64, 61, 57], [69, 66, 62, 50]] * 4))
    moved = move_home(chorale)
    move = int(moved.pitches[0, 0] - chorale.pitches[0, 0])
    assert move != 0
    own, in_c = (pitch_probabilities(home, piece) for piece in (chorale, moved))
    assert np.allclose(own[:, :, 0], in_c[:, :, 0])
    assert np.allclose(own[:, :, 40:80], in_c[:, :, 40 + move : 80 + move])
    assert np.array_equal(hidden_units(home, chorale), hidden_units(home, moved))


def test_a_network_that_listens_in_several_keys_has_each_unit_once(bach: list[Chorale]) -> None:
    """Those of the piece's own key."""
    encoding = SatbEncoding()
    network = FrameLSTM(encoding, layers=2, hidden=3, embedding=4, head=4, views=3)
    model = LanguageModel(network, encoding)
    assert unit_names(model) == ["1.1", "1.2", "1.3", "2.1", "2.2", "2.3"]
    single = FrameLSTM(encoding, **{**network.config, "views": 1})
    single.load_state_dict(network.state_dict())
    piece = cut(bach[0], 0, 32)
    assert np.array_equal(hidden_units(model, piece), hidden_units(LanguageModel(single, encoding), piece))


def test_hidden_units_are_those_of_one_pass_over_all_tokens(small_model: LanguageModel) -> None:
    chorale = random_chorale(5, num_frames=12)
    tokens = torch.from_numpy(small_model.encoding.encode(chorale))[None]
    network = small_model.network
    for part in (0, 1):
        units = hidden_units(small_model, chorale, part)
        assert units.shape == (12, len(unit_names(small_model, part)))
        for frame in (0, 5, 11):
            with torch.no_grad():
                _, memory = network(tokens[:, : 5 * frame + 6], network.initial_memory(1))
            assert units[frame] == pytest.approx(memory[part].flatten().numpy(), abs=1e-6)


def test_a_model_in_training_is_inspected_without_dropout_and_goes_on_training(small_model: LanguageModel) -> None:
    chorale = random_chorale(5, num_frames=4)
    expected = pitch_probabilities(small_model, chorale), hidden_units(small_model, chorale)
    small_model.network.train()
    try:
        assert np.array_equal(pitch_probabilities(small_model, chorale), expected[0])
        assert np.array_equal(hidden_units(small_model, chorale), expected[1])
        assert small_model.network.training
    finally:
        small_model.network.eval()


def test_correlations_are_numpys() -> None:
    random = np.random.default_rng(0)
    units, signal = random.normal(size=(50, 7)), random.random(50) < 0.3
    units[:, 3] = 2.5
    expected = [0.0 if i == 3 else np.corrcoef(units[:, i], signal)[0, 1] for i in range(7)]
    assert correlations(units, signal) == pytest.approx(expected)
    assert (correlations(units, np.ones(50)) == 0).all()


def test_the_shipped_model_has_a_unit_that_knows_fermatas(bach: list[Chorale]) -> None:
    model = LanguageModel.load(PRETRAINED)
    chorale = next(piece for piece in bach if piece.name == "bwv269")
    assert correlations(hidden_units(model, chorale), chorale.fermatas).max() > 0.9


def test_a_model_whose_tokens_dont_tell_voices_apart_is_refused() -> None:
    encoding = BachBotEncoding()
    model = LanguageModel(TokenLSTM(encoding, layers=1, hidden=4), encoding)
    for look in (pitch_probabilities, hidden_units):
        with pytest.raises(
            CheckpointError, match=r"^A model in BachBotEncoding can .* don't tell the voices apart; use one"
        ):
            look(model, random_chorale(0, num_frames=4))


class Remembering(Network):
    """Predicts nothing; its memory has the shape that it is told for B rows, and may grow."""

    def __init__(self, *shape: str | int, grows: bool = False) -> None:
        super().__init__()
        self.shape, self.grows = shape, grows
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def initial_memory(self, batch_size: int) -> Memory:
        shape = [batch_size if size == "B" else int(size) for size in self.shape]
        return (torch.zeros(shape),) if shape else ()

    def forward(
        self, tokens: torch.Tensor, memory: Memory, prompt: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, Memory]:
        logits = torch.zeros(*tokens.shape, SatbEncoding().vocabulary_size)
        return logits, tuple(torch.cat([part, part], 1) for part in memory) if self.grows else memory


@pytest.mark.parametrize(
    "network",
    [Remembering(), Remembering("B"), Remembering(2, "B", 3), Remembering(1, "B", 3), Remembering("B", 3, grows=True)],
    ids=["none", "no units", "layers first", "one layer first", "growing"],
)
def test_a_memory_without_units_is_refused(network: Network) -> None:
    model = LanguageModel(network, SatbEncoding())
    with pytest.raises(CheckpointError, match=r"^The memory of Remembering has no units .*; expected a tensor"):
        hidden_units(model, random_chorale(0, num_frames=4))


def test_units_are_those_of_a_part_that_is_there(small_model: LanguageModel) -> None:
    for part in (2, -1):
        with pytest.raises(CheckpointError, match=f"in part {part}; expected"):
            unit_names(small_model, part)
    model = LanguageModel(Remembering("B", 2, 3), SatbEncoding())
    assert hidden_units(model, random_chorale(0, num_frames=4)).shape == (4, len(unit_names(model)))
