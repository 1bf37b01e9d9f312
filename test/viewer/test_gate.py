"""Other machines see the page only with the token; without one it does not open to them at all."""

from __future__ import annotations

import contextlib
import socket
import urllib.error
import urllib.request
from http.client import HTTPConnection

import pytest

from ssc_ros.errors import ConfigurationError
from ssc_ros.viewer.gate import COOKIE, HEAD_LIMIT, Access, TokenGate

pytest.importorskip('viser')

from ssc_ros.viewer.server import RecordingView

# viser 1.1 leaves a socket of its event loop to the garbage collector.
pytestmark = pytest.mark.filterwarnings('ignore::ResourceWarning')
TOKEN = '0123456789abcdef'
WIDE = '0.0.0.0'


@pytest.mark.parametrize('token', ['', 'short', 'x' * 15, 'with spaces in it, long enough'])
@pytest.mark.parametrize('host', [WIDE, '192.168.1.2', '::'])
def test_a_wider_address_without_a_real_token_is_refused(host, token):
    with pytest.raises(ConfigurationError, match='without a token'):
        Access(host, token)


@pytest.mark.parametrize('host', ['127.0.0.1', 'localhost', '::1', '127.8.0.1'])
def test_this_machine_needs_no_token(host):
    assert Access(host).is_local


def test_a_host_that_is_no_address_is_refused():
    with pytest.raises(ConfigurationError, match='no address'):
        Access('robot.example', TOKEN)


def test_the_token_is_not_shown():
    assert TOKEN not in repr(Access(WIDE, TOKEN))


@pytest.fixture
def view(recording):
    """Return a page that is open to other machines."""
    view = RecordingView(recording, port=0, access=Access(WIDE, TOKEN))
    yield view
    view.stop()


@pytest.fixture
def request_page(view):
    """Return a function that asks the gate for a page and returns the response."""
    connections = []

    def ask(path='/', **headers):
        connection = HTTPConnection('127.0.0.1', view._gate.port, timeout=10)
        connections.append(connection)
        connection.request('GET', path, headers={
            name.replace('_', '-'): value for name, value in headers.items()})
        return connection.getresponse()

    yield ask
    for connection in connections:
        connection.close()


@pytest.mark.parametrize('path', ['/', '/?token=', '/?token=wrong', f'/?token={TOKEN}x',
                                  f'/?tokens={TOKEN}', f'/{TOKEN}', '/?token=%00'])
def test_without_the_token_nothing_is_shown(view, request_page, path):
    response = request_page(path)
    assert response.status == 403 and b'<html' not in response.read().lower()
    assert view._gate.refused == 1


@pytest.mark.parametrize('cookie', ['', 'wrong', TOKEN[:-1], f'"{TOKEN}', f'{TOKEN}; x=1'])
def test_a_wrong_cookie_opens_nothing(request_page, cookie):
    status = request_page(Cookie=f'{COOKIE}={cookie}').status
    assert status == (200 if cookie.startswith(f'{TOKEN};') else 403)


def test_the_token_becomes_a_cookie_with_which_the_page_opens(request_page):
    response = request_page(f'/?token={TOKEN}')
    assert response.status == 303 and response.headers['Location'] == '/'
    given = response.headers['Set-Cookie']
    assert 'HttpOnly' in given and 'SameSite=Strict' in given
    page = request_page(Cookie=f'other=1; {given.partition(";")[0]}')
    assert page.status == 200 and b'<html' in page.read()[:2000].lower()


def test_a_websocket_passes_with_the_cookie_only(view):
    pytest.importorskip('websockets')
    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import connect

    url = f'ws://127.0.0.1:{view._gate.port}'
    with pytest.raises(InvalidStatus) as refused, connect(url):
        pass
    assert refused.value.response.status_code == 403
    with connect(url, additional_headers={'Cookie': f'{COOKIE}={TOKEN}'},
                 subprotocols=[f'viser-v{_viser_version()}'], max_size=None) as socket_:
        assert socket_.recv(timeout=10)  # the scene comes through


def _viser_version():
    import viser
    return viser.__version__


def test_viser_itself_listens_on_this_machine_only(view):
    inner = view.server.get_port()
    assert inner != view._gate.port
    with urllib.request.urlopen(f'http://127.0.0.1:{inner}', timeout=10) as response:
        assert response.status == 200
    with contextlib.closing(socket.socket()) as probe:
        address = socket.gethostbyname(socket.gethostname())
        if not address.startswith('127.'):
            assert probe.connect_ex((address, inner)) != 0
    assert TOKEN not in view.url


@pytest.mark.parametrize('request_bytes', [
    b'\r\n\r\n', b'\xff\xfe\x00\r\n\r\n', b'GET\r\n\r\n', b'GET http://[ HTTP/1.1\r\n\r\n',
    b'GET / HTTP/1.1\r\nCookie: ' + b'a=b;' * 2000 + b'\r\n\r\n',
    b'G' * (HEAD_LIMIT + 10), b'GET / HTTP/1.1\r\nCookie: \x01=\x02;;=\r\n\r\n'])
def test_nonsense_closes_the_connection_and_the_gate_stays_open(view, request_page, request_bytes):
    with socket.create_connection(('127.0.0.1', view._gate.port), 10) as client:
        client.sendall(request_bytes)
        client.shutdown(socket.SHUT_WR)
        answer = b''
        with contextlib.suppress(ConnectionResetError):
            while data := client.recv(4096):
                answer += data
        assert not answer or answer.startswith(b'HTTP/1.1 403')
    assert request_page(Cookie=f'{COOKIE}={TOKEN}').status == 200


def test_a_taken_port_is_an_error_with_the_remedy():
    with (contextlib.closing(socket.create_server((WIDE, 0))) as taken,
          pytest.raises(ConfigurationError, match='choose another')):
        TokenGate(Access(WIDE, TOKEN), taken.getsockname()[1], 1)
