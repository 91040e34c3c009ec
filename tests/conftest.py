"""Begin: start the process that forks, and load what tests share where tests are run."""

import os

import forking
import pytest

os.environ["WANDB_MODE"] = "disabled"  # a run of W&B takes seconds; the tests of it say when they want one


def pytest_configure(config: pytest.Config) -> None:
    """Start the process that forks once for all workers of a whole run; else the first test that needs it does."""
    if config.args_source is pytest.Config.ArgsSource.TESTPATHS and not hasattr(config, "workerinput"):
        forking.share()
    if config.option.dist == "no" or config.option.collectonly:  # else workers run them, and wait for this process
        config.pluginmanager.import_plugin("shared")
