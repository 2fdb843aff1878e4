"""Simulated conference units: a SIP stack that answers OPTIONS over UDP (RFC 3261 §11.2)."""

from __future__ import annotations

from monitor.demo.layout import SIP_PORT
from monitor.demo.machine import Machine
from monitor.demo.udp_port import UdpPort

_COPIED = ("via", "from", "to", "call-id", "cseq")
_MOST_LINES = 64


class SipAgent(UdpPort):
    """The SIP port of one conference unit."""

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine, SIP_PORT)

    def answer(self, request: bytes) -> bytes | None:
        """Return the response to a request, `None` to what is none."""
        return answer(request, self._machine.place.name)


def answer(request: bytes, tag: str) -> bytes | None:
    """Return the response to a request, `None` to what is none. Anything but OPTIONS is not allowed."""
    lines = request.decode("utf-8", "replace").split("\r\n\r\n", 1)[0].split("\r\n")
    method, _, rest = lines[0].partition(" ")
    if not rest.endswith(" SIP/2.0"):
        return None
    copied = [line for line in lines[1:_MOST_LINES] if line.partition(":")[0].strip().lower() in _COPIED]
    status = "200 OK" if method == "OPTIONS" else "405 Method Not Allowed"
    head = [f"SIP/2.0 {status}", *(_tagged(line, tag) for line in copied)]
    head += ["Allow: INVITE, ACK, CANCEL, OPTIONS, BYE", "Accept: application/sdp", "Supported: timer"]
    head += ["Server: DemoCodec/4.2", "Content-Length: 0", "", ""]
    return "\r\n".join(head).encode()


def _tagged(line: str, tag: str) -> str:
    name = line.partition(":")[0].strip().lower()
    return f"{line};tag={tag}" if name == "to" and ";tag=" not in line else line
