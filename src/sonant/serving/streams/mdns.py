"""Wyoming announced in the local network, where Home Assistant finds it by itself."""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING, Any, Final, final

from sonant.errors import MissingExtra, ServeError

if TYPE_CHECKING:
    from types import ModuleType

SERVICE: Final = "_wyoming._tcp.local."
MULTICAST: Final = "224.0.0.251"
"""The group of multicast DNS; a socket that would send there knows the machine's own address."""


@final
class Announcement:
    """One service in the network, from `start` to `stop`."""

    def __init__(self, name: str, *, host: str, port: int) -> None:
        """`name` is what people see; it has to be the only one of its kind in the network."""
        self._name = name
        self._host = host
        self._port = port
        self._zeroconf: Any = None

    async def start(self) -> None:
        """Announce it.

        Raises `MissingExtra` without zeroconf, and `ServeError` where the server listens on this
        machine alone, or the network does not take the announcement.
        """
        library = _library()
        address = address_of(self._host)
        info = library.AsyncServiceInfo(
            SERVICE, f"{self._name}.{SERVICE}", addresses=[address.packed], port=self._port
        )
        try:
            self._zeroconf = library.AsyncZeroconf()
            await self._zeroconf.async_register_service(info)
        except Exception as error:  # zeroconf's errors and the system's share no narrower class
            await self.stop()
            raise ServeError(
                f"--zeroconf {self._name}: cannot be announced ({type(error).__name__}: {error})"
            ) from error

    async def stop(self) -> None:
        """Take it back."""
        if self._zeroconf is not None:
            await self._zeroconf.async_unregister_all_services()
            await self._zeroconf.async_close()
            self._zeroconf = None


def address_of(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Where others reach a server that listens on `host`; raises `ServeError` where they do not."""
    if host in ("", "0.0.0.0", "::"):
        host = _own_address()
    try:
        found = ipaddress.ip_address(socket.getaddrinfo(host, None)[0][4][0])
    except (OSError, ValueError) as error:
        raise ServeError(f"--host {host}: has no address to announce ({error})") from error
    if found.is_loopback:
        raise ServeError(
            f"--zeroconf announces the server to other machines, but --host {host} is reached from "
            f"this one alone: add --host 0.0.0.0, or leave out --zeroconf"
        )
    return found


def _own_address() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Nothing is sent: this only asks for the way.
            probe.connect((MULTICAST, 1))
        except OSError as error:
            raise ServeError(
                f"--zeroconf: this machine has no network to be announced in ({error})"
            ) from error
        own: str = probe.getsockname()[0]
        return own


def _library() -> ModuleType:
    try:
        import zeroconf.asyncio
    except ImportError as error:
        raise MissingExtra("zeroconf", extra="zeroconf", purpose="--zeroconf") from error
    return zeroconf.asyncio
