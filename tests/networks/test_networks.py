"""The laws of networks."""

import pytest
import torch

from bachlit.encoding import BachBotEncoding, SatbEncoding
from bachlit.music.chorale import Chorale
from bachlit.networks import FrameLSTM, Network, TokenLSTM
from bachlit.networks.stepping import Product
from bachlit.testing import check_network
from bachlit.tokens import END

ENCODING, BARS = SatbEncoding(), SatbEncoding(keys=False, bars=True)
NETWORKS: list[tuple[Network, SatbEncoding]] = [
    (TokenLSTM(ENCODING, layers=1, hidden=16, embedding=8), ENCODING),
    (TokenLSTM(ENCODING, layers=3, hidden=16, embedding=8), ENCODING),
    (TokenLSTM(ENCODING, layers=2, hidden=16, embedding=8, batch_norm=False), ENCODING),
    (FrameLSTM(ENCODING, layers=1, hidden=16, embedding=8, head=8, head_layers=1), ENCODING),
    (FrameLSTM(BARS, layers=2, hidden=16, embedding=8, head=8, head_layers=3, weight_dropout=0.2), BARS),
    (FrameLSTM(ENCODING, layers=2, hidden=16, embedding=8, head=8, views=3), ENCODING),
]
IDS = [f"{type(network).__name__}-{network.config['layers']}" for network, _ in NETWORKS]


@pytest.mark.parametrize("batch_size", [3, 12])
@pytest.mark.parametrize(("network", "encoding"), NETWORKS, ids=IDS)
def test_networks_keep_the_laws(network: Network, encoding: SatbEncoding, batch_size: int) -> None:
    """On few rows and on many, which are multiplied in other ways."""
    torch.manual_seed(0)
    for name, parameter in network.named_parameters():
        if "norms" in name:  # scales and shifts that are not those of a fresh network
            torch.nn.init.normal_(parameter, 1.0, 0.5)
    network.train()
    for _ in range(3):  # give the normalisation statistics that are not those of a fresh network
        network(torch.randint(2, encoding.vocabulary_size, (4, 30)), network.initial_memory(4))
    check_network(network, encoding, batch_size=batch_size)


@pytest.mark.parametrize(("network", "encoding"), NETWORKS, ids=IDS)
def test_a_network_is_rebuilt_from_its_configuration(network: Network, encoding: SatbEncoding) -> None:
    again = type(network)(encoding, **network.config)
    again.load_state_dict(network.state_dict())
    assert again.config == network.config


def test_bachbots_network_has_its_size() -> None:
    """1.38 million parameters with BachBot's 108 symbols, if each gate's two biases are counted once as Torch7 did."""
    network = TokenLSTM(BachBotEncoding(lowest=30, highest=81))
    parameters = sum(part.numel() for name, part in network.named_parameters() if "bias_hh" not in name)
    assert round(parameters / 1e6, 2) == 1.38


def test_padding_stays_out_of_the_normalisation() -> None:
    torch.manual_seed(0)
    plain = TokenLSTM(ENCODING, layers=2, hidden=16, embedding=8, dropout=0.0).train()
    padded = TokenLSTM(ENCODING, layers=2, hidden=16, embedding=8, dropout=0.0).train()
    padded.load_state_dict(plain.state_dict())
    tokens = torch.randint(2, ENCODING.vocabulary_size, (4, 30))
    longer = torch.cat([tokens, torch.full((4, 10), END)], 1)
    expected, _ = plain(tokens, plain.initial_memory(4))
    logits, _ = padded(longer, padded.initial_memory(4))
    assert torch.allclose(logits[:, :30], expected, atol=1e-5)
    for ours, theirs in zip(padded.norms, plain.norms, strict=True):
        assert torch.allclose(ours.running_mean, theirs.running_mean, atol=1e-6)
        assert torch.allclose(ours.running_var, theirs.running_var, atol=1e-6)


def test_forget_gates_begin_open() -> None:
    for lstm in TokenLSTM(ENCODING, layers=2, hidden=16).lstms:
        forget = slice(16, 32)
        assert torch.equal((lstm.bias_ih_l0 + lstm.bias_hh_l0)[forget], torch.ones(16))


def test_what_is_folded_for_evaluation_is_not_used_in_training() -> None:
    network, _ = NETWORKS[0]
    assert network.train().stepper() is None
    assert network.eval().stepper() is not None


@pytest.mark.parametrize(("network", "encoding"), NETWORKS, ids=IDS)
def test_a_stepper_keeps_the_weights_that_it_was_made_of(network: Network, encoding: SatbEncoding) -> None:
    """And carries no gradients from step to step, whoever steps it."""
    network = type(network)(encoding, **network.config).eval()
    if isinstance(network, FrameLSTM):
        torch.nn.init.normal_(network.trust)  # of echoes, which a piece that repeats itself has
    chords = [[67, 64, 60, 48], [65, 62, 59, 43]] * 4
    pieces = [Chorale.from_pitches(chords[turn:]) for turn in (0, 1)]
    tokens = torch.stack([torch.from_numpy(encoding.encode(piece)[:31]) for piece in pieces])
    stepper = network.stepper()
    assert stepper is not None

    def told() -> torch.Tensor:
        memory, steps = stepper.begin(2), []
        for last in tokens.unbind(1):
            logits, memory = stepper.step(last, memory)
            steps.append(logits)
        return torch.stack(steps)

    before = told()
    assert not before.requires_grad
    for parameter in network.parameters():
        parameter.data.add_(1.0)
    assert torch.equal(told(), before)


def test_a_note_that_does_not_sound_is_not_held() -> None:
    """Except in training, which has to learn it."""
    torch.manual_seed(0)
    network = FrameLSTM(ENCODING, layers=1, hidden=8, embedding=8, head=8)
    piece = Chorale.from_pitches([[67, 64, 60, 48]] * 2)
    tokens = torch.from_numpy(ENCODING.encode(piece))[None]
    holds, pitch = torch.from_numpy(ENCODING.token_holds), torch.from_numpy(ENCODING.token_pitch)
    for training in (True, False):
        network.train(training)
        logits, _ = network(tokens, network.initial_memory(1))
        for slot, sounding in enumerate((67, 48, 64, 60)):  # the lowest voice comes second
            probability = logits[0, 6 + slot].softmax(0)
            assert (probability[holds & (pitch != sounding)].sum() > 0.01) == training
            assert probability[holds & (pitch == sounding)].sum() > 0


@pytest.mark.parametrize("gelu", [False, True])
@pytest.mark.parametrize("rows", [1, 2, 40])
def test_a_packed_product_is_the_plain_one(rows: int, gelu: bool) -> None:
    """It is a private part of PyTorch, in any of whose versions it might change."""
    generator = torch.Generator().manual_seed(0)
    weight, bias, x = (torch.randn(shape, generator=generator) for shape in ((600, 300), (600,), (rows, 300)))
    expected = torch.addmm(bias, x, weight.t())
    with torch.inference_mode():
        found = Product(weight, bias, gelu=gelu)(x)
    assert torch.allclose(found, torch.nn.functional.gelu(expected) if gelu else expected, atol=1e-4)
