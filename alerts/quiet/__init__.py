"""Quiet: silences and planned maintenance hold back the telling, never the asking, the judging or the record."""
