"""The laws of constraints, and the grammar in particular."""

import torch

from bachlit.encoding import SatbEncoding
from bachlit.generation.grids import grammar_of
from bachlit.testing import NoReturn, check_constraint

ENCODING = SatbEncoding()


def test_constraints_are_values() -> None:
    generator = torch.Generator().manual_seed(0)
    for constraint, size in ((NoReturn(6), 6), (grammar_of(ENCODING), ENCODING.vocabulary_size)):
        check_constraint(constraint, torch.randint(2, size, (3, 2, 12), generator=generator))
        check_constraint(constraint & constraint & constraint, torch.randint(2, size, (3, 2, 12), generator=generator))


def test_whatever_the_grammar_allows_decodes_and_whatever_it_forbids_does_not() -> None:
    """One grammar: the decoders' constraint and the encoding's own check agree on every single token."""
    grammar = grammar_of(ENCODING)
    random = torch.Generator().manual_seed(1)
    for _ in range(5):
        state = grammar.begin(1, 1, torch.device("cpu"))
        stream: list[int] = []
        for t in range(4 * ENCODING.frame_size):
            allowed = grammar.allowed(state, t)[0, 0]
            for token in range(2, ENCODING.vocabulary_size):
                frame = [*stream, token]
                # Fill the frame with rests, which are always right, to see what the encoding says of this token.
                frame += [4] * (-len(frame) % ENCODING.frame_size)
                assert (ENCODING.fault(torch.tensor(frame).numpy()) is None) == bool(allowed[token])
            choices = allowed.nonzero().flatten()
            choices = choices[choices != 0]
            token = int(choices[torch.randint(len(choices), (), generator=random)])
            stream.append(token)
            state = grammar.advance(state, torch.tensor([[token]]), t)


def test_a_piece_has_a_first_frame_and_may_end_after_it() -> None:
    grammar = grammar_of(ENCODING)
    state = grammar.begin(1, 1, torch.device("cpu"))
    assert not grammar.allowed(state, 0)[0, 0, 0]
    for t, token in enumerate((2, 4, 4, 4, 4)):
        state = grammar.advance(state, torch.tensor([[token]]), t)
    assert grammar.allowed(state, 5)[0, 0, 0]
