"""Mail transports for `MAIL_TRANSPORT`, in addition to the backends of Django and of other packages."""

from __future__ import annotations

import os
import smtplib
import socket
import threading
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from django.core.mail.backends import filebased, smtp

if TYPE_CHECKING:
    from collections.abc import Callable

#: No mail takes longer than this many `EMAIL_TIMEOUT`, however slowly the server answers.
TIMEOUTS_FOR_A_MAIL: Final = 3


class SmtpBackend(smtp.EmailBackend):
    """Django's SMTP backend, which also calls `before_text` when the server has agreed to a mail, before its text.

    Before that call the server cannot have accepted the mail, afterwards it may have. `refused` are the recipients, with
    code and reason, that the server refused while it accepted the mail for others; Django does not report them.
    """

    before_text: Callable[[], None] = staticmethod(lambda: None)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.refused: dict[str, tuple[int, bytes]] = {}

    @property
    def connection_class(self) -> Any:
        connection_class = _SmtpSsl if self.use_ssl else _Smtp
        return partial(connection_class, before_text=self.before_text, refused=self.refused)

    def _close_connection(self, connection: smtplib.SMTP) -> None:
        """Take leave of the server. Whatever it answers says nothing about the mails before."""
        try:
            connection.quit()
        except (OSError, ValueError):  # smtplib's errors are OSErrors
            connection.close()


class _Reports:
    """Connection mixin: calls `before_text` once the server has agreed to receive the text, and fills `refused`."""

    def __init__(
        self, *args: Any, before_text: Callable[[], None], refused: dict[str, tuple[int, bytes]], **kwargs: Any
    ) -> None:
        self._before_text = before_text
        self._refused = refused
        super().__init__(*args, **kwargs)

    def sendmail(self, *args: Any, **kwargs: Any) -> dict[str, tuple[int, bytes]]:
        refused: dict[str, tuple[int, bytes]] = super().sendmail(*args, **kwargs)  # type: ignore[misc] # as below
        self._refused.update(refused)
        return refused

    def send(self, s: Any) -> None:
        """Send; commands are `str`, and only the text of a mail is bytes."""
        if isinstance(s, bytes):
            self._before_text()
        super().send(s)  # type: ignore[misc] # the class it is mixed into has it


class _Limited(smtplib.SMTP):
    """A connection that ends after a few time-outs: the time-out itself begins anew with every byte that arrives."""

    _end: Callable[[], None] = staticmethod(lambda: None)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        """Connect. The time runs from here; TLS takes the socket over, but a duplicate ends the same connection."""
        connected: socket.socket = super()._get_socket(host, port, timeout)  # type: ignore[misc] # not in its stubs
        duplicate = connected.dup()

        def cut() -> None:
            with suppress(OSError):  # the server was faster
                duplicate.shutdown(socket.SHUT_RDWR)
            duplicate.close()

        timer = threading.Timer(timeout * TIMEOUTS_FOR_A_MAIL, cut)
        timer.daemon = True
        timer.start()

        def end() -> None:
            timer.cancel()
            duplicate.close()

        self._end = end
        return connected

    def close(self) -> None:
        self._end()
        super().close()


class _Smtp(_Reports, _Limited):
    pass


class _SmtpSsl(_Reports, smtplib.SMTP_SSL, _Limited):
    """Here the methods of `_Limited` come after those of `SMTP_SSL`, so it sees the connection before TLS."""


class FileBackend(filebased.EmailBackend):
    """Django's file backend, with files readable by their owner only: they contain codes and addresses."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        Path(self.file_path).chmod(0o700)

    def open(self) -> bool:
        if self.stream is not None:
            return False
        handle = os.open(self._get_filename(), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self.stream = os.fdopen(handle, "ab")
        return True
