"""One page of a workload: how it is asked for, and what a right answer to it looks like.

The load generator and the verification before it judge answers by the same function. Only the standard library is
imported, since locust reads this, too.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from stackmatrix.outside.documents import read_json
from stackmatrix.outside.text import one_line

LIKE_SHARE, LIKE_CHARACTERS = 0.05, 32
"""Right answers to one page differ by tokens, times and numbers: by no more than this share of their length, or so many
characters where that is less: an answer of ``{"id": 9}`` is a tenth longer when the number is 10."""

MOST_ANSWER_BYTES = 32_000_000
"""Of an answer: a page of a megabyte is large, and one without an end must not fill anybody's memory."""
LONGEST_TOLD = 200
"""Characters of what an answer has, in a sentence."""


def _title(body: str) -> str | None:
    """The title of a page. Each step goes on where the last one ended: a pattern would look from each of a million."""
    lowered = body.lower() if len(body.lower()) == len(body) else body
    begins = lowered.find(">", lowered.find("<title")) if "<title" in lowered else -1
    ends = lowered.find("</title>", begins) if begins >= 0 else -1
    return body[begins + 1 : ends].strip() if ends >= 0 else None


def _told(value: object) -> str:
    """What an answer has, or should have, as Python writes it; cut where it is long."""
    text = repr(value)
    return text if len(text) <= LONGEST_TOLD else f"{text[: LONGEST_TOLD - 1]}…"


@dataclass(frozen=True, slots=True)
class Likeness:
    """What two right answers to one page have in common. ``length`` is in characters."""

    content_type: str
    title: str | None
    length: int

    @classmethod
    def of(cls, content_type: str, body: str) -> "Likeness":
        return cls(content_type.partition(";")[0].strip().lower(), _title(body), len(body))

    def why_unlike(self, content_type: str, body: str) -> str | None:
        """What an answer has that is unlike this one, in words."""
        other = Likeness.of(content_type, body)
        if other.content_type != self.content_type:
            return f"is {one_line(other.content_type) or 'of no type'}, and the first answer was {self.content_type}"
        if other.title != self.title:
            return f"has the title {_told(other.title)}, and the first answer had {_told(self.title)}"
        if abs(other.length - self.length) > max(LIKE_SHARE * self.length, LIKE_CHARACTERS):
            return f"has {other.length} characters, and the first answer had {self.length}"
        return None


@dataclass(frozen=True, slots=True)
class Expectation:
    """What makes an answer right. All that is given must hold.

    ``pattern`` is a regular expression of the whole body, ``contains`` are texts in it, ``json`` has values by their
    dotted place in it, where a number is a place in a list. ``location`` is that of a redirect, without its host.
    """

    status: int = 200
    pattern: str | None = None
    contains: tuple[str, ...] = ()
    json: tuple[tuple[str, Any], ...] = ()
    location: str | None = None
    like: Likeness | None = None

    def why_wrong(self, status: int, headers: Mapping[str, str], body: str) -> str | None:
        """Why an answer is not right, in words that follow its path; ``None`` where it is. Header names are lower."""
        if status != self.status:
            return f"answered {status} where {self.status} is right"
        leads_to = encoded(_without_host(headers.get("location", "")))
        if self.location is not None and leads_to != encoded(self.location):
            return f"leads to {_told(headers.get('location'))}, not to {_told(self.location)}"
        if self.pattern is not None and not re.fullmatch(self.pattern, body):
            return "is not the page that was expected"
        for text in self.contains:
            if text not in body:
                return f"lacks {text!r}"
        if self.json and (why := self._why_other_json(body)):
            return why
        return self.like.why_unlike(headers.get("content-type", ""), body) if self.like is not None else None

    def _why_other_json(self, body: str) -> str | None:
        try:
            content = read_json(body)
        except ValueError:
            return "is no JSON"
        for place, wanted in self.json:
            found = content
            for key in place.split("."):
                try:
                    found = found[int(key)] if isinstance(found, list) else found[key]
                except (KeyError, IndexError, TypeError, ValueError):
                    return f"has no {place} in its JSON"
            if found != wanted:
                return f"has {_told(found)} as {place} in its JSON, not {_told(wanted)}"
        return None


def encoded(path: str) -> str:
    """A path with its query as a browser sends it: what no request line has is in per cent, and the rest as it is."""
    return quote(path, safe="%/:?@!$&'()*+,;=~[]")


def _without_host(location: str) -> str:
    return re.sub(r"^[a-z]+://[^/]*", "", location)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a workload, asked for in ``weight`` of all its requests' weights.

    In ``path`` and ``body`` a name in braces stands for one of its ``values``, which take turns, and ``{n}`` for a
    number that no other request of a run has. Header names are as they are sent. ``name`` is unlike in a workload.
    """

    name: str
    path: str
    weight: float = 1.0
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: str | None = None
    values: tuple[tuple[str, tuple[str, ...]], ...] = ()
    expect: Expectation = Expectation()

    @property
    def is_read(self) -> bool:
        """Whether its method is one that changes nothing."""
        return self.method in {"GET", "HEAD", "OPTIONS"}

    def request(self, number: int, turn: int | None = None) -> tuple[str, bytes | None]:
        """The path, as it is sent, and the body of the request of this number.

        ``turn`` says which of its values have their turn. Values take turns by the number where it is not said.
        """
        turn = number if turn is None else turn
        body = None if self.body is None else self._filled(self.body, number, turn).encode()
        return encoded(self._filled(self.path, number, turn)), body

    def _filled(self, text: str, number: int, turn: int) -> str:
        if "{" not in text:
            return text
        for name, values in self.values:
            text = text.replace(f"{{{name}}}", values[turn % len(values)])
        return text.replace("{n}", str(number))


def page_of(content: Mapping[str, Any]) -> Page:
    """A page from what ``dataclasses.asdict`` made of it, perhaps by way of JSON."""
    expect = dict(content["expect"])
    like = expect["like"]
    expect["like"] = None if like is None else Likeness(**like)
    expect["contains"] = tuple(expect["contains"])
    expect["json"] = tuple((place, wanted) for place, wanted in expect["json"])
    lists = {
        "headers": tuple((name, value) for name, value in content["headers"]),
        "values": tuple((name, tuple(values)) for name, values in content["values"]),
    }
    return Page(**{**content, **lists, "expect": Expectation(**expect)})
