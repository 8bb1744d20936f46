"""A mail server on a real socket that accepts mails, refuses them, hangs, or disconnects, as a test tells it."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from email import message_from_bytes, policy
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from email.message import EmailMessage


class MailServer:
    """Listens on `port` until it is closed. `mood` is evaluated at every step of every session.

    ``well``: accepts everything. ``silent``: accepts connections and never responds. ``no 354``: never responds to
    DATA. ``no 250``: receives the text and never responds. ``breaks off``: disconnects after receiving the text.
    ``cut 250``: does so within its response. ``bad 221``: accepts everything and answers QUIT with a line that is too
    long. ``drips`` and ``drips 250``: begins the greeting, or the response to the text, and never ends it, although a
    byte arrives again and again. Any other value is the response to RCPT, such as ``550 unknown``.
    """

    AFTER_TEXT: Final = ("no 250", "breaks off", "drips 250", "cut 250")
    MOODS: Final = (*AFTER_TEXT, "well", "silent", "no 354", "bad 221", "drips")

    def __init__(self) -> None:
        self.mood = "well"
        #: Part of the recipients' addresses to which a response to RCPT in `mood` applies.
        self.refuses = ""
        #: Accepted recipients in order.
        self.recipients: list[str] = []
        #: Received texts in order, including those without a response to the sender.
        self.texts: list[bytes] = []
        #: Number of connections, and of texts begun.
        self.connections = 0
        self._closing = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def mails(self) -> list[EmailMessage]:
        return [message_from_bytes(text, policy=policy.default) for text in self.texts]  # type: ignore[misc] # by its policy

    def close(self) -> None:
        self._closing.set()
        self._socket.close()

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _address = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._talk, args=[connection], daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as lines, suppress(OSError):  # the client may have disconnected
            self._answer(connection, lines)

    def _hang(self, mood: str) -> None:
        """Do not respond as long as the mood stays the same."""
        while self.mood == mood and not self._closing.is_set():
            self._closing.wait(0.02)

    def _drip(self, connection: socket.socket) -> None:
        """Send a byte again and again, until the client disconnects."""
        while not self._closing.wait(0.02):
            connection.sendall(b"2")

    def _fail_after_text(self, connection: socket.socket) -> None:
        self._hang("no 250")
        if self.mood == "drips 250":
            self._drip(connection)
        if self.mood == "cut 250":
            connection.sendall(b"25")

    def _answer(self, connection: socket.socket, lines: socket.SocketIO) -> None:
        def say(text: str) -> None:
            connection.sendall(f"{text}\r\n".encode())

        if self.mood in {"silent", "drips"}:
            self._hang("silent")
            if self.mood == "drips":
                self._drip(connection)
            return
        say("220 test")
        for raw in lines:
            command = raw.decode().strip().upper()
            if command.startswith("RCPT"):
                say(self._recipient(command.lower().removeprefix("rcpt to:<").rstrip(">")))
            elif command == "DATA":
                if self.mood == "no 354":
                    self._hang("no 354")
                    return
                say("354 go on")
                self._take(lines)
                if self.mood in self.AFTER_TEXT:
                    self._fail_after_text(connection)
                    return
                say("250 taken")
            elif command == "QUIT":
                say("2" * 9000 if self.mood == "bad 221" else "221 bye")
                return
            else:
                say("250 fine")

    def _recipient(self, address: str) -> str:
        """Return the response to a recipient."""
        if self.mood not in self.MOODS and self.refuses in address:
            return self.mood
        self.recipients.append(address)
        return "250 fine"

    def _take(self, lines: socket.SocketIO) -> None:
        text = b""
        for line in lines:
            if line == b".\r\n":
                self.texts.append(text)
                return
            text += line.removeprefix(b".") if line.startswith(b"..") else line
