"""
The door of the browser page for other machines: nobody passes without the token.

viser itself asks nobody who they are and therefore only ever listens on the loopback interface.
The gate listens where it is told to and passes on connections whose first request carries the
token: in the query, answered by a cookie, or in that cookie. It does not encrypt.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from ssc_ros.errors import ConfigurationError

LOOPBACK = '127.0.0.1'
TOKEN_VARIABLE = 'SSC_ROS_VIEWER_TOKEN'
MIN_TOKEN_LENGTH = 16
COOKIE = 'ssc_ros_viewer'
HEAD_LIMIT = 1 << 15
HEAD_TIMEOUT_S = 10.0
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Access:
    """
    Who may open the page.

    Attributes:
        host: address to listen on; anything but the loopback interface needs a token.
        token: secret of at least 16 characters.

    Raises:
        ConfigurationError: a wider address without a token, or a token too short to be one.
    """

    host: str = LOOPBACK
    token: str = field(default='', repr=False)

    def __post_init__(self) -> None:
        if self.is_local:
            return
        if len(self.token) < MIN_TOKEN_LENGTH or not self.token.isalnum():
            raise ConfigurationError(
                f'the page cannot be opened to other machines on {self.host} without a token of '
                f'at least {MIN_TOKEN_LENGTH} letters and digits: set {TOKEN_VARIABLE}, e.g. to '
                'the output of `openssl rand -hex 16`, or stay on 127.0.0.1 and use `ssh -L`')

    @property
    def is_local(self) -> bool:
        """Only this machine can connect."""
        try:
            return self.host == 'localhost' or ipaddress.ip_address(self.host).is_loopback
        except ValueError as error:
            raise ConfigurationError(
                f'host {self.host!r} is no address: give one of this machine, or 0.0.0.0 for '
                'all of them') from error


class TokenGate:
    """
    Passes connections with the token on to a server of this machine, from construction to stop().

    Args:
        port: to listen on, 0 = any that is free.
        target_port: of the server behind it, on the loopback interface.

    Attributes:
        port: where it listens.
        refused: connections turned away so far.

    Raises:
        ConfigurationError: the address cannot be listened on.
    """

    def __init__(self, access: Access, port: int, target_port: int) -> None:
        self._token = access.token
        self._target_port = target_port
        self.refused = 0
        self._loop = asyncio.new_event_loop()
        try:
            self._server = self._loop.run_until_complete(
                asyncio.start_server(self._serve, access.host, port, limit=HEAD_LIMIT))
        except OSError as error:
            self._loop.close()
            raise ConfigurationError(
                f'cannot listen on {access.host} port {port} ({error}): choose another') from error
        self.port: int = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._run, name='ssc_token_gate', daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close the door and all connections through it."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5.0)

    def _run(self) -> None:
        self._loop.run_forever()
        self._loop.run_until_complete(self._close())
        self._loop.close()

    async def _close(self) -> None:
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter,
    ) -> None:
        try:
            head = await asyncio.wait_for(reader.readuntil(b'\r\n\r\n'), HEAD_TIMEOUT_S)
            answer = self._answer(head)
            if answer:
                writer.write(answer)
                await writer.drain()
            else:
                await self._pass_on(_single_request(head), reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError,
                asyncio.TimeoutError):
            self.refused += 1
        finally:
            writer.close()
            with suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    def _answer(self, head: bytes) -> bytes:
        """Return what to say instead of passing a request on, empty = pass it on."""
        lines = head.decode('latin-1').split('\r\n')
        if self._is_token(_cookie(lines)):
            return b''
        _, _, target = lines[0].partition(' ')
        try:
            tokens = parse_qs(urlsplit(target.partition(' ')[0]).query).get('token', [])
        except ValueError:
            tokens = []
        if any(self._is_token(token) for token in tokens):
            return _response(HTTPStatus.SEE_OTHER, (
                'Location: /',
                f'Set-Cookie: {COOKIE}={self._token}; Path=/; HttpOnly; SameSite=Strict'))
        self.refused += 1
        return _response(HTTPStatus.FORBIDDEN, ())

    def _is_token(self, text: str) -> bool:
        return hmac.compare_digest(text.encode(), self._token.encode())

    async def _pass_on(
        self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter,
    ) -> None:
        target_reader, target_writer = await asyncio.open_connection(LOOPBACK, self._target_port)
        target_writer.write(head)
        directions = [asyncio.ensure_future(_pump(reader, target_writer)),
                      asyncio.ensure_future(_pump(target_reader, writer))]
        try:
            await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for direction in directions:
                direction.cancel()
            target_writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()


def _cookie(lines: list[str]) -> str:
    for line in lines[1:]:
        name, _, value = line.partition(':')
        if name.strip().lower() == 'cookie':
            with suppress(CookieError):
                cookies = SimpleCookie(value.strip())
                return cookies[COOKIE].value if COOKIE in cookies else ''
    return ''


def _single_request(head: bytes) -> bytes:
    """Return the head of a request after which the connection ends, unless it is a WebSocket."""
    first, *lines = head.decode('latin-1').split('\r\n')[:-2]
    fields = {line.partition(':')[0].strip().lower() for line in lines}
    if 'upgrade' not in fields:
        # Or else later requests would come through unseen.
        lines = [line for line in lines if not line.lower().startswith('connection:')]
        lines.append('Connection: close')
    return '\r\n'.join([first, *lines, '', '']).encode('latin-1')


def _response(status: HTTPStatus, fields: tuple[str, ...]) -> bytes:
    body = f'{status.phrase}: open the page as http://HOST:PORT/?token=TOKEN\n'
    head = [f'HTTP/1.1 {status.value} {status.phrase}', *fields, 'Connection: close',
            'Content-Type: text/plain', 'Cache-Control: no-store',
            f'Content-Length: {len(body)}']
    return ('\r\n'.join(head) + '\r\n\r\n' + body).encode()
