"""The laws of lanes and windows, on Bach's chorales."""

import numpy as np
import pytest
import torch

from bachlit.encoding import BachBotEncoding, Encoding, SatbEncoding
from bachlit.errors import CheckpointError
from bachlit.music.chorale import Chorale
from bachlit.networks import TokenLSTM
from bachlit.tokens import END
from bachlit.training.windows import IGNORED, Window, WindowLoader

ENCODINGS: list[Encoding] = [SatbEncoding(), BachBotEncoding()]


def loader(pieces: list[Chorale], encoding: Encoding, **options: object) -> WindowLoader:
    streams = [encoding.encode(piece) for piece in pieces]
    return WindowLoader(lambda random: streams, encoding, **{"lanes": 4, "window": 128, "shuffle": False} | options)  # type: ignore[arg-type]


def rebuild(windows: list) -> list[list[int]]:
    """The pieces that stand in the lanes, put together again from resets and targets."""
    pieces: list[list[int]] = []
    for lane in range(len(windows[0].tokens)):
        for window in windows:
            if window.reset[lane]:
                pieces.append([int(window.tokens[lane, 0])])
            real = window.targets[lane] != IGNORED
            if real.any():
                pieces[-1] += window.targets[lane][real].tolist()
    return pieces


@pytest.mark.parametrize("encoding", ENCODINGS, ids=lambda encoding: type(encoding).__name__)
@pytest.mark.parametrize("shuffle", [False, True])
def test_an_epoch_holds_every_piece_once_and_whole(encoding: Encoding, shuffle: bool, bach: list[Chorale]) -> None:
    pieces = bach[:30]
    windows = list(loader(pieces, encoding, shuffle=shuffle))
    expected = sorted(encoding.encode(piece).tolist() for piece in pieces)
    assert sorted(rebuild(windows)) == expected


@pytest.mark.parametrize("encoding", ENCODINGS, ids=lambda encoding: type(encoding).__name__)
def test_inputs_are_the_tokens_before_the_targets_and_padding_is_end(encoding: Encoding, bach: list[Chorale]) -> None:
    for window in loader(bach[:30], encoding):
        real = window.targets != IGNORED
        assert (window.tokens[~real] == END).all()
        assert (window.tokens[real] != END).all()
        follows = real[:, 1:]
        assert torch.equal(window.tokens[:, 1:][follows], window.targets[:, :-1][follows])
        starts = {encoding.start(piece.key) for piece in bach[:30]}
        assert set(window.tokens[:, 0][window.reset].tolist()) <= starts


def test_windows_hold_whole_frames_and_slots_count_from_the_mark(bach: list[Chorale]) -> None:
    for window in loader(bach[:30], SatbEncoding(), window=128):
        assert window.tokens.shape == (4, 125)
        real = window.targets != IGNORED
        assert torch.equal(window.slots[real], torch.arange(125).remainder(5).expand(4, -1)[real])


@pytest.mark.parametrize("num_ranks", [2, 4])
def test_ranks_have_equally_many_windows_and_share_the_lanes(num_ranks: int, bach: list[Chorale]) -> None:
    whole = list(loader(bach[:30], SatbEncoding(), shuffle=True))
    ranks = [
        list(loader(bach[:30], SatbEncoding(), shuffle=True, rank=rank, num_ranks=num_ranks))
        for rank in range(num_ranks)
    ]
    assert {len(windows) for windows in ranks} == {len(whole)}
    for index, window in enumerate(whole):
        for rank in range(num_ranks):
            assert torch.equal(ranks[rank][index].targets, window.targets[rank::num_ranks])


def test_epochs_differ_and_repeat_under_their_seed(bach: list[Chorale]) -> None:
    def targets(seed: int, epoch: int) -> torch.Tensor:
        windows = loader(bach[:30], SatbEncoding(), shuffle=True, seed=seed, epoch=lambda: epoch)
        return torch.stack([window.targets for window in windows])

    assert torch.equal(targets(0, 3), targets(0, 3))
    assert not torch.equal(targets(0, 3), targets(0, 4))
    assert not torch.equal(targets(0, 3), targets(1, 3))


def test_lanes_are_nearly_even(bach: list[Chorale]) -> None:
    """Padding, of last windows and of shorter lanes together, is under a tenth of what is computed."""
    windows = list(loader(bach, SatbEncoding(), lanes=16))
    padded = torch.stack([window.targets for window in windows]) == IGNORED
    assert padded.double().mean() < 0.1


def test_more_lanes_than_pieces_leaves_lanes_of_padding(bach: list[Chorale]) -> None:
    windows = list(loader(bach[:2], SatbEncoding(), lanes=4))
    assert len(rebuild(windows)) == 2


def test_memory_carried_over_windows_gives_the_logits_of_the_whole_piece(bach: list[Chorale]) -> None:
    """What training sees is what decoding sees: the same numbers as a piece read at once from a fresh memory."""
    encoding = SatbEncoding()
    pieces = bach[:3]
    network = TokenLSTM(encoding, layers=1, hidden=8, embedding=4).eval()
    lane: list[torch.Tensor] = []
    memory = network.initial_memory(1)
    with torch.no_grad():
        for window in loader(pieces, encoding, lanes=1):
            if window.reset[0]:
                memory = network.initial_memory(1)
            logits, memory = network(window.tokens, memory)
            lane.append(logits[0][window.targets[0] != IGNORED])
        carried = torch.cat(lane)
        order = np.argsort([(len(encoding.encode(piece)) - 1) // -125 for piece in pieces], kind="stable")
        whole = [
            network(torch.from_numpy(encoding.encode(pieces[index]))[None, :-1], network.initial_memory(1))[0][0]
            for index in order
        ]
    assert torch.allclose(carried, torch.cat(whole), atol=1e-5)


@pytest.mark.parametrize("done", [0, 3, "all"])
def test_an_epoch_is_gone_on_with_from_its_next_window_and_other_epochs_are_whole(
    done: int | str, bach: list[Chorale]
) -> None:
    epoch = 4
    options = {"lanes": 3, "window": 60, "epoch": lambda: epoch}
    first, whole = loader(bach[:6], SatbEncoding(), **options), list(loader(bach[:6], SatbEncoding(), **options))
    windows = iter(first)
    num = len(whole) if done == "all" else int(done)
    for _ in range(num):
        next(windows)
    state = first.state_dict()

    def gone_on() -> list[Window]:
        other = loader(bach[:6], SatbEncoding(), **options)
        other.load_state_dict(state)
        return list(other)

    rest = gone_on()
    assert len(rest) == len(whole) - num
    for window, expected in zip(rest, whole[num:], strict=True):
        assert all(torch.equal(mine, its) for mine, its in zip(window[:4], expected[:4], strict=True))
    epoch = 5
    assert len(gone_on()) == len(whole)
    for odd in (-(10**12), len(whole) + 1):  # as far back as that, it would draw windows for hours
        with pytest.raises(CheckpointError, match=f"after {odd} of {len(whole)} windows"):
            loader(bach[:6], SatbEncoding(), **options).load_state_dict({**state, "windows": odd})
