"""Sends the notices that are due after a snapshot: claims each first, and undoes the claim if SNS refuses it."""

from stats.aws.bucket import StorageError
from stats.aws.topic import Topic, TopicError
from stats.base.deadline import Deadline
from stats.base.settings import Settings
from stats.base.telemetry import logger
from stats.notices import said
from stats.notices.due import due
from stats.notices.facts import Facts
from stats.notices.texts import Writer
from stats.snapshots.store import Snapshot, Snapshots

# A claim needs time to publish afterwards, and to undo it.
_LEAST_SECONDS, _KEPT_SECONDS = 3, 1


def writer_of(settings: Settings) -> Writer:
    """Return the writer of this deployment's notices."""
    has_page = settings.api_enabled and settings.page_enabled
    return Writer(settings.stack_label, settings.public_url if has_page else None, settings.time_zone)


def send(settings: Settings, snapshots: Snapshots, snapshot: Snapshot, topic: Topic, deadline: Deadline) -> None:
    """Send the notices that are due after a snapshot.

    Raise RemoteError if one was not sent; the next run sends it, unless the error's text says otherwise.
    """
    facts, writer = Facts(snapshots, snapshot, deadline), writer_of(settings)
    while deadline.left >= _LEAST_SECONDS:
        claim = said.claim(snapshots.bucket, lambda state: due(state, facts, writer), snapshot.taken_at, deadline)
        if claim is None:
            return
        _publish(snapshots, claim, topic, deadline)


def _publish(snapshots: Snapshots, claim: said.Claim, topic: Topic, deadline: Deadline) -> None:
    notice, publishing = claim.notice, deadline.share(1, deadline.left - _KEPT_SECONDS)
    try:
        topic.publish(notice.subject, notice.text, {"notice": notice.kind}, publishing)
    except TopicError as error:
        if not error.refused:
            raise TopicError(f"{error}, so this may not have been sent: {notice.subject}", refused=False) from None
        try:
            said.take_back(snapshots.bucket, claim, deadline)
        except StorageError as other:
            raise StorageError(f"{error}, and {other}, so this will not be sent: {notice.subject}") from None
        raise
    logger.info("notice sent", extra={"notice": notice.kind, "subject": notice.subject})
