"""The detection laboratory: how well outages are found and told, in virtual time, against a known truth."""
