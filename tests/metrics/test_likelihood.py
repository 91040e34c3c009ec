"""Likelihood against plain arithmetic."""

import math

import pytest
import torch

from bachlit.encoding import BachBotEncoding, Encoding, Kind, SatbEncoding
from bachlit.metrics import PARTS, Likelihood, Tally
from bachlit.music.chorale import Chorale

both_encodings = pytest.mark.parametrize(
    "encoding", [SatbEncoding(), BachBotEncoding()], ids=lambda encoding: type(encoding).__name__
)


def likelihood_of(encoding: Encoding) -> Likelihood:
    return Likelihood(encoding.slot_names, completes_frame=encoding.completes_frame(), kinds=encoding.kinds())


@both_encodings
def test_figures_are_sums_over_the_fold_and_not_means_of_means(encoding: Encoding, bach: list[Chorale]) -> None:
    metric = likelihood_of(encoding)
    generator = torch.Generator().manual_seed(0)
    nats, right, frames, targets = 0.0, 0, 0, 0
    for piece in bach[:3]:
        stream = torch.from_numpy(encoding.encode(piece))[None, 1:]
        slots = torch.from_numpy(encoding.slots(stream[0].numpy()))[None]
        logits = torch.randn(1, stream.shape[1], encoding.vocabulary_size, generator=generator)
        metric.update(logits, stream, slots)
        for row, target in zip(logits[0].double(), stream[0], strict=True):
            nats -= float(row[target] - row.logsumexp(0))
            right += int(row.argmax() == target)
        frames += piece.num_frames
        targets += stream.shape[1]
    figures = {name: value.item() for name, value in metric.compute().items()}
    assert figures["nats_per_frame"] == pytest.approx(nats / frames)
    assert figures["nats_per_pitch_token"] == pytest.approx(nats / frames / 4)
    assert figures["nats_per_token"] == pytest.approx(nats / targets)
    assert figures["accuracy"] == pytest.approx(right / targets)
    by_slot = [figures[f"nats_per_frame/{name}"] for name in encoding.slot_names]
    assert sum(by_slot) == pytest.approx(figures["nats_per_frame"])


@both_encodings
def test_nats_are_those_of_marks_of_rhythm_and_of_pitches_given_the_rhythm(
    encoding: Encoding, bach: list[Chorale]
) -> None:
    metric = likelihood_of(encoding)
    generator = torch.Generator().manual_seed(0)
    kinds = encoding.kinds()
    parts = dict.fromkeys(("mark", "onset", "pitch"), 0.0)
    near = dict.fromkeys(encoding.slot_names, 0)
    targets = dict.fromkeys(encoding.slot_names, 0)
    for piece in bach[:2]:
        stream = torch.from_numpy(encoding.encode(piece))[None, 1:]
        slots = torch.from_numpy(encoding.slots(stream[0].numpy()))[None]
        logits = 3 * torch.randn(1, stream.shape[1], encoding.vocabulary_size, generator=generator)
        metric.update(logits, stream, slots)
        for row, target, slot in zip(logits[0].double(), stream[0].tolist(), slots[0].tolist(), strict=True):
            probs = row.softmax(0).tolist()
            same = sum(prob for prob, kind in zip(probs, kinds, strict=True) if kind == kinds[target])
            if kinds[target] == Kind.MARK:
                parts["mark"] -= math.log(probs[target])
            else:
                parts["onset"] -= math.log(same)
                parts["pitch"] -= math.log(probs[target] / same)
            name = encoding.slot_names[slot]
            near[name] += sum(prob > probs[target] for prob in probs) < 3
            targets[name] += 1
    figures = {name: value.item() for name, value in metric.compute().items()}
    for name, nats in parts.items():
        assert figures[f"nats_per_frame/{name}"] == pytest.approx(nats / metric.frames.item(), rel=1e-5)
    assert sum(figures[f"nats_per_frame/{name}"] for name in parts) == pytest.approx(figures["nats_per_frame"])
    for name, count in near.items():
        assert figures[f"accuracy_top3/{name}"] == pytest.approx(count / targets[name])
    assert figures["accuracy_top3"] == pytest.approx(sum(near.values()) / sum(targets.values()))


@both_encodings
def test_a_model_that_is_sure_of_the_rhythm_pays_for_the_pitch_alone(encoding: Encoding, bach: list[Chorale]) -> None:
    """Its logits are so far apart that the probabilities of other kinds are 0 in single precision."""
    stream = torch.from_numpy(encoding.encode(bach[0]))[None, 1:]
    kinds = torch.from_numpy(encoding.kinds())
    logits = 1000.0 * (kinds == kinds[stream][..., None])
    slots = torch.from_numpy(encoding.slots(stream[0].numpy()))[None]
    sure, wrong = likelihood_of(encoding), likelihood_of(encoding)
    sure.update(logits, stream, slots)
    wrong.update(-logits, stream, slots)
    pitch = sure.compute()["nats_per_frame/pitch"].item()
    assert pitch > 4
    assert sure.compute()["nats_per_frame/onset"].item() == pytest.approx(0, abs=1e-5)
    assert wrong.compute()["nats_per_frame/onset"].item() > 1000
    assert wrong.compute()["nats_per_frame/pitch"].item() == pytest.approx(pitch)


@both_encodings
def test_what_a_model_rules_out_costs_infinitely_much_and_the_parts_still_add_up(
    encoding: Encoding, bach: list[Chorale]
) -> None:
    """Found in review: the difference of two infinite losses made the onset's nats NaN."""
    stream = torch.from_numpy(encoding.encode(bach[0]))[None, 1:]
    slots = torch.from_numpy(encoding.slots(stream[0].numpy()))[None]
    kinds = torch.from_numpy(encoding.kinds())
    begins = (stream == stream[kinds[stream] == Kind.ONSET][0]).nonzero()[0].tolist()
    logits = torch.zeros(1, stream.shape[1], encoding.vocabulary_size)
    usual = likelihood_of(encoding)
    usual.update(logits, stream, slots)
    without_token, without_kind = logits.clone(), logits.clone()
    without_token[*begins, stream[*begins]] = -torch.inf
    without_kind[*begins, kinds == Kind.ONSET] = -torch.inf
    for ruled_out, infinite, finite in ((without_token, "pitch", "onset"), (without_kind, "onset", "pitch")):
        metric = likelihood_of(encoding)
        metric.update(ruled_out, stream, slots)
        figures = {name: value.item() for name, value in metric.compute().items()}
        assert figures[f"nats_per_frame/{infinite}"] == figures["nats_per_frame"] == math.inf
        expected = usual.compute()[f"nats_per_frame/{finite}"].item()  # but for one token of many
        assert figures[f"nats_per_frame/{finite}"] == pytest.approx(expected, rel=0.01)
        assert sum(figures[f"nats_per_frame/{part}"] for part in PARTS) == math.inf


def test_a_diverged_model_gets_nothing_right() -> None:
    """Found in review: no logit is greater than NaN, so all targets were among the likeliest three."""
    targets = torch.arange(5)[None]
    metric = Likelihood(("only",), completes_frame=torch.ones(5, dtype=torch.bool), kinds=torch.arange(5) % 4)
    metric.update(torch.full((1, 5, 5), torch.nan), targets, torch.zeros_like(targets))
    figures = metric.compute()
    assert figures["accuracy"] == figures["accuracy_top3"] == 0
    assert math.isnan(figures["nats_per_frame"])


def test_logits_in_half_precision_are_counted_in_single() -> None:
    """A sum of thousands of nats in bfloat16, which has 8 bits, would stop growing at some hundreds."""
    generator = torch.Generator().manual_seed(0)
    targets = torch.randint(9, (4, 1000), generator=generator)
    logits = torch.randn(4, 1000, 9, generator=generator).bfloat16()
    half, single = (
        Likelihood(("only",), completes_frame=torch.ones(9, dtype=torch.bool), kinds=torch.arange(9) % 4)
        for _ in range(2)
    )
    half.update(logits, targets, torch.zeros_like(targets))
    single.update(logits.float(), targets, torch.zeros_like(targets))
    assert half.compute() == single.compute()
    assert half.targets.item() == 4000


def test_no_two_sums_share_their_memory() -> None:
    metric = Likelihood(("only",), completes_frame=torch.tensor([False, True]), kinds=torch.tensor([0, 1]))
    assert len({getattr(metric, name).data_ptr() for name in Tally._fields}) == len(Tally._fields)


def test_padding_counts_for_nothing() -> None:
    metric = Likelihood(("only",), completes_frame=torch.tensor([False, True]), kinds=torch.tensor([0, 1]))
    metric.update(torch.zeros(1, 3, 2), torch.tensor([[1, -100, -100]]), torch.zeros(1, 3, dtype=torch.long))
    assert metric.compute()["nats_per_token"].item() == pytest.approx(math.log(2))
    assert metric.frames.item() == 1
