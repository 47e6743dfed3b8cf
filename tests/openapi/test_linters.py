"""The file passes strict linters, but for what is known to be so, each at its one place."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.documented import DOCUMENT

REDOCLY = ["@redocly/cli@1.34.5", "lint", "--extends=recommended-strict", "openapi.json"]
SPECTRAL = ["@stoplight/spectral-cli@6.15.0", "lint", "--fail-severity=hint", "openapi.json"]
KNOWN = {
    ".redocly.lint-ignore.yaml": {
        "openapi.json": {
            # One is for GET, the other for POST.
            "no-ambiguous-paths": [
                "#/paths/~1api~1settings~1group~1{group_id}",
                "#/paths/~1api~1settings~1groups~1{group_id}",
            ],
            # Nobody is refused: there is nothing to be wrong about.
            "operation-4xx-response": [
                "#/paths/~1livez/get/responses",
                "#/paths/~1readyz/get/responses",
            ],
        }
    },
    ".spectral.json": {
        "extends": [["spectral:oas", "all"]],
        "rules": {
            "contact-properties": "off",  # the project has a name, and no address
            "license-url": "off",  # 3.1 takes the identifier instead, and not both
        },
        "overrides": [
            {
                # It takes a column that is shown, with its type and its default, for a schema.
                "files": [
                    "openapi.json#/paths/~1api~1db~1schema/get/responses/200",
                    "openapi.json#/paths/~1api~1db~1tables~1%7Bname%7D~1rows/get/responses/200",
                ],
                "rules": {"oas3-valid-schema-example": "off"},
            },
        ],
    },
}


@pytest.mark.parametrize("linter", [REDOCLY, SPECTRAL], ids=["redocly", "spectral"])
def test_a_linter_finds_nothing(tmp_path: Path, linter: list[str]) -> None:
    shutil.copy(DOCUMENT, tmp_path / "openapi.json")
    for name, content in KNOWN.items():
        (tmp_path / name).write_text(json.dumps(content))

    ran = subprocess.run(
        ["npx", "--yes", *linter],
        cwd=tmp_path,
        env={**os.environ, "REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
