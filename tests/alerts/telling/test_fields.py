"""What the templates of gateways and of ZNS say of an incident."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from alerts.incident import Step
from alerts.telling.fields import fields
from tests.alerts.messages import message


@pytest.mark.parametrize(
    ("step", "state"),
    [
        (Step.OPENED, "đang có sự cố"),
        (Step.CHANGED, "nặng hơn"),
        (Step.ESCALATED, "chưa ai nhận xử lý"),
        (Step.RELEASED, "chưa ai nhận xử lý"),
        (Step.REOPENED, "tái diễn"),
        (Step.RESOLVED, "đã khắc phục"),
    ],
)
def test_the_state_says_what_the_step_means(step: Step, state: str) -> None:
    assert fields(replace(message(), step=step), "vi")["state"] == state
