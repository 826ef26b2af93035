"""What a plugin gets to see, and what it can say.

Nothing here needs the sandbox: a plugin's function can be called by any Python 3.10 or later.
"""

import json
from dataclasses import dataclass, field
from typing import Any


class Failure(Exception):
    """There is no judgement. A wrong response is a low score, never a failure."""


class InvalidReference(Failure):
    """The data is at fault: the reference answer is missing or can't be read."""


class Abstain(Failure):
    """This sample can't be judged, through nobody's fault. (Returning None says the same.)"""


class Internal(Failure):
    """The plugin is at fault, or its parameters. (Any other exception says the same.)"""


@dataclass
class Message:
    """A message of the prompt. Its content is texts and, as indices into `Sample.images`, pictures."""

    role: str
    content: list[str | int]

    @property
    def text(self) -> str:
        return "".join(part for part in self.content if isinstance(part, str))


@dataclass
class Turn:
    """A turn of the model. A response has one, unless the episode has several turns."""

    text: str
    #: "stop", "length" or "cut"
    finish_reason: str = "stop"
    #: sampled tokens; 0 where the text does not come from a model of this run
    tokens: int = 0


@dataclass
class Sample:
    """One completion to be judged, with all that the data says about it."""

    prompt: list[Message] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    answer_json: str = "null"
    data_source: str = ""
    problem_type: str = ""
    answer_type: str = ""
    columns_json: str = "{}"
    params_json: str = "{}"
    #: pictures with the methods width(), height() and rgb()
    images: list[Any] = field(default_factory=list)
    #: which prompt of the call this is a completion of: 0, but for plugins of scope "batch"
    group: int = 0

    @property
    def response(self) -> str:
        """The last turn's text: in a single-turn response, the whole response."""
        return self.turns[-1].text if self.turns else ""

    @property
    def answer(self) -> Any:
        """The reference answer, of whatever type it is in the data; None where there is none."""
        return json.loads(self.answer_json)

    def answer_text(self) -> str:
        """The reference answer: a text as it is, a number or a boolean as the data writes it."""
        if self.answer_json.lstrip()[:1] not in tuple('"-0123456789tf'):
            raise InvalidReference("there is no reference answer that is a text or a number")
        return self.answer if self.answer_json.lstrip().startswith('"') else self.answer_json.strip()

    @property
    def columns(self) -> dict[str, Any]:
        """All further columns of the data."""
        return json.loads(self.columns_json)

    @property
    def params(self) -> dict[str, Any]:
        """The parameters that the run's configuration gives."""
        return json.loads(self.params_json)
