"""Tells programs that take the webhooks of Prometheus' Alertmanager: the payload of its version 4, firing and resolved.

prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal

import msgspec

from alerts.incident import Incident
from alerts.telling import notifier
from alerts.telling.http_delivery import HttpNotifier, Url
from alerts.telling.notification import Message
from inventory.secrets import SecretRef
from probes.core.text import clean

_NEVER = datetime(1, 1, 1, tzinfo=UTC)
"""How Alertmanager says that an alert has not ended."""


class Settings(notifier.Settings):
    """Where to, and with what."""

    kind: Literal["alertmanager"]
    url: Url
    """Address that takes the POST."""
    bearer_token: SecretRef | None = None
    """Sent as ``Authorization: Bearer``."""
    receiver: str = "commune-monitor"
    """What the payload calls the receiver."""


class Notifier(HttpNotifier[Settings]):
    """A group is an incident: one alert, the same fingerprint and group key from its beginning to its end."""

    settings_model: ClassVar[type[notifier.Settings]] = Settings

    async def send(self, message: Message) -> None:
        """POST the group."""
        if message.to:
            self.address(message.to)
        headers = {"Idempotency-Key": message.key}
        if self.settings.bearer_token is not None:
            headers["Authorization"] = f"Bearer {(await self.secret(self.settings.bearer_token)).reveal()}"
        body = msgspec.json.encode(payload(message, self.settings.receiver, self.settings.language))
        reply = await self.post(self.settings.url, body, headers, most=0)
        reply.raise_for_status()


def payload(message: Message, receiver: str, language: str) -> dict[str, Any]:
    """Return the body of the webhook."""
    incident = message.incident
    labels = _labels(incident)
    annotations = {
        "summary": message.title,
        "description": message.text,
        "place": message.place,
        "cause": incident.cause.in_language(language) if incident.cause else "",
    }
    status = "resolved" if incident.resolved_at else "firing"
    group = {"alertname": labels["alertname"], "incident": labels["incident"]}
    alert = {
        "status": status,
        "labels": labels,
        "annotations": annotations,
        "startsAt": incident.opened_at,
        "endsAt": incident.resolved_at or _NEVER,
        "generatorURL": message.link,
        "fingerprint": hashlib.sha256(msgspec.json.encode(labels)).hexdigest()[:16],
    }
    return {
        "version": "4",
        "groupKey": "{}:{" + ", ".join(f'{name}="{value}"' for name, value in group.items()) + "}",
        "truncatedAlerts": 0,
        "status": status,
        "receiver": receiver,
        "groupLabels": group,
        "commonLabels": labels,
        "commonAnnotations": annotations,
        "externalURL": message.link.rpartition("/incidents/")[0] or message.link,
        "alerts": [alert],
    }


def _labels(incident: Incident) -> dict[str, str]:
    """Return what names the incident for its whole life: its severity may change, so it is told beside them."""
    key = incident.key
    labels = {
        "alertname": key.rule,
        "incident": str(incident.id),
        "kind": str(incident.kind),
        "device": key.device,
        "site": key.device.partition("/")[0],
        "check": key.check,
        "subject": key.subject,
        "severity": str(incident.severity),
    }
    return {name: clean(value) for name, value in labels.items() if value}
