"""Runs `async` functions. There is nothing to wait for in the sandbox: a sleep moves its clock and takes no time, and
what would run on a thread runs at once."""

import asyncio
import selectors
import time
from typing import Any

from . import Internal


class _Selector(selectors._BaseSelectorImpl):  # noqa: SLF001
    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise Internal("the function waits for something that never comes: there is no network and no thread")
        if timeout > 0:
            time.sleep(timeout)
        return []


class _Loop(asyncio.SelectorEventLoop):
    """A loop without the socket by which threads wake one up."""

    def __init__(self) -> None:
        super().__init__(_Selector())

    def _make_self_pipe(self) -> None:
        self._ssock = self._csock = None

    def _close_self_pipe(self) -> None:
        pass

    def _write_to_self(self) -> None:
        pass

    def close(self) -> None:
        if not self.is_closed():
            asyncio.base_events.BaseEventLoop.close(self)
            self._selector.close()

    def run_in_executor(self, executor: Any, function: Any, *arguments: Any) -> Any:
        future = self.create_future()
        try:
            future.set_result(function(*arguments))
        except Exception as error:
            future.set_exception(error)
        return future


def install() -> None:
    """Makes this the loop of `asyncio.run` and its like."""
    asyncio.new_event_loop = asyncio.events.new_event_loop = _Loop  # type: ignore[assignment]


def run(awaitable: Any) -> Any:
    """What an `async` function returns."""

    async def wait() -> Any:
        return await awaitable

    loop = _Loop()
    try:
        return loop.run_until_complete(wait())
    finally:
        loop.close()
