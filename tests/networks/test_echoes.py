"""Echoes finds the longest run that equals the last one."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bachlit.encoding import SatbEncoding
from bachlit.music.chorale import Chorale
from bachlit.networks import FrameLSTM
from bachlit.networks.echoes import CAPACITY, Echoes, EchoState
from bachlit.testing import check_network
from bachlit.tokens import END

ENCODING = SatbEncoding()
CHORDS = ([67, 64, 60, 48], [65, 62, 59, 43], [67, 64, 60, 36])


def cells(chords: list[int]) -> torch.Tensor:
    """(T, 4) tokens of chords named by number."""
    return torch.from_numpy(ENCODING.cells(Chorale.from_pitches([CHORDS[chord] for chord in chords])))


def slowly(chords: list[int], now: int) -> tuple[int, int]:
    """How long the longest earlier run is that equals the last one before frame `now`, and the frame after it."""
    found = (0, -1)
    for end in range(1, now):  # runs that end before frame `end`
        length = 0
        while length < end and chords[end - 1 - length] == chords[now - 1 - length]:
            length += 1
        if length and length >= found[0]:
            found = (length, end)
    return found


def begun(tokens: torch.Tensor, frame: int, now: int) -> list[int]:
    """A frame's tokens as they may stand now: what doesn't sound can't be held, and begins."""
    pitch, holds = ENCODING.token_pitch, ENCODING.token_holds
    echo, before = tokens[frame].tolist(), tokens[now - 1].tolist()
    return [one - int(holds[one] and pitch[one] != pitch[last]) for one, last in zip(echo, before, strict=True)]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.integers(0, 2), min_size=12, max_size=12), min_size=1, max_size=3), st.integers(0, 11))
def test_an_echo_is_the_longest_run_of_equal_chords_and_of_these_the_latest(rows: list[list[int]], cut: int) -> None:
    tokens = torch.stack([cells(chords) for chords in rows])
    before = torch.cat([torch.zeros_like(tokens[:, :1]), tokens[:, :-1]], 1)
    echoes = Echoes(ENCODING)
    first, lengths, state = (
        echoes.read(before[:, :cut], echoes.begin(len(rows))) if cut else (None, None, echoes.begin(len(rows)))
    )
    rest, other, _ = echoes.read(before[:, cut:], state)
    found = rest if first is None else torch.cat([first, rest], 1)
    length = other if lengths is None else torch.cat([lengths, other], 1)
    for row, chords in enumerate(rows):
        for now in range(len(chords)):
            for kind, heard in enumerate((chords, [CHORDS[chord][0] for chord in chords])):
                expected, frame = slowly(heard, now)
                assert length[row, now, kind] == expected
                assert found[row, now, kind].tolist() == (begun(tokens[row], frame, now) if expected else [END] * 4)


def _put(table: torch.Tensor, at: torch.Tensor, row: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Put rows (B, 1, C) into (B, N, C) at (B, 1, 1), where they are known."""
    at = at.expand(-1, 1, table.shape[2])
    return table.scatter(1, at, torch.where(known, row.to(table.dtype), table.gather(1, at)))


def follow(echoes: Echoes, before: torch.Tensor, state: EchoState) -> tuple[torch.Tensor, torch.Tensor, EchoState]:
    """What `read` gives for one frame (B, 4): every past frame's run is kept, and made longer or ended."""
    past, compared, lengths, count = state
    known = ((count > 0) & (count <= CAPACITY))[:, None, None]  # (B, 1, 1)
    now = (echoes.pitch[before].unsqueeze(2) * echoes.digits).sum(1, keepdim=True, dtype=torch.int32)  # (B, 1, E)
    longer = torch.nn.functional.pad(lengths[:, :-1], (0, 0, 1, 0)) + 1
    lengths = torch.where((compared == now) & known, longer, 0)
    at = (count - 1).clamp(0, CAPACITY - 1)[:, None, None]
    compared = _put(compared, at, now, known)
    past = _put(past, at, before.unsqueeze(1), known)
    latest = torch.arange(CAPACITY, device=at.device, dtype=torch.int32).unsqueeze(1)
    best = (CAPACITY * lengths.int() + latest).argmax(1, keepdim=True)  # (B, 1, E)
    length = lengths.gather(1, best).squeeze(1).long()
    following = (best + 1).clamp(max=CAPACITY - 1).transpose(1, 2).expand(-1, -1, past.shape[2])  # (B, E, 4)
    echo = past.gather(1, following).long().masked_fill(length.unsqueeze(2) == 0, END)
    stranded = echoes.holds[echo] & (echoes.pitch[echo] != echoes.pitch[before].unsqueeze(1))
    return echo - stranded.long(), length, EchoState(past, compared, lengths, count + 1)


def one_by_one(echoes: Echoes, before: torch.Tensor, state: EchoState) -> tuple[torch.Tensor, torch.Tensor, EchoState]:
    """What `read` gives, by `follow`."""
    found, lengths = [], []
    for frame in before.unbind(1):
        echo, length, state = follow(echoes, frame, state)
        found.append(echo)
        lengths.append(length)
    return torch.stack(found, 1), torch.stack(lengths, 1), state


def test_reading_windows_equals_following_frame_by_frame() -> None:
    """Also where a row begins a new piece, where a piece outgrows the capacity, and in windows of any length."""
    random = torch.Generator().manual_seed(0)
    echoes = Echoes(ENCODING)
    fresh = read = followed = echoes.begin(3)
    used = torch.tensor([END, 30, 31, 42])  # few, so that much is equal
    for num, resets in [(1, 0), (48, 0), (70, 1), (48, 2), (200, 0), (5, 0), (400, 0), (400, 0), (100, 1), (9, 0)]:
        kept = torch.arange(3) >= resets
        read, followed = (
            EchoState(
                *(torch.where(kept.view(3, *[1] * (old.dim() - 1)), old, new) for old, new in zip(*both, strict=True))
            )
            for both in ((read, fresh), (followed, fresh))
        )
        before = used[torch.randint(len(used), (3, num, 1), generator=random)].expand(-1, -1, 4).clone()
        before[:, :, 3] = used[torch.randint(len(used), (3, num), generator=random)]
        echo, length, read = echoes.read(before, read)
        expected, expected_length, followed = one_by_one(echoes, before, followed)
        assert torch.equal(echo, expected)
        assert torch.equal(length, expected_length)
        for part, other in zip(read, followed, strict=True):
            assert part.dtype == other.dtype
            assert torch.equal(part, other)
    assert int(read.num_read.max()) > CAPACITY > int(read.num_read.min())


def test_what_is_beyond_the_capacity_has_no_echo_and_breaks_nothing() -> None:
    echoes = Echoes(ENCODING)
    before = cells([0, 1] * (CAPACITY // 2 + 4)).unsqueeze(0)
    before[0, 0] = END
    echo, length, _ = echoes.read(before, echoes.begin(1))
    assert length[0, CAPACITY - 1].all()
    assert not length[0, CAPACITY + 1 :].any()
    assert not echo[0, CAPACITY + 1 :].any()


@pytest.mark.parametrize("frames", [30, CAPACITY + 6])
def test_traced_echoes_are_those_that_are_read(frames: int) -> None:
    echoes = Echoes(ENCODING)
    drawn = torch.randint(0, 3, (3, frames), generator=torch.Generator().manual_seed(0)).tolist()
    before = torch.stack([cells(row) for row in drawn])
    before[:, 0] = END
    echo, length, _ = echoes.read(before, echoes.begin(3))
    past, order, row = echoes.untraced(3), torch.tensor([1, 2, 0]), torch.arange(3)
    for frame in range(frames):
        traced, lengths, past = echoes.trace(before[row, frame], past)
        assert torch.equal(traced, echo[row, frame]), frame
        assert torch.equal(lengths, length[row, frame]), frame
        if frame % 5 == 4:  # the past can be gathered by row
            past, row = past[order], row[order]
    assert past.shape[2] <= CAPACITY + 1


@pytest.mark.parametrize("trust", [0.0, 3.0])
def test_a_network_that_trusts_echoes_keeps_the_laws_on_a_piece_that_repeats_itself(trust: float) -> None:
    torch.manual_seed(0)
    network = FrameLSTM(ENCODING, layers=1, hidden=8, embedding=4, head=4)
    torch.nn.init.constant_(network.trust, trust)
    phrase = torch.from_numpy(ENCODING.encode(Chorale.from_pitches([CHORDS[chord] for chord in (0, 1, 2, 1)])))[:-1]
    tokens = torch.cat([phrase, phrase[1:], phrase[1:]]).unsqueeze(0)
    network.eval()
    with torch.no_grad():
        whole, _ = network(tokens, network.initial_memory(1))
        stepper = network.stepper()
        assert stepper is not None
        memory, steps = stepper.begin(1), []
        for token in tokens[0]:
            logits, memory = stepper.step(token.unsqueeze(0), memory)
            steps.append(logits)
    assert torch.allclose(torch.stack(steps, 1).clamp(min=-1e3), whole.log_softmax(-1).clamp(min=-1e3), atol=1e-4)
    check_network(network, ENCODING)
    # The second time, what the phrase had is the likelier, the more the network trusts echoes.
    again = slice(5 * 7, 5 * 8)
    told = whole.log_softmax(2)[0, again].gather(1, tokens[0, 5 * 7 + 1 : 5 * 8 + 1, None])[1:]
    network.trust.data.zero_()
    with torch.no_grad():
        doubted, _ = network(tokens, network.initial_memory(1))
    untold = doubted.log_softmax(2)[0, again].gather(1, tokens[0, 5 * 7 + 1 : 5 * 8 + 1, None])[1:]
    assert bool((told >= untold).all())
    assert bool((told > untold).any()) == (trust > 0)
