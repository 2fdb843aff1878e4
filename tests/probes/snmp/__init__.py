"""Tests of the SNMP engine, profiles and probe."""
