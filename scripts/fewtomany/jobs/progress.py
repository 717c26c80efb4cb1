"""Progress of a long loop in the log."""

import datetime
import logging
import time
from collections.abc import Iterator, Sequence
from typing import Any

STEPS = 20
"""Log lines of one loop."""

logger = logging.getLogger(__name__)


def progress(items: Sequence, what: str) -> Iterator[Any]:
    """Yield the items; log ``what``, time spent and time left every 5 %."""
    start = time.monotonic()
    step = max(-(-len(items) // STEPS), 1)
    for count, item in enumerate(items, 1):
        yield item
        if count % step == 0 or count == len(items):
            spent = time.monotonic() - start
            logger.info(
                "%s: %d of %d, %s spent, %s left",
                what,
                count,
                len(items),
                datetime.timedelta(seconds=round(spent)),
                datetime.timedelta(seconds=round(spent * (len(items) / count - 1))),
            )
