"""How to ask: one file or package here is one probe; `probes.core` is what they share."""
