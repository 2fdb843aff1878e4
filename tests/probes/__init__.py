"""Tests of the probes, each against real servers and hostile ones."""
