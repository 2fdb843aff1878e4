"""The ledger: incidents, messages that must be told, host keys, bindings, the inventory's revisions, who did what.

One SQLite file.
"""

from monitor.ledger.audit import AuditEntry, Seal, Verified
from monitor.ledger.channels import ChannelHealth
from monitor.ledger.database import LedgerError
from monitor.ledger.deliveries import Delivery, DeliveryState
from monitor.ledger.hostkeys import HostKey
from monitor.ledger.ledger import Ledger
from monitor.ledger.revisions import Revision

__all__ = [
    "AuditEntry",
    "ChannelHealth",
    "Delivery",
    "DeliveryState",
    "HostKey",
    "Ledger",
    "LedgerError",
    "Revision",
    "Seal",
    "Verified",
]
