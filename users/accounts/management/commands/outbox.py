"""Show the outbox and why messages fail; retry or delete failed messages."""

from typing import Any, Final

from django.core.management import BaseCommand, CommandError, CommandParser
from django.db.models import Count, Min

from core.errors import InputRejectedError
from core.outbox.models import FAILING_AFTER, STATES, OutboxMessage, OutboxQuerySet
from core.outbox.queues import Queue
from core.outbox.registry import subscribers
from core.security.actor import SYSTEM
from users.accounts.services.outbox import MAX_MESSAGES, drop_messages, retry_messages

MAX_LISTED: Final = 100
# The states whose messages are listed, and the times by which they are sorted. A worker that was
# killed at each attempt has recorded no failure.
LISTED: Final = {"failing": "failing_since", "failed": "failed_at"}
ACTIONS: Final = {"retry": retry_messages, "drop": drop_messages}


class Command(BaseCommand):
    """Shows why messages fail, and retries or deletes them once the cause is fixed."""

    help = (
        "Counts the outbox's messages by queue and state, with the age of the oldest one that no "
        "worker has attempted, and failed ones by subscriber and reason. With `failing` or "
        "`failed`, lists these messages; with `retry` or `drop`, delivers failed ones again or "
        "deletes them."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the actions; two of them select failed messages."""
        actions = parser.add_subparsers(dest="action")
        for name, text in (
            ("failing", f"failed {FAILING_AFTER} times or more, and are attempted again"),
            ("failed", "failed for good"),
        ):
            listed = actions.add_parser(
                name, help=f"list messages that {text}: at most {MAX_LISTED}, the newest failures"
            )
            listed.add_argument("--subscriber", default="", help="only of this subscriber")
        for name, text in (("retry", "deliver again"), ("drop", "delete")):
            action = actions.add_parser(name, help=f"{text} failed messages")
            action.add_argument("ids", nargs="*", type=int)
            action.add_argument("--subscriber", default="", help="all of this subscriber")
            action.add_argument("--all", action="store_true", dest="everything")

    def handle(self, *_args: Any, action: str | None, **options: Any) -> None:
        """Run the action."""
        if action is None:
            self._show_counts()
        elif action in LISTED:
            self._list(action, options["subscriber"])
        else:
            self._act(action, options["ids"], options["subscriber"], all_=options["everything"])

    def _show_counts(self) -> None:
        messages = OutboxMessage.objects
        lines = []
        for queue in Queue:
            rows = messages.filter(queue=queue)
            counts = [(state, rows.in_state(state).count()) for state in STATES]
            lines += [f"{queue}\t{state}\t{count}" for state, count in counts if count]
            if oldest := messages.oldest_seconds(queue):
                lines.append(f"{queue}\toldest\t{oldest:.0f} s")
        nothing = f"No messages are {', '.join(STATES[:-1])} or {STATES[-1]}."
        self.stdout.write("\n".join(lines) or nothing)
        groups = messages.failed().order_by("subscriber", "failure").values("subscriber", "failure")
        for group in groups.annotate(count=Count("pk"), since=Min("failed_at")):
            self.stdout.write(
                f"{group['count']} failed since {group['since']:%Y-%m-%d %H:%M}\t"
                f"{group['subscriber']}\t{group['failure']}"
            )

    def _list(self, state: str, subscriber: str) -> None:
        column = LISTED[state]
        for message in _in_state(state, subscriber).order_by(f"-{column}")[:MAX_LISTED]:
            since = getattr(message, column)
            self.stdout.write(
                f"{message.pk}\t{f'{since:%Y-%m-%d %H:%M}' if since else '-'}\t"
                f"{message.subscriber}\t"
                f"{message.attempts} attempts\t{message.failure}"
            )

    def _act(self, action: str, ids: list[int], subscriber: str, *, all_: bool) -> None:
        """Act on batches of messages, each in its own transaction."""
        if (bool(ids), bool(subscriber), all_).count(True) != 1:
            raise CommandError("Give ids, --subscriber or --all.")
        selected = ids or list(
            _in_state("failed", subscriber).order_by("pk").values_list("pk", flat=True)
        )
        done: set[int] = set()
        for start in range(0, len(selected), MAX_MESSAGES):
            batch = selected[start : start + MAX_MESSAGES]
            try:
                done.update(ACTIONS[action](batch, actor=SYSTEM))
            except InputRejectedError:
                # None of them has failed.
                continue
        for message_id in selected:
            if message_id not in done:
                self.stderr.write(f"{message_id}: There is no such failed message.")
        self.stdout.write(f"{action}: {len(done)} of {len(selected)} messages.")


def _in_state(state: str, subscriber: str) -> OutboxQuerySet:
    """Return messages in a state. Raises `CommandError` for an unknown subscriber."""
    messages = OutboxMessage.objects.in_state(state)
    if not subscriber:
        return messages
    # Messages may be of a subscriber of another release.
    names = {*subscribers, *messages.order_by().values_list("subscriber", flat=True).distinct()}
    if subscriber not in names:
        known = "\n".join(sorted(names))
        raise CommandError(f"There is no such subscriber: {subscriber}. Give one of\n{known}")
    return messages.filter(subscriber=subscriber)
