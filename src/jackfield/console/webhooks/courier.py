"""Carries what is in the outbox to the webhooks: each in its order, one message at a time, whatever the others do.

A message that fails is tried again later and later for a day; the others go on. An address that fails three times in a
row gets only one message at a time, more and more rarely, until it answers again; then everything that waits for it
goes out in its order. After three days of that, or at once for 410 Gone, the webhook is switched off and a notice says
so. What is in the outbox is there after a restart too.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop as later

from jackfield.console import live, queries
from jackfield.console.database import database_errors
from jackfield.console.faults import ConsoleError
from jackfield.console.letters import Said, When
from jackfield.console.webhooks.feed import Feed
from jackfield.console.webhooks.sending import Answer, Post, Sender, send_now
from jackfield.webhooks import outbox, signing
from jackfield.webhooks.choices import Progress
from jackfield.webhooks.kinds import LIVE, TEST
from jackfield.webhooks.models import Delivery, Standing, Webhook

if TYPE_CHECKING:
    from jackfield.settings import Settings

__all__ = ["Courier", "try_out"]

log = logging.getLogger(__name__)

FIRST_PAUSE, GROWTH, LONGEST_PAUSE = 5.0, 4.0, 6 * 3600.0
"""Seconds before the second try; how much longer each pause is than the one before; the longest."""
JITTER = 0.2
GIVE_UP = 86400.0
IN_A_ROW = 3
"""Failures after which an address is taken to be away."""
FIRST_REST, LONGEST_REST = 10.0, 600.0
SWITCH_OFF = 3 * 86400.0
IDLE_SECONDS, BUSY_SECONDS = 5.0, 1.0
"""Between looks for what other processes queued, and for webhooks that somebody made."""
SWEEP_SECONDS = 60.0
TEST_SECONDS = 10.0
GONE = 410


@dataclass(slots=True)
class _Line:
    """One webhook's line of messages, as far as this process knows."""

    on_its_way: tuple[Delivery, Future[Answer]] | None = None
    failures: int = 0  # in a row
    rests_until: float = 0.0


class Courier:
    """Works in a thread of its own. `clock` is UTC seconds since 1970; `chance` gives 0 to 1, for the jitter."""

    def __init__(
        self,
        settings: Settings,
        *,
        hub: Callable[[], live.Hub] = live.hub,
        clock: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.settings = settings
        self.feed = Feed(hub)
        self._sender = Sender()
        self._clock, self._chance = clock, chance
        self._lines: dict[int, _Line] = {}
        self._next_sweep = 0.0

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set. Never raises: what goes wrong is logged, and tried again."""
        from django.db import connection

        try:
            while not stop.is_set():
                pause = IDLE_SECONDS
                try:
                    with database_errors(self.settings):
                        pause = self.step()
                except ConsoleError as problem:
                    log.warning("webhooks wait: %s", problem)
                except Exception:
                    log.exception("a fault while telling webhooks")
                outbox.filled.wait(pause)
        finally:
            self.close()
            connection.close()

    def close(self) -> None:
        """Let go of the hub and of all connections."""
        self.feed.follow(False)
        self._sender.close()

    def step(self) -> float:
        """Queue what happened, take in what was answered, send what is due. Returns seconds until the next step."""
        outbox.filled.clear()
        now = self._clock()
        hooks = {hook.pk: hook for hook in Webhook.objects.filter(enabled=True)}
        self.feed.follow(any(hook.wants(kind) for hook in hooks.values() for kind in LIVE))
        if happened := self.feed.take(now):
            outbox.add(happened, now, list(hooks.values()))
        self._take_answers(hooks, now)
        for pk, hook in hooks.items():
            line = self._lines.get(pk) or self._begin(hook)
            if line.on_its_way is None and line.rests_until <= now and hook.enabled:
                self._send_next(hook, line, now)
        if now >= self._next_sweep:
            self._sweep(now)
        if not hooks and not self._lines:
            self._sender.close()
        return BUSY_SECONDS if hooks else IDLE_SECONDS

    def work_off(self) -> None:
        """Step until nothing that is due now is left, and wait for the answers."""
        while True:
            self.step()
            waiting = [line.on_its_way[1] for line in self._lines.values() if line.on_its_way is not None]
            if not waiting:
                return
            for future in waiting:
                future.exception()

    # --- out ---------------------------------------------------------------------------------------------------------

    def _begin(self, hook: Webhook) -> _Line:
        """Return a new line: careful with an address that failed before this process began."""
        failing = Standing.objects.filter(webhook=hook, failing_since__isnull=False).exists()
        line = self._lines[hook.pk] = _Line(failures=IN_A_ROW if failing else 0)
        return line

    def _send_next(self, hook: Webhook, line: _Line, now: float) -> None:
        due = Delivery.objects.filter(webhook_id=hook.pk, progress=Progress.WAITING, next_try__lte=now).order_by("pk")
        while (delivery := due.first()) is not None:
            if delivery.body or _fill(delivery):
                future = self._sender.send(_post(hook, delivery, now))
                line.on_its_way = delivery, future
                future.add_done_callback(lambda _future: outbox.filled.set())
                return
            _give_up(delivery, _("the record of this call is not kept any more"))

    # --- in ----------------------------------------------------------------------------------------------------------

    def _take_answers(self, hooks: dict[int, Webhook], now: float) -> None:
        for pk, line in list(self._lines.items()):
            if line.on_its_way is not None and line.on_its_way[1].done():
                (delivery, future), line.on_its_way = line.on_its_way, None
                if not future.cancelled():
                    self._answered(hooks.get(pk), line, delivery, future.result(), now)
            if pk not in hooks and line.on_its_way is None:
                del self._lines[pk]

    def _answered(self, hook: Webhook | None, line: _Line, delivery: Delivery, answer: Answer, now: float) -> None:
        _note(delivery, answer, now)
        if answer.good:
            delivery.progress, delivery.error = Progress.DELIVERED, ""
            _write(delivery)
            self._well(line, delivery.webhook_id, now)
            return
        pause = min(FIRST_PAUSE * GROWTH ** min(delivery.tries - 1, 20), LONGEST_PAUSE)
        pause *= 1 - JITTER + 2 * JITTER * self._chance()
        pause = max(pause, min(answer.retry_after or 0.0, LONGEST_PAUSE))
        delivery.next_try = now + pause
        if answer.status == GONE or delivery.next_try > delivery.queued + GIVE_UP:
            delivery.progress = Progress.GIVEN_UP
        _write(delivery)
        line.failures += 1
        if answer.retry_after:
            line.rests_until = delivery.next_try
        elif line.failures >= IN_A_ROW:
            line.rests_until = now + min(FIRST_REST * 2.0 ** min(line.failures - IN_A_ROW, 20), LONGEST_REST)
        if hook is not None:
            self._ill(hook, delivery, answer, now)

    def _well(self, line: _Line, pk: int, now: float) -> None:
        """Remember that an address answers; after some failures everything that waits for it goes out at once."""
        failed, line.failures, line.rests_until = line.failures, 0, 0.0
        if failed:
            Standing.objects.filter(webhook_id=pk).update(failing_since=None, error="", left_out=0)
        if failed >= IN_A_ROW:
            Delivery.objects.filter(webhook_id=pk, progress=Progress.WAITING).update(next_try=now)

    def _ill(self, hook: Webhook, delivery: Delivery, answer: Answer, now: float) -> None:
        standing, _made = Standing.objects.get_or_create(webhook=hook)
        standing.failing_since = standing.failing_since or now
        standing.error = delivery.error
        standing.save(update_fields=["failing_since", "error"])
        if answer.status == GONE:
            why = Said(later("Its address says that nobody wants to be told there any more (410 Gone)."))
        elif now - standing.failing_since > SWITCH_OFF:
            told = {"time": When(standing.failing_since), "reason": delivery.error}
            why = Said(later("Its address has not answered as it should since %(time)s: %(reason)s."), told)
        else:
            return
        self._switch_off(hook, why, now)

    def _switch_off(self, hook: Webhook, why: Said, now: float) -> None:
        from jackfield.console import change, watching
        from jackfield.console.declarative.difference import DocumentError
        from jackfield.notices.choices import Kind

        log.warning("the webhook %s is switched off: %s", hook.name, why)
        try:
            wish = change.Wish("webhooks", {"enabled": False}, (hook.name,))
            change.save(self.settings, [wish], author=change.Author("Jackfield", "webhook"))
        except DocumentError as problem:  # somebody has just removed or renamed it
            log.warning("the webhook %s could not be switched off: %s", hook.name, problem)
            return
        hook.enabled = False
        subject = Said(later('The webhook "%(name)s" is switched off'), {"name": hook.name})
        mend = later("%(why)s Mend the address, switch it on under System, Webhooks, and send again what was given up.")
        alert = watching.Alert(Kind.WEBHOOK_FAILED, f"webhook {hook.name}", subject, Said(mend, {"why": why}))
        watching.tell(alert, now)

    # --- now and then ------------------------------------------------------------------------------------------------

    def _sweep(self, now: float) -> None:
        self._next_sweep = now + SWEEP_SECONDS
        for pk, line in self._lines.items():
            if line.failures >= IN_A_ROW:
                old = Delivery.objects.filter(webhook_id=pk, progress=Progress.WAITING, queued__lt=now - GIVE_UP)
                error = _("its address did not answer as it should for a day")
                old.filter(tries=0).update(progress=Progress.GIVEN_UP, error=error)
                old.update(progress=Progress.GIVEN_UP)
        outbox.clean(now)


def try_out(hook: Webhook, now: float, *, seconds: float = TEST_SECONDS) -> Delivery:
    """Send a test event now, in use or not, and return what became of it. It is tried once."""
    data = {"webhook": hook.name, "text": _("This is the test that somebody asked for.")}
    happening = outbox.Happening(TEST, now, data)
    delivery = outbox.one(hook, happening, now)
    answer = send_now(_post(hook, delivery, now), seconds)
    _note(delivery, answer, now)
    delivery.progress = Progress.DELIVERED if answer.good else Progress.GIVEN_UP
    delivery.save()
    return delivery


def _post(hook: Webhook, delivery: Delivery, now: float) -> Post:
    standing = Standing.objects.filter(webhook=hook, old_until__gt=now).first()
    secrets = [hook.secret, *([standing.old_secret] if standing is not None and standing.old_secret else [])]
    content = delivery.body.encode()
    return Post(hook.address, signing.headers(secrets, delivery.message, int(now), content), content)


def _fill(delivery: Delivery) -> bool:
    """Give a call's message its content. Returns False when the history has no such call any more."""
    record = queries.call(delivery.about)
    if record is None or record["id"] != delivery.about:
        return False
    delivery.body = outbox.body(delivery.kind, delivery.at, record)
    delivery.save(update_fields=["body"])
    return True


def _note(delivery: Delivery, answer: Answer, now: float) -> None:
    delivery.tries += 1
    delivery.tried, delivery.status = now, answer.status
    delivery.seconds, delivery.answer = round(answer.seconds, 3), answer.text
    delivery.error = answer.error
    if answer.status and not answer.good:
        delivery.error = _("it answered %(status)d") % {"status": answer.status}


def _write(delivery: Delivery) -> None:
    """Write what became of a try, unless the row is gone meanwhile."""
    names = ("progress", "tries", "next_try", "tried", "status", "seconds", "answer", "error")
    values: dict[str, Any] = {name: getattr(delivery, name) for name in names}
    Delivery.objects.filter(pk=delivery.pk).update(**values)


def _give_up(delivery: Delivery, why: str) -> None:
    delivery.progress, delivery.error = Progress.GIVEN_UP, why
    _write(delivery)
