"""What states, outcomes, metrics and facts are called on the pages; unknown names show as they are."""

from __future__ import annotations

from collections.abc import Mapping

from alerts.incident import DeviceState, Severity, Status, Step
from monitor.access.permission import Role
from monitor.web.language import N_
from probes.core.observation import Outcome

STATES: Mapping[DeviceState, str] = {
    DeviceState.UP: N_("Normal"),
    DeviceState.DEGRADED: N_("Degraded"),
    DeviceState.DOWN: N_("Down"),
    DeviceState.UNREACHABLE: N_("Unreachable"),
    DeviceState.NO_DATA: N_("No data"),
}
SERVES: Mapping[DeviceState, str] = {
    DeviceState.UP: N_("Works"),
    DeviceState.DEGRADED: N_("Works, but not well"),
    DeviceState.DOWN: N_("Does not work"),
    DeviceState.UNREACHABLE: N_("Does not work"),
    DeviceState.NO_DATA: N_("Not known"),
}
"""What states mean for a service."""
SEVERITIES: Mapping[Severity, str] = {
    Severity.LOW: N_("Low"),
    Severity.MEDIUM: N_("Medium"),
    Severity.WARNING: N_("Warning"),
    Severity.HIGH: N_("High"),
    Severity.CRITICAL: N_("Critical"),
}
STATUSES: Mapping[Status, str] = {
    Status.OPEN: N_("Open"),
    Status.ACKNOWLEDGED: N_("Acknowledged"),
    Status.RESOLVED: N_("Resolved"),
}
STEPS: Mapping[Step, str] = {
    Step.OPENED: N_("Opened"),
    Step.CHANGED: N_("Changed"),
    Step.ACKNOWLEDGED: N_("Acknowledged"),
    Step.RELEASED: N_("Given back"),
    Step.NOTED: N_("Note"),
    Step.ESCALATED: N_("Told on"),
    Step.RESOLVED: N_("Resolved"),
    Step.REOPENED: N_("Came back"),
}
OUTCOMES: Mapping[Outcome, str] = {
    Outcome.OK: N_("Answered"),
    Outcome.TIMEOUT: N_("No answer"),
    Outcome.REFUSED: N_("Refused"),
    Outcome.UNREACHABLE: N_("No route"),
    Outcome.AUTH_FAILED: N_("Wrong credential"),
    Outcome.UNTRUSTED: N_("Host key not approved"),
    Outcome.PROTOCOL_ERROR: N_("Faulty answer"),
    Outcome.NOT_READY: N_("Cannot ask"),
    Outcome.PROBE_BUG: N_("Monitor fault"),
}
OUTCOME_HELP: Mapping[Outcome, str] = {
    Outcome.OK: N_("The device answered."),
    Outcome.TIMEOUT: N_("Nothing came back in time."),
    Outcome.REFUSED: N_("The device is alive, but nothing listens there."),
    Outcome.UNREACHABLE: N_("The network knows no way, or the name does not resolve."),
    Outcome.AUTH_FAILED: N_("The device is alive and did not accept our credential."),
    Outcome.UNTRUSTED: N_("The host key is not approved or has changed; no credential was sent."),
    Outcome.PROTOCOL_ERROR: N_("The device answered with an error, or not as the protocol demands."),
    Outcome.NOT_READY: N_(
        "The monitor lacks a credential or a permission; nothing is wrong with the device."
    ),
    Outcome.PROBE_BUG: N_("The monitor itself failed; nothing is known about the device."),
}
METRICS: Mapping[str, str] = {
    "probe.duration": N_("Time of the check"),
    "probe.success": N_("Success of the check"),
    "probe.outcome": N_("How the check ended, as a number"),
    "system.cpu.utilization": N_("CPU in use"),
    "system.linux.cpu.load": N_("Load"),
    "system.linux.cpu.load_1m": N_("Load, 1 minute"),
    "system.linux.cpu.load_5m": N_("Load, 5 minutes"),
    "system.linux.cpu.load_15m": N_("Load, 15 minutes"),
    "system.memory.utilization": N_("Memory in use"),
    "system.memory.usage": N_("Memory used"),
    "system.memory.limit": N_("Memory"),
    "system.paging.utilization": N_("Swap in use"),
    "system.filesystem.utilization": N_("Storage in use"),
    "system.filesystem.usage": N_("Storage used"),
    "system.filesystem.limit": N_("Storage"),
    "system.uptime": N_("Running since its last start"),
    "system.systemd.units.failed": N_("Failed system services"),
    "hw.temperature": N_("Temperature"),
    "hw.network.up": N_("Interface is up"),
    "hw.network.io": N_("Traffic"),
    "hw.network.errors": N_("Transmission errors"),
    "hw.battery.charge": N_("Battery charge"),
    "hw.battery.discharging": N_("Running on battery"),
    "hw.battery.time_left": N_("Time left on battery"),
    "hw.power_supply.utilization": N_("Power supply load"),
    "hw.status": N_("State"),
    "hw.humidity": N_("Humidity"),
    "hw.voltage": N_("Voltage"),
    "hw.current": N_("Electric current"),
    "hw.power": N_("Power"),
    "hw.apparent_power": N_("Apparent power"),
    "hw.energy.total": N_("Energy"),
    "hw.frequency": N_("Frequency"),
    "hw.fan.speed": N_("Fan speed"),
    "hw.pressure": N_("Pressure"),
    "hw.power_factor": N_("Power factor"),
    "hw.signal.power": N_("Signal power"),
    "hw.signal.ratio": N_("Signal to noise"),
    "hw.battery.time_used": N_("Time on battery"),
    "hw.delay": N_("Delay"),
    "hw.utilization": N_("In use"),
    "hw.count": N_("Count"),
    "hw.supply.level": N_("Toner and paper"),
    "system.cpu.core.utilization": N_("CPU in use, each core"),
    "system.memory.pool.utilization": N_("Memory in use, each pool"),
    "icmp.loss": N_("Packet loss"),
    "icmp.rtt.min": N_("Latency, least"),
    "icmp.rtt.mean": N_("Latency"),
    "icmp.rtt.max": N_("Latency, most"),
    "icmp.jitter": N_("Jitter"),
    "tcp.connect.duration": N_("Time to connect"),
    "sip.rtt": N_("SIP latency"),
    "sip.connect.duration": N_("Time to connect"),
    "sip.retransmissions": N_("SIP retransmissions"),
    "sip.response.status_code": N_("SIP status code"),
    "http.duration": N_("Time of the web request"),
    "http.response.status_code": N_("HTTP status code"),
    "http.response.body.size": N_("Size of the page"),
    "tls.certificate.remaining": N_("Certificate valid for"),
}
AUDITED = (
    N_("secret set"),
    N_("secret rotated"),
    N_("secret removed"),
    N_("master key made"),
    N_("master key rotated"),
    N_("credentials confirmed"),
    N_("credentials held back"),
    N_("host key approved"),
    N_("host key revoked"),
    N_("silence made"),
    N_("silence extended"),
    N_("silence ended"),
    N_("maintenance made"),
    N_("maintenance extended"),
    N_("maintenance ended"),
    N_("not done after all"),
)
"""What the record says was done."""
FLAGS = frozenset({"probe.success", "hw.network.up", "hw.battery.discharging"})
"""Metrics that are 1 or 0 and mean yes or no."""
FACTS: Mapping[str, str] = {
    "snmp.sys_name": N_("Name of the device"),
    "snmp.sys_descr": N_("Description"),
    "snmp.sys_object_id": N_("Object id (SNMP)"),
    "snmp.profile": N_("Device profile"),
    "snmp.interfaces": N_("Interfaces"),
    "snmp.default_community": N_("Default community accepted"),
    "neighbours.name": N_("Calls itself"),
    "neighbours.own": N_("Own hardware addresses"),
    "neighbours.told": N_("Neighbour (LLDP, CDP)"),
    "neighbours.behind": N_("Heard at the port"),
    "neighbours.addresses": N_("Addresses spoken with"),
    "ssh.version": N_("SSH software"),
    "ssh.auth_methods": N_("SSH login methods"),
    "ssh.host_key_fingerprint": N_("SSH host key"),
    "ssh.host_key_changed": N_("SSH host key changed"),
    "ssh.weak_kex": N_("Weak SSH key exchanges"),
    "ssh.weak_ciphers": N_("Weak SSH ciphers"),
    "ssh.weak_macs": N_("Weak SSH MACs"),
    "sshd.permitrootlogin": N_("SSH login as root"),
    "sshd.passwordauthentication": N_("SSH login with a password"),
    "sshd.permitemptypasswords": N_("SSH login without a password"),
    "tls.certificate.subject": N_("Certificate for"),
    "tls.certificate.issuer": N_("Certificate issued by"),
    "tls.certificate.not_after": N_("Certificate valid until"),
    "tls.certificate.expired": N_("Certificate expired"),
    "tls.certificate.self_signed": N_("Certificate self-signed"),
    "tls.certificate.name_mismatch": N_("Certificate for another name"),
    "tls.certificate.untrusted": N_("Certificate not trusted"),
    "tls.versions": N_("TLS versions"),
    "tls.weak_ciphers": N_("Weak TLS ciphers"),
    "sip.server": N_("SIP software"),
    "sip.status": N_("Answer to SIP OPTIONS"),
    "sip.tls_version": N_("TLS version of SIP"),
    "snmp.breaker": N_("Asked less while it is silent"),
    "snmp.default_community_ways": N_("Default community accepted, by version"),
    "snmp.engine_event": N_("SNMPv3 engine changed"),
    "snmp.trap": N_("SNMP trap"),
    "snmp.trap_severity": N_("Severity by the vendor's MIB"),
    "snmp.trap_state": N_("States in the trap"),
    "snmp.trap_values": N_("Values in the trap"),
    "ssh.host_key_type": N_("Kind of the SSH host key"),
    "ssh.host_key_rsa_bits": N_("Length of the RSA host key (bits)"),
    "sshd.source": N_("SSH settings were read from"),
    "system.units.failed": N_("System services that failed"),
    "tls.compression": N_("TLS compression"),
    "tls.dh_bits": N_("Diffie-Hellman group (bits)"),
    "tls.forward_secrecy": N_("Forward secrecy"),
    "tls.secure_renegotiation": N_("Secure renegotiation"),
    "tls.untested_versions": N_("TLS versions that could not be tested"),
    "sip.user_agent": N_("SIP software"),
    "sip.allow": N_("SIP methods"),
    "tcp.port": N_("Port"),
    "tcp.banner": N_("Greeting of the port"),
    "tcp.telnet": N_("Telnet answers"),
    "http.server": N_("Web server"),
    "http.title": N_("Title of the page"),
    "http.redirect": N_("Leads on to"),
    "http.plain_login": N_("Login without encryption"),
    "os.description": N_("Operating system"),
    "os.kernel": N_("Kernel"),
}
LABELS: Mapping[str, str] = {
    "interface": N_("interface"),
    "mountpoint": N_("folder"),
    "check": N_("check"),
    "sensor": N_("sensor"),
    "direction": N_("direction"),
    "phase": N_("phase"),
    "port": N_("port"),
    "part": N_("part"),
    "pool": N_("memory"),
    "url": N_("address"),
}
LABEL_VALUES: Mapping[str, str] = {
    "receive": N_("received"),
    "transmit": N_("sent"),
    "dns": N_("finding the name"),
    "connect": N_("connecting"),
    "tls": N_("TLS handshake"),
    "first_byte": N_("first byte"),
    "transfer": N_("transfer"),
}
FACT_VALUES: Mapping[str, str] = {
    "true": N_("yes"),
    "false": N_("no"),
    "yes": N_("yes"),
    "no": N_("no"),
    "open": N_("open"),
    "closed": N_("closed"),
}
"""Words of ours, and of sshd, that stand alone as a fact."""

SITE_KINDS: Mapping[str, str] = {
    "commune": N_("Communes, wards, special zones"),
    "data_centre": N_("Data centres"),
    "other": N_("Other places"),
}
"""Kinds of site, many of them."""

ROLES: Mapping[str, str] = {
    Role.VIEWER: N_("Viewer"),
    Role.OPERATOR: N_("Operator"),
    Role.ADMIN: N_("Administrator"),
}
ROLE_HELP: Mapping[str, str] = {
    Role.VIEWER: N_("sees"),
    Role.OPERATOR: N_("sees, takes on incidents, silences"),
    Role.ADMIN: N_("everything, users and inventory too"),
}
SOURCES: Mapping[str, str] = {
    "local": N_("own password"),
    "ldap": N_("directory (LDAP)"),
    "oidc": N_("single sign-on (OIDC)"),
}
EVERY_SITE = N_("every site")
