"""How good the alarms are."""
