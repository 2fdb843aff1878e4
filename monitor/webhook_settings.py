"""Programs that are told of changes, as the settings file says it."""

from __future__ import annotations

from typing import Literal

from alerts.incident import Step, Transition
from alerts.telling import notifier
from alerts.telling.http_delivery import Url
from inventory.secrets import SecretRef


class WebhookSettings(notifier.Settings):
    """A program that is told of changes."""

    kind: Literal["changes"] = "changes"
    url: Url
    """Address that takes the POST."""
    signing_key: SecretRef | None = None
    """Key of the signature in ``X-Commune-Monitor-Signature``."""
    events: tuple[Step, ...] = ()
    """Which steps; all of them when absent."""

    def follows(self, step: Transition) -> bool:
        """Whether the program wants to know of a step."""
        return (not self.events or step.step in self.events) and self.wants(step.kind, step.severity)
