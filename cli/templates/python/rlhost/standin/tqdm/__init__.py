"""A progress bar that shows nothing: there is no terminal in the sandbox."""

from collections.abc import Iterable, Iterator
from typing import Any


class tqdm:  # noqa: N801
    def __init__(self, iterable: Iterable[Any] | None = None, *_: Any, **options: Any):
        self.iterable = () if iterable is None else iterable
        self.total = options.get("total")
        self.n = 0

    def __iter__(self) -> Iterator[Any]:
        return iter(self.iterable)

    def __len__(self) -> int:
        return len(self.iterable)  # type: ignore[arg-type]

    def __enter__(self) -> "tqdm":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def update(self, n: float = 1) -> None:
        self.n += n  # type: ignore[assignment]

    def _nothing(self, *_: Any, **__: Any) -> None:
        pass

    close = refresh = clear = reset = set_description = set_description_str = set_postfix = set_postfix_str = display = _nothing

    @staticmethod
    def write(text: str, *_: Any, **__: Any) -> None:
        print(text)


def trange(*bounds: int, **options: Any) -> tqdm:
    return tqdm(range(*bounds), **options)
