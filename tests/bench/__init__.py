"""Tests of the benches that judge more than speed."""
