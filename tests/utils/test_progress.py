"""Steps are logged, counted, and quiet unless somebody asks."""

from __future__ import annotations

import logging

import pytest

from cgmm._utils.progress import LOGGER, Steps


def test_steps_say_how_far_they_are(caplog: pytest.LogCaptureFixture) -> None:
    steps = Steps(2, "not shown")
    assert caplog.messages == []
    with caplog.at_level(logging.INFO, LOGGER):
        steps.begin("draw 1,000 cells")
    assert caplog.messages == ["step 2 of 2: draw 1,000 cells"]
