"""The ledger: incidents and their timeline, messages that must be told, approved SSH host keys. SQLite."""

from monitor.ledger.database import LedgerError
from monitor.ledger.hostkeys import HostKey
from monitor.ledger.ledger import Ledger
from monitor.ledger.outbox import Delivery, DeliveryState

__all__ = ["Delivery", "DeliveryState", "HostKey", "Ledger", "LedgerError"]
