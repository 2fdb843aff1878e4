"""The pages of a whole nation in a mass outage: see `bench.web.__main__`."""
