"""Views are the mean of what one network expects in several keys."""

import math

import pytest
import torch

from bachlit.encoding import SatbEncoding
from bachlit.music.chorale import Chorale
from bachlit.networks import FrameLSTM


@pytest.mark.parametrize(("num", "moves"), [(2, (0, -1)), (3, (0, -1, 1)), (5, (0, -1, 1, -2, 2))])
def test_what_is_believed_is_the_mean_over_the_piece_in_each_key(
    num: int, moves: tuple[int, ...], bach: list[Chorale]
) -> None:
    encoding = SatbEncoding(bars=True)
    torch.manual_seed(0)
    alone = FrameLSTM(encoding, layers=1, hidden=8, embedding=4, head=4).eval()
    several = FrameLSTM(encoding, layers=1, hidden=8, embedding=4, head=4, views=num).eval()
    several.load_state_dict(alone.state_dict())
    expected = []
    with torch.no_grad():
        for move in moves:
            tokens = torch.from_numpy(encoding.encode(bach[0].transpose(move)))[None]
            logits, _ = alone(tokens[:, :-1], alone.initial_memory(1))
            expected.append(logits.log_softmax(2).gather(2, tokens[:, 1:, None]))
        tokens = torch.from_numpy(encoding.encode(bach[0]))[None]
        logits, _ = several(tokens[:, :-1], several.initial_memory(1))
    told = logits.log_softmax(2).gather(2, tokens[:, 1:, None])
    mean = torch.stack(expected).logsumexp(0) - math.log(num)
    # Probability that a view gives to what is no pitch in the own key is shared out, if it is the least bit.
    assert torch.allclose(told, mean, atol=0.05)
    assert float((told - mean).abs().mean()) < 0.01


def test_views_are_for_evaluation_alone(bach: list[Chorale]) -> None:
    encoding = SatbEncoding()
    network = FrameLSTM(encoding, layers=1, hidden=8, embedding=4, head=4, views=3).train()
    assert network.initial_memory(2)[0].shape == (2, 1, 8)
    assert network.eval().initial_memory(2)[0].shape == (2, 3, 1, 8)
