"""What may stand between client and server: TLS ended in the server (nothing is offered then), a reverse proxy."""

from __future__ import annotations

import datetime
import shutil
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from websockets.asyncio.client import connect

from agents import command
from tests.broker.hive import free_port, until
from tests.takeover.world import SECONDS, Raw, World, frame

NGINX = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
{user}
events {{ }}
http {{
  access_log off;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://127.0.0.1:{target};
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
      proxy_set_header Host $host;
    }}
  }}
}}
"""


def a_certificate(folder: Path) -> Path:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    alternative = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    certificate = builder.add_extension(alternative, critical=False).sign(key, hashes.SHA256())
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (folder / "both.pem").write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return folder / "both.pem"


async def test_over_tls_the_plain_way_is_taken(tmp_path: Path) -> None:
    certificate = a_certificate(tmp_path)
    world = World(tmp_path, certificate=certificate)
    try:
        trusting = ssl.create_default_context(cafile=str(certificate))
        async with connect(f"wss://localhost:{world.tls_port}/either", ssl=trusting) as client:
            await client.send("hallo")
            assert await client.recv() == "hallo"
    finally:
        world.close()


@pytest.fixture
def proxy(world: World, tmp_path: Path) -> Iterator[int]:
    """The port of an nginx in front of the world."""
    port, program = free_port(), shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin")
    assert program, "nginx is missing: `make setup` installs it"
    configuration = tmp_path / "nginx.conf"
    user = "user root;" if Path("/root").exists() and tmp_path.owner() == "root" else ""
    configuration.write_text(NGINX.format(folder=tmp_path, port=port, target=world.port, user=user))
    process: Any = command.start([program, "-c", str(configuration)], env=command.clean_environment())
    until(lambda: (tmp_path / "nginx.pid").exists() and (tmp_path / "nginx.pid").read_text(), SECONDS, "nginx")
    yield port
    process.terminate()
    process.wait(20)


def test_behind_nginx(world: World, proxy: int) -> None:
    data = frame(1, b"hallo") + frame(2, b"x" * 70_000)
    with Raw(("127.0.0.1", proxy), "/echo", along=frame(1, b"first")) as raw:
        assert b"101 Switching" in raw.answer()
        assert raw.frame() == (1, b"first")
        for cut in (1, 5, 11, 200):
            raw.send(data[:cut])
            raw.send(data[cut:])
            assert [raw.frame(), raw.frame()] == [(1, b"hallo"), (2, b"x" * 70_000)]
        raw.send(frame(1, b"close"))
        assert raw.closed_with() == 4321
        raw.send(frame(8, (4321).to_bytes(2, "big")))
        raw.at_end()
    until(lambda: world.alive("/echo") == 0, SECONDS)


def test_a_client_behind_nginx_that_vanishes_ends_its_consumer(world: World, proxy: int) -> None:
    with Raw(("127.0.0.1", proxy), "/echo") as raw:
        raw.answer()
        raw.send(frame(1, b"x"))
        raw.frame()
        assert world.alive("/echo") == 1
    until(lambda: world.alive("/echo") == 0, SECONDS)
