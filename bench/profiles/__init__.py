"""How well the profiles read what others read of the same devices: ``python -m bench.profiles FOLDER [--json]``.

FOLDER holds recordings with the values that LibreNMS found in them (``devices/<id>/<id>.snmprec`` and
``expected.json``) and, for identification alone, ``detect/<id>.snmprec``. Each is served from memory, and the real
engine and session recognise it, study it and poll it twice. The rules by which a value counts are in
`docs/profiles-measured.md`, which ``--table`` writes.
"""
