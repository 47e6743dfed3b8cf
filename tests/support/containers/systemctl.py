"""``systemctl`` and ``journalctl``, as far as the documentation types them."""

from __future__ import annotations

from pathlib import Path

from tests.support.containers import units
from tests.support.containers.dockerfile import Image
from tests.support.containers.sandbox import Mount
from tests.support.containers.units import Unit
from tests.support.machine import Ended

NAME = "deploystack"


class Systemd:
    """The manager of one unit, on a machine whose folders are below ``place``.

    Args:
        place: has ``etc`` and ``opt``, as they are on the machine.
        image: has the environment that the unit's program runs in.
        port: where the server is published that pages call ``127.0.0.1:3000``.
    """

    def __init__(self, place: Path, image: Image, port: int) -> None:
        self._place = place
        self._image = image
        self._port = port
        self._loaded: dict[Path, str] = {}
        self.unit: Unit | None = None

    def systemctl(self, arguments: list[str], *_: object) -> Ended:
        """Do what a command says."""
        match arguments:
            case ["daemon-reload"]:
                self._loaded = self._files()
            case ["enable", "--now", unit] if unit == NAME:
                assert "WantedBy" in units.read(*self._files())["Install"]
                self._start()
            case ["restart", unit] if unit == NAME:
                self._stop()
                self._start()
            case ["is-active", unit] if unit == NAME:
                is_active = self.unit and self.unit.running.process.poll() is None
                return Ended(0, "active\n", "") if is_active else Ended(3, "inactive\n", "")
            case _:
                raise AssertionError(f"nobody knows what this does: {arguments}")
        return Ended(0, "", "")

    def journalctl(self, arguments: list[str], *_: object) -> Ended:
        """Show what the unit has written."""
        assert arguments == ["-u", NAME, "--no-pager"]
        assert self.unit
        return Ended(0, self.unit.client.log.read_text(), "")

    def close(self) -> None:
        """End the unit."""
        if self.unit:
            self.unit.kill()

    def _files(self) -> dict[Path, str]:
        folder = self._place / "etc/systemd/system"
        paths = [folder / f"{NAME}.service", *sorted(folder.glob(f"{NAME}.service.d/*.conf"))]
        return {path: path.read_text("utf-8") for path in paths}

    def _start(self) -> None:
        assert self._loaded == self._files(), "changed on disk: run systemctl daemon-reload"
        code = self._place / "opt/deploystack"
        root = self._image.root
        self.unit = Unit(
            [*self._loaded],
            root,
            self._place,
            {},
            mounts=[  # kept within reach, before the code covers it
                Mount("/mnt", str(root / "opt/deploystack/.venv"), ("ro",)),
                Mount("/opt/deploystack", str(code), ("ro",)),
                Mount("/opt/deploystack/.venv", str(root / "mnt"), ("ro",)),
            ],
            port=self._port,
        )

    def _stop(self) -> None:
        if self.unit and self.unit.running.process.poll() is None:
            assert self.unit.stop() == 0
