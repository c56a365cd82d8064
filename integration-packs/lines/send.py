"""Sends the line on standard input over udp, tcp or tls: send.py PROTOCOL HOST PORT."""

import socket
import ssl
import sys


def main() -> None:
    protocol, host, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
    line = sys.stdin.buffer.readline()
    if protocol == "udp":
        family, kind, number, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_DGRAM
        )[0]
        with socket.socket(family, kind, number) as sender:
            sender.sendto(line.rstrip(b"\n"), address)
        return
    with socket.create_connection((host, port), timeout=10) as stream:
        if protocol == "tls":
            # IRM_CA_FILE: the authority of a listener with a certificate of your own.
            import os

            context = ssl.create_default_context(cafile=os.environ.get("IRM_CA_FILE"))
            with context.wrap_socket(stream, server_hostname=host) as secured:
                secured.sendall(line)
        else:
            stream.sendall(line)


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        sys.exit(f"Nothing was sent: {error}")
