"""SMTP whose replies have a bounded time.

The time-out of a socket is for each read, so a server that replies byte by byte never exceeds it.
"""

import socket
from contextlib import suppress
from smtplib import SMTP, SMTP_SSL, SMTPServerDisconnected
from threading import Timer
from time import monotonic

from django.conf import settings
from django.core.mail.backends.smtp import EmailBackend as DjangoBackend


class BoundedSMTP(SMTP):
    """Hangs up once its replies have taken `settings.EMAIL_TIME_LIMIT` seconds.

    Counted from the first reply's beginning. The client then sees a disconnected server.
    """

    # The base class's constructor already reads a reply.
    _ends_at = 0.0
    _is_over = False

    def getreply(self) -> tuple[int, bytes]:
        """Return the server's reply, for which all commands wait here."""
        self._ends_at = self._ends_at or monotonic() + settings.EMAIL_TIME_LIMIT
        timer = Timer(max(0.0, self._ends_at - monotonic()), self._hang_up)
        timer.daemon = True
        timer.start()
        try:
            reply = super().getreply()
        finally:
            timer.cancel()
        if self._is_over:
            # The base class takes half of a line for a reply.
            self.close()
            raise SMTPServerDisconnected
        return reply

    def _hang_up(self) -> None:
        self._is_over = True
        sock = self.sock
        if sock is not None:
            with suppress(OSError):
                # Not that of TLS, which must not be called while another thread reads.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)


class BoundedSMTPS(BoundedSMTP, SMTP_SSL):
    """The same, with TLS from the beginning."""


class EmailBackend(DjangoBackend):
    """Django's SMTP backend, with bounded connections."""

    @property
    def connection_class(self) -> type[BoundedSMTP]:
        """The class of connections."""
        return BoundedSMTPS if self.use_ssl else BoundedSMTP
