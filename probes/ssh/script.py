"""The one command that is run on a Linux host, and its answer cut into sections.

The answer is plain text: for each section, in the order of `SECTIONS` or `SECTIONS + CONFIG_SECTIONS`, a line
``@@name`` and the content, which may be empty; last the line ``@@end``. Empty lines mean nothing. A section
that is unknown, missing, repeated or out of order makes the whole answer invalid, so that no file name or
mount point on the host can pass for a section (abuse case A26).

``uptime``, ``loadavg``, ``meminfo``: the files of ``/proc``
``stat``: the first line of ``/proc/stat``
``df``: ``df -PTkl``, ``df -PTk`` or ``df -Pk``
``units``: the line ``ok`` and the failed systemd units; nothing when systemd does not answer
``os``: ``/etc/os-release``
``kernel``: ``uname -sr``
``sshd``: the line ``effective`` and the output of ``sshd -T``, or the line ``file`` and the configuration
files, or the line ``unreadable``
"""

from __future__ import annotations

from typing import Final

SECTIONS: Final = ("uptime", "loadavg", "stat", "meminfo", "df", "units")
"""Collected every time."""
CONFIG_SECTIONS: Final = ("os", "kernel", "sshd")
"""Collected once for each login."""
MAX_OUTPUT: Final = 1024 * 1024
"""Bytes read at most (abuse case A21); the command itself stays far below."""

_PROLOGUE = (
    "PATH=$PATH:/usr/sbin:/sbin:/usr/bin:/bin; LC_ALL=C; export PATH LC_ALL; exec 2>/dev/null </dev/null; "
    's() { printf "\\n@@%s\\n" "$1"; }; '
)
_EVERY_TIME = (
    "s uptime; head -c 1024 /proc/uptime; "
    "s loadavg; head -c 1024 /proc/loadavg; "
    "s stat; head -n 1 /proc/stat; "
    "s meminfo; head -c 16384 /proc/meminfo; "
    # -l leaves network file systems out: asking one whose server is gone hangs for ever
    "s df; { df -PTkl || df -PTk || df -Pk; } | head -c 131072; "
    "s units; u=$(systemctl list-units --state=failed --plain --no-legend --no-pager) && "
    'printf "ok\\n%s\\n" "$u" | head -c 65536; '
)
_ONCE = (
    "s os; head -c 8192 /etc/os-release; "
    "s kernel; uname -sr; "
    "s sshd; f=/etc/ssh/sshd_config; p=$PPID; n=0; "
    # the sshd that serves us may have another file: its listener, an ancestor of ours, names it
    'while [ "$n" -lt 8 ] && [ "${p:-0}" -gt 0 ]; do '
    'a=$(head -c 4096 "/proc/$p/cmdline" | tr "\\0" " "); '
    'case "$a" in *"[listener]"*|*"/sshd "*) '
    'g=$(printf "%s \\n" "$a" | sed -n "s/.* -f *\\([^ ]*\\) .*/\\1/p"); '
    'if [ -n "$g" ]; then f=$g; fi; break;; esac; '
    'p=$(sed -n "s/^PPid:[^0-9]*//p" "/proc/$p/status"); n=$((n+1)); done; '
    't=; if [ "$(id -u)" = 0 ]; then t=$(sshd -T -f "$f"); {sudo}fi; '
    'if [ -n "$t" ]; then printf "effective\\n%s\\n" "$t"; '
    'elif [ -r "$f" ]; then echo file; cd /etc/ssh; while read -r k v || [ -n "$k" ]; do case "$k" in '
    '[Ii][Nn][Cc][Ll][Uu][Dd][Ee]) for x in $v; do if [ -f "$x" ]; then '
    'printf "#@file\\n"; cat "$x" || printf "#@unreadable\\n"; printf "\\n#@back\\n"; '
    'elif [ -d "${x%/*}" ]; then [ -r "${x%/*}" ] || printf "#@unreadable\\n"; fi; done;; '
    '*) printf "%s %s\\n" "$k" "$v";; esac; done <"$f" | head -c 131072; '
    "else echo unreadable; fi; "
)
_SUDO = 'else t=$(sudo -n sshd -T -f "$f"); '


class Invalid(Exception):
    """The answer has not the form described above; the text says where."""


def command(*, with_configuration: bool, sudo: bool) -> str:
    """Return one line for any login shell: no quote or exclamation mark inside that csh would see."""
    once = _ONCE.replace("{sudo}", _SUDO if sudo else "") if with_configuration else ""
    return f"exec sh -c '{_PROLOGUE}{_EVERY_TIME}{once}s end'"


def split(output: bytes, *, with_configuration: bool) -> dict[str, list[str]]:
    """Cut `output` into its sections, each a list of lines that are not empty. Raises `Invalid`."""
    expected = [*SECTIONS, *(CONFIG_SECTIONS if with_configuration else ()), "end"]
    sections: dict[str, list[str]] = {}
    lines: list[str] | None = None
    for line in output.decode("utf-8", "replace").split("\n"):
        if line.startswith("@@"):
            lines = sections[_next(line[2:].strip(), expected, len(sections))] = []
        elif lines is not None and line.strip():
            lines.append(line.rstrip("\r"))
    if len(sections) != len(expected):
        raise Invalid(f"the answer ends before section {expected[len(sections)]}")
    return sections


def _next(name: str, expected: list[str], position: int) -> str:
    if position >= len(expected) or name != expected[position]:
        raise Invalid("a section of the answer is unknown, repeated or out of order")
    return name
