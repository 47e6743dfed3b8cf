"""Somebody who does what a page of the documentation says, block by block, and compares.

What a block is for, its language and the sentence before it say:

- ``sh`` is typed into a terminal: another one, if the sentence says "in another terminal". All must
  succeed, unless the sentence says "exit code N". A server goes on until a sentence says "Ctrl-C".
- ``sql`` or ``psql`` right below a command is typed into that program.
- ``text`` or ``json`` right below a command is what it prints, in which ``…`` stands for anything.
- What a sentence gives a file for ("Put this into `FILE`:") is written there; see :data:`PLACES`.
- Any other ``python`` is run, in the context of an application that is set up.

What none of this fits a test takes by :meth:`Reader.take`, and checks itself. A block that nobody
has carried out fails the test.
"""

from __future__ import annotations

import ast
import json
import re
import textwrap
from pathlib import Path

from tests.support.machine import SERVES, Machine
from tests.support.pages import Block, blocks

PLACES = {
    "write": r"[Pp]ut this into `([^`]+)`:$",
    "append": r"[Aa]dd this at the end of `([^`]+)`:$",
    "append to the class": r"[Aa]dd this at the end of the class in `([^`]+)`:$",
    "compare": r"In `([^`]+)` you find:$",
}
"""How the text before a block names a file, and says what to do."""

LEFT_OUT = re.compile(r'^(make(\[\d\])?: |\{"time": ).*$', re.MULTILINE)
"""What pages leave out of an output: what make says of itself, and the log."""

IN_CONTEXT = """
import runpy, sys
from deploystack import create_app
with create_app().app_context():
    runpy.run_path(sys.argv[1])
"""

# What differs each time, by what it looks like.
VARYING = {
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(\+00:00|Z)?": "TIME",
    r"\b\d{8}_\d{4}_": "DATE_",
    r"│ \d+\.\d+ +│": "│ NUMBER │",
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}": "UUID",
    r'("server_version": )"[\d.]+"': r'\1"VERSION"',
}


class Reader:
    """Somebody with a page and a machine.

    Args:
        page: the page.
        machine: the machine.

    Attributes:
        instead: texts of the page, and what is typed in their place.
        typed: parts of commands, and what is typed when those ask.
        done: each command that was typed.
    """

    def __init__(self, page: Path, machine: Machine) -> None:
        self.page = page
        self.machine = machine
        self.done: list[str] = []
        self._text = page.read_text("utf-8")
        self._blocks = blocks(self._text)
        self._left = list(self._blocks)
        self.instead: dict[str, str] = {}
        self.typed: dict[str, str] = {}
        self._ids: dict[str, str] = {}

    @property
    def left(self) -> list[Block]:
        """The blocks that nobody has carried out yet."""
        return self._left

    def take(self, beginning: str) -> str:
        """Return the block that begins so, for a test that carries it out itself."""
        [block] = [block for block in self._left if block.text.startswith(beginning)]
        self._left.remove(block)
        return block.text

    def follow(self, heading: str | None = None) -> None:
        """Carry out each block that is left, or those below a heading.

        Args:
            heading: the text of a heading of any level; up to the next of that level or above.
        """
        start, end = self._bounds(heading)
        output: list[str] = []
        for block in [block for block in self._left if start <= block.start < end]:
            if block not in self._left:  # it was typed into the command before it
                continue
            self._left.remove(block)
            before = self._before(block)
            self.read(before)
            place = [
                (what, found[1])
                for what, place in PLACES.items()
                if (found := re.search(place, before))
            ]
            if place:
                self._edit(*place[0], block.text)
            elif block.language == "sh":
                output = self._type(block, before)
            elif block.language in {"json", "text"}:
                assert not before, f"an output without its command:\n{block.text}"
                self.compare(output, block.text)
            elif block.language == "python":
                self._run_python(block.text)
            else:
                raise AssertionError(f"nobody can tell what this is for:\n{block.text}")
        self.read(self._text[max(block.end for block in self._blocks) : end])

    def read(self, prose: str) -> None:
        """Do what a page says between its blocks, which is nothing without a browser."""

    def compare(self, outputs: list[str], shown: str) -> None:
        """Hold what was printed, on one of several ways, to what the page shows."""
        for output in outputs:
            for own in re.findall(r"Generating \S*_([0-9a-f]{12})_", output):
                [self._ids[own]] = re.findall(r"Generating \S*_([0-9a-f]{12})_", shown)
        pattern = ".*".join(map(re.escape, self._alike(shown).split("…")))
        alike = [self._alike(self.machine.as_printed(output)) for output in outputs]
        assert any(re.fullmatch(pattern, text) for text in alike), f"{shown}\n{outputs}"

    def _bounds(self, heading: str | None) -> tuple[int, int]:
        if heading is None:
            return 0, len(self._text)
        found = re.search(rf"^(#+) {re.escape(heading)}$", self._text, re.MULTILINE)
        assert found, heading
        rest = re.compile(rf"^#{{1,{len(found[1])}}} ", re.MULTILINE).search(
            self._text, found.end()
        )
        return found.start(), rest.start() if rest else len(self._text)

    def _before(self, block: Block) -> str:
        """Return the text between the block before this one and this one, on one line."""
        ends = [other.end for other in self._blocks if other.end <= block.start]
        return " ".join(self._text[max(ends, default=0) : block.start].split())

    def _below(self, block: Block) -> Block | None:
        """Return the block right below one, if there is no text between them."""
        later = [other for other in self._blocks if other.start > block.start]
        return later[0] if later and not self._before(later[0]) else None

    def _type(self, block: Block, before: str) -> list[str]:
        if "another terminal" in before:
            self.machine.open_terminal()
        if "Ctrl-C" in before:
            self.machine.stop()
        below = self._below(block)
        commands = self._meant(block.text)
        stdin = "".join(text for part, text in self.typed.items() if part in commands)
        is_queried = below is not None and below.language in {"sql", "psql"}
        if below and is_queried:
            self._left.remove(below)
            stdin += below.text
        self.done += [line for line in commands.replace("\\\n", " ").splitlines() if line.strip()]
        if SERVES.search(commands) and not (below and below.language == "text"):
            *first, last = commands.rstrip().splitlines()
            assert not SERVES.search("\n".join(first)), "one server to a block"
            if first:
                ended = self.machine.run("\n".join(first))
                assert ended.code == 0, f"{commands}\n{ended.stdout}{ended.stderr}"
            self.machine.serve(last)
            return []
        ended = self.machine.run(commands, self._meant(stdin))
        expected = int(found[1]) if (found := re.search(r"exit code (\d+)", before)) else 0
        codes = {expected}
        if expected and "make " in commands:
            codes = {2}  # which is how make ends when what it runs has failed
        elif below and below.text.startswith('{"success": false'):
            codes = {22}  # which is how curl tells of an error
        assert ended.code in codes, f"{commands}\n{ended.stdout}{ended.stderr}"
        # psql goes on after an error.
        assert not (is_queried and re.search("error", ended.stderr, re.IGNORECASE)), ended.stderr
        both = (ended.stdout + ended.stderr, ended.stderr + ended.stdout)
        return [ended.stdout, ended.stderr, *both]

    def _alike(self, text: str) -> str:
        """Return an output without what differs each time."""
        for own, shown in self._ids.items():
            text = text.replace(own, shown)
        for pattern, name in VARYING.items():
            text = re.sub(pattern, name, text)
        try:
            return json.dumps(json.loads(text))
        except ValueError:
            return " ".join(LEFT_OUT.sub("", text).split())

    def _meant(self, text: str) -> str:
        own = {shown: own for own, shown in self._ids.items()}
        for printed, typed in (self.instead | own).items():
            text = text.replace(printed, typed)
        return text

    def _run_python(self, text: str) -> None:
        block = self.machine.home / "block.py"
        block.write_text(self._meant(text))
        ended = self.machine.run(f".venv/bin/python -c '{IN_CONTEXT}' '{block}'")
        assert ended.code == 0, f"{text}\n{ended.stderr}"

    def _edit(self, what: str, name: str, text: str) -> None:
        if what == "write":
            path = self.machine.path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.machine.here(self._meant(text)))
            return
        [path] = self.machine.folder.glob(name.replace("…", "*"))
        source = path.read_text()
        if what.startswith("append"):
            last = source.rstrip("\n").rpartition("\n")[2]
            indent = "" if what == "append" else re.findall(r"^ *", last)[0]
            path.write_text(source + textwrap.indent(text, indent))
            return
        own = {ast.dump(node) for node in ast.parse(source).body}
        assert {ast.dump(node) for node in ast.parse(text).body} <= own
