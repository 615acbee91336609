"""Loading of training samples ahead of their use, in threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_Key = TypeVar("_Key")
_Item = TypeVar("_Item")


def prefetched(
    load: Callable[[_Key], _Item], keys: Iterable[_Key], *, workers: int, ahead: int
) -> Generator[_Item, None, None]:
    """Yield ``load(key)`` for every key in order, computed by threads up to `ahead` keys early.

    Loading reads files and runs NumPy and the core, all of which release the interpreter's lock.

    Args:
        load: called from several threads at once; its exceptions are raised here, in turn.
        keys: what to load.
        workers: number of threads; with 0 everything is loaded when it is asked for.
        ahead: most items that wait to be used, at least 1.
    """
    if workers == 0:
        yield from map(load, keys)
        return
    pending: deque[Future[_Item]] = deque()
    remaining = iter(keys)
    pool = ThreadPoolExecutor(workers, thread_name_prefix="prefetch")
    try:
        for key in remaining:
            pending.append(pool.submit(load, key))
            if len(pending) >= max(1, ahead):
                break
        while pending:
            item = pending.popleft().result()
            for key in remaining:
                pending.append(pool.submit(load, key))
                break
            yield item
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
