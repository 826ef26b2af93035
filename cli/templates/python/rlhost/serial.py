"""Executors, pools and processes that run what they are given at once, in the caller's place.

Rewards use them for a timeout: `pool.submit(verify, …).result(timeout=5)`, `Process(target=check); p.join(5)`. There are no threads in the
sandbox and nothing that could be waited for; fuel bounds what runs. So a timeout is never met, and nothing runs beside anything else.
"""

import concurrent.futures
import concurrent.futures.process
import concurrent.futures.thread
import itertools
import multiprocessing
import multiprocessing.pool
import queue
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from . import Internal


class Executor(concurrent.futures.Executor):
    def __init__(self, *_: Any, initializer: Callable[..., Any] | None = None, initargs: tuple[Any, ...] = (), **__: Any):
        if initializer is not None:
            initializer(*initargs)

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Any:
        future: concurrent.futures.Future[Any] = concurrent.futures.Future()
        try:
            future.set_result(function(*arguments, **named))
        except Exception as error:
            future.set_exception(error)
        return future


class Process:
    """A process that has ended when `start` returns."""

    def __init__(
        self, group: None = None, target: Callable[..., Any] | None = None, name: str | None = None,
        args: Iterable[Any] = (), kwargs: dict[str, Any] | None = None, *, daemon: bool | None = None,
    ):  # fmt: skip
        self.target, self.args, self.kwargs = target, tuple(args), kwargs or {}
        self.name, self.daemon = name or "Process-1", bool(daemon)
        self.exitcode: int | None = None
        self.pid: int | None = None

    def run(self) -> None:
        if self.target is not None:
            self.target(*self.args, **self.kwargs)

    def start(self) -> None:
        self.pid = 1
        try:
            self.run()
            self.exitcode = 0
        except SystemExit as error:
            self.exitcode = error.code if isinstance(error.code, int) else int(error.code is not None)
        except Exception as error:
            print(f"{type(error).__name__} in {self.name}: {error}")
            self.exitcode = 1

    def is_alive(self) -> bool:
        return False

    def join(self, timeout: float | None = None) -> None:
        pass

    terminate = kill = close = join


class Queue(queue.Queue[Any]):
    """A queue of one process: it never gets what is not in it yet."""

    def __init__(self, maxsize: int = 0, **_: Any):
        super().__init__(maxsize)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        if block and timeout is None and self.empty():
            raise Internal("the function waits for an entry of a queue that never comes: there are no processes")
        return super().get(block=False)

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        super().put(item, block=False)

    def close(self) -> None:
        pass

    join_thread = cancel_join_thread = close


class Result:
    """What a pool has for a call that was made."""

    def __init__(self, function: Callable[..., Any], arguments: tuple[Any, ...], named: dict[str, Any]):
        self._future = Executor().submit(function, *arguments, **named)

    def get(self, timeout: float | None = None) -> Any:
        return self._future.result()

    def wait(self, timeout: float | None = None) -> None:
        pass

    def ready(self) -> bool:
        return True

    def successful(self) -> bool:
        return self._future.exception() is None


class Pool:
    def __init__(self, *arguments: Any, **named: Any):
        names = ("processes", "initializer", "initargs", "maxtasksperchild")
        given = dict(zip(names, arguments)) | named
        if given.get("initializer") is not None:
            given["initializer"](*given.get("initargs", ()))

    def apply(self, function: Callable[..., Any], args: tuple[Any, ...] = (), kwds: dict[str, Any] | None = None) -> Any:
        return function(*args, **(kwds or {}))

    def apply_async(
        self, function: Callable[..., Any], args: tuple[Any, ...] = (), kwds: dict[str, Any] | None = None, *_: Any, **__: Any
    ) -> Result:
        return Result(function, args, kwds or {})

    def map(self, function: Callable[..., Any], values: Iterable[Any], chunksize: int | None = None) -> list[Any]:
        return [function(value) for value in values]

    def map_async(self, function: Callable[..., Any], values: Iterable[Any], *_: Any, **__: Any) -> Result:
        return Result(self.map, (function, values), {})

    def starmap(self, function: Callable[..., Any], values: Iterable[Iterable[Any]], chunksize: int | None = None) -> list[Any]:
        return list(itertools.starmap(function, values))

    def imap(self, function: Callable[..., Any], values: Iterable[Any], chunksize: int | None = None) -> Iterator[Any]:
        return iter(self.map(function, values))

    imap_unordered = imap

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def close(self) -> None:
        pass

    terminate = join = close


class Context:
    """What `multiprocessing.get_context` returns."""

    Process, Queue, SimpleQueue, JoinableQueue, Pool = Process, Queue, Queue, Queue, Pool


def install() -> None:
    """Puts these in the place of those that would start threads and processes."""
    futures: Any = concurrent.futures
    futures.ThreadPoolExecutor = futures.thread.ThreadPoolExecutor = Executor
    futures.ProcessPoolExecutor = futures.process.ProcessPoolExecutor = Executor
    several: Any = multiprocessing
    for name, made in vars(Context).items():
        if not name.startswith("_"):
            setattr(several, name, made)
    several.get_context = lambda method=None: Context
    several.set_start_method = lambda *_, **__: None
    several.pool.Pool = several.pool.ThreadPool = Pool
