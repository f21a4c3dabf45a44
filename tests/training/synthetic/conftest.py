"""What tests of synthetic faces share: they need the package anny."""

from __future__ import annotations

import importlib.util
import os

import pytest

from training.synthetic.heads import Expression, HeadParams, Identity, build_head
from training.synthetic.mesh import HeadMesh


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip without anny, or fail where it is promised to be there."""
    if importlib.util.find_spec("anny") is None:
        reason = "the package anny is missing: pip install starmark[synthetic]"
        if os.environ.get("CI", "").lower() in ("true", "1"):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)


AVERAGE = Identity(gender=0.5, years=30, muscle=0.5, weight=0.5, ancestry=(0.3, 0.3, 0.4))


@pytest.fixture(scope="session")
def average_head() -> HeadMesh:
    """A head without local changes or expression: symmetric as MakeHuman's template is."""
    return build_head(HeadParams(AVERAGE, Expression()))
