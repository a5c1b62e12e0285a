"""Sends messages to people."""

from contextlib import suppress

from squall.domain.messages.message import Message
from squall.domain.run.record import Event
from squall.domain.run.timeline import EventName
from squall.errors import Refused, Unavailable
from squall.wiring import Wiring


def send_message(w: Wiring, message: Message) -> None:
    """Send the message to mails and chats. Raises Unavailable or Refused if the mails could not be sent.

    Chats are an extra: if only they fail, the message counts as sent, so that nothing fails or is repeated because of
    them. The log says it each time, the timeline of the run once.
    """
    failure = w.notifier.publish(message)
    if not failure:
        return
    w.logger.warning("chats did not get a message", extra={"subject": message.subject, "execution_id": message.thread, "error": failure})
    if message.thread:
        with suppress(Unavailable, Refused):
            record = w.records.get(message.thread)
            if record and not record.happened(EventName.CHATS_NOT_REACHED):
                detail = f"{message.subject}: {failure}; mails were sent"
                w.records.append(record.id, [Event(w.clock.now(), EventName.CHATS_NOT_REACHED, detail)])
