"""A small name server on this machine, over UDP: it answers what its records say, or in a way that helps nobody."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
from dns.rdatatype import RdataType


@dataclass
class Nameserver:
    """`records` by (name, type), as a zone file writes them; `trouble` is a code to answer with, or "silence"."""

    address: str = ""
    records: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    trouble: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)

    def put(self, name: str, kind: str, *values: str) -> None:
        self.records[name, kind] = list(values)

    def answer(self, wire: bytes) -> bytes | None:
        question = dns.message.from_wire(wire)
        name = question.question[0].name
        kind = RdataType.to_text(question.question[0].rdtype)
        self.asked.append((name.to_text(omit_final_dot=True), kind))
        if self.trouble == "silence":
            return None
        reply = dns.message.make_response(question)
        reply.flags |= dns.flags.RA
        if self.trouble:
            reply.set_rcode(dns.rcode.from_text(self.trouble))
        elif values := self.records.get(self.asked[-1]):
            reply.answer.append(dns.rrset.from_text_list(name, 60, "IN", kind, values))
        elif not any(known == self.asked[-1][0] for known, _ in self.records):
            reply.set_rcode(dns.rcode.NXDOMAIN)
        return reply.to_wire()


@contextmanager
def running_nameserver() -> Iterator[Nameserver]:
    nameserver = Nameserver()

    class Answer(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            wire, socket = self.request
            if reply := nameserver.answer(wire):
                socket.sendto(reply, self.client_address)

    with socketserver.ThreadingUDPServer(("127.0.0.1", 0), Answer) as server:
        nameserver.address = f"127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield nameserver
        server.shutdown()
        thread.join(10)
