"""What several processes that train one model do together."""

import pytest
from pytorch_lightning.strategies import DDPStrategy

from bachlit.training.processes import without_copies


def test_ddp_exchanges_gradients_where_they_are() -> None:
    strategy = without_copies("ddp")
    assert isinstance(strategy, DDPStrategy)
    assert strategy._ddp_kwargs == {"gradient_as_bucket_view": True}


@pytest.mark.parametrize("strategy", ["auto", "ddp_spawn", "ddp_find_unused_parameters_true", DDPStrategy()])
def test_other_strategies_are_as_they_are_typed(strategy: str | DDPStrategy) -> None:
    assert without_copies(strategy) is strategy
