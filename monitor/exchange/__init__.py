"""Inventories that come and go: spreadsheets, NetBox, Prometheus. One module is one format."""
