"""A data set with configurations, and a run that is done, once for each module."""

from __future__ import annotations

import pytest

from box_room import write_box_dataset


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    from whole_runs import CONFIGURATIONS  # some tests of this folder need no torch

    folder = tmp_path_factory.mktemp("data")
    write_box_dataset(folder / "boxes", {"train": ["a", "b"], "validation": ["c"]})
    for name, text in CONFIGURATIONS.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder


@pytest.fixture(scope="module")
def finished(data):
    """The folder of a run that is done."""
    from rtgs2_training.cli import main
    from whole_runs import arguments

    run = data / "finished"
    assert main(arguments(data, "fusion", run)) == 0
    return run
