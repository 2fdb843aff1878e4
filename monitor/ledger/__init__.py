"""The ledger: incidents with their timeline, messages that must be told, SSH host keys, the inventory's revisions.

One SQLite file.
"""

from monitor.ledger.database import LedgerError
from monitor.ledger.hostkeys import HostKey
from monitor.ledger.ledger import Ledger
from monitor.ledger.outbox import Delivery, DeliveryState
from monitor.ledger.revisions import Revision

__all__ = ["Delivery", "DeliveryState", "HostKey", "Ledger", "LedgerError", "Revision"]
