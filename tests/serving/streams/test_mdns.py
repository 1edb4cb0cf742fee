"""Wyoming in the local network: what is announced, and when it cannot be."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from serving.streams.rooms import service
from sonant.errors import MissingExtra, ServeError
from sonant.serving.streams import mdns
from sonant.serving.streams.mdns import Announcement, address_of
from sonant.serving.streams.wyoming import WyomingServer


@dataclass
class Network:
    """What zeroconf was asked for."""

    announced: list[Any] = field(default_factory=list)
    closed: int = 0
    error: Exception | None = None

    def __call__(self) -> Network:
        return self

    async def async_register_service(self, info: Any) -> None:
        if self.error:
            raise self.error
        self.announced.append(info)

    async def async_unregister_all_services(self) -> None:
        self.announced.clear()

    async def async_close(self) -> None:
        self.closed += 1


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    """A network that remembers, and the library's own description of a service."""
    from zeroconf.asyncio import AsyncServiceInfo

    found = Network()
    fake = SimpleNamespace(AsyncServiceInfo=AsyncServiceInfo, AsyncZeroconf=found)
    monkeypatch.setattr(mdns, "_library", lambda: fake)
    return found


def test_others_find_the_server_under_its_name(network: Network) -> None:
    async def run() -> Any:
        announcement = Announcement("kitchen", host="192.0.2.7", port=10400)
        await announcement.start()
        (info,) = network.announced
        await announcement.stop()
        await announcement.stop()
        return info

    info = asyncio.run(run())
    assert (info.type, info.name) == ("_wyoming._tcp.local.", "kitchen._wyoming._tcp.local.")
    assert (info.parsed_addresses(), info.port) == (["192.0.2.7"], 10400)
    assert (network.announced, network.closed) == ([], 1)


def test_a_network_that_takes_no_announcement_is_told_of(network: Network) -> None:
    network.error = OSError("no multicast here")
    with pytest.raises(
        ServeError, match=r"--zeroconf kitchen: cannot be announced \(OSError: no mult"
    ):
        asyncio.run(Announcement("kitchen", host="192.0.2.7", port=1).start())
    assert network.closed == 1


@pytest.mark.usefixtures("network")
def test_a_server_that_nobody_else_reaches_is_not_announced() -> None:
    async def run(room: Any) -> None:
        server = WyomingServer(room)
        with pytest.raises(ServeError, match=r"add --host 0\.0\.0\.0, or leave out --zeroconf"):
            await server.start()
        assert server._server is None

    with service(wyoming_port=0, zeroconf="kitchen") as room:
        asyncio.run(run(room))


def test_a_server_is_announced_while_it_listens(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run(room: Any) -> None:
        server = WyomingServer(room)
        port = await server.start()
        assert [info.port for info in network.announced] == [port]
        await server.stop()
        assert not network.announced

    monkeypatch.setattr(mdns, "_own_address", lambda: "192.0.2.7")
    with service(wyoming_port=0, host="0.0.0.0", zeroconf="kitchen") as room:
        asyncio.run(run(room))


def test_a_host_without_an_address_is_named() -> None:
    with pytest.raises(ServeError, match=r"--host nowhere\.invalid: has no address to announce"):
        address_of("nowhere.invalid")
    assert str(address_of("::ffff:192.0.2.1")) == "::ffff:c000:201"


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zeroconf", None)
    monkeypatch.setitem(sys.modules, "zeroconf.asyncio", None)
    with pytest.raises(MissingExtra, match=r"sonant\[zeroconf\]"):
        asyncio.run(Announcement("kitchen", host="192.0.2.7", port=1).start())
