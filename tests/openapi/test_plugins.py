"""What plugins say of their routes is in the document, and can do no harm to it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.openapi.conftest import document_with
from tests.support.schemathesis import codes_of

GOOD = '''
from flask import Blueprint
from marshmallow import Schema, fields
from deploystack.plugins import *

class NoteSchema(Schema):
    text = fields.String(required=True, metadata={"example": "Buy milk."})

class User(Schema):
    name = fields.String()

blueprint = Blueprint("notes", __name__)

@blueprint.get("/notes/<int(min=1):note_id>/<any(a, b):part>")
@require_permission("notes.read")
@Documented({200: NoteSchema}, errors={404: ["note_unknown"]})
def show(note_id, part):
    """Return a note.

    With all there is to say.
    """

@blueprint.post("/notes")
@Documented({201: User}, body=NoteSchema)
def write(): ...

@blueprint.route("/anything", methods=["GET", "PUT"])
@require_permission("notes.edit")
def says_nothing():
    return "x"

@hookimpl
def deploystack_metadata():
    return PluginMetadata(name="notes", version="1.0")

@hookimpl
def deploystack_blueprints():
    return [blueprint]
'''

BAD = {
    "a body that raises": "body=Raises",
    "a body that ends the process": "body=Exits",
    "a default that is no JSON": "body=NoJson",
    "codes that are no codes": "errors={404: 7}",
    "a status that is none": "errors={'x': ['y']}",
    "an answer that is no schema": "answers={200: 7}",
}
BAD_SOURCE = '''
from flask import Blueprint
from marshmallow import Schema, fields
from deploystack.plugins import *

class Raises(Schema):
    def __init__(self): raise OSError("no")

class Exits(Schema):
    def __init__(self): raise SystemExit(3)

class NoJson(Schema):
    at = fields.Raw(metadata={"default": object()})

blueprint = Blueprint("bad", __name__)

@blueprint.post("/it")
@Documented(**{"answers": {}, **dict(%s)})
def it():
    """Do it."""

@hookimpl
def deploystack_metadata():
    return PluginMetadata(name="bad", version="1.0")

@hookimpl
def deploystack_blueprints():
    return [blueprint]
'''


def test_what_they_declare_is_in_it(tmp_path: Path) -> None:
    document = document_with(tmp_path, GOOD)
    show = document["paths"]["/api/plugin/notes/notes/{note_id}/{part}"]["get"]
    write = document["paths"]["/api/plugin/notes/notes"]["post"]
    schemas = document["components"]["schemas"]

    assert (show["summary"], show["tags"]) == ("Return a note", ["plugin notes"])
    assert show["description"] == (
        "With all there is to say.\n\nTakes the permission `notes.read`."
    )
    assert show["security"] == [{"session": []}, {"bearer": []}]
    assert [parameter["schema"] for parameter in show["parameters"]] == [
        {"type": "integer", "minimum": 1},
        {"type": "string", "enum": ["a", "b"]},
    ]
    codes = {status: codes_of(document, r) for status, r in show["responses"].items()}
    assert codes["404"] == {"not_found", "note_unknown"}
    assert {"plugin_waiting", "plugin_request_failed", "not_configured"} <= codes["503"]
    assert "secret_unreadable" in codes["503"], "it may read settings, and any may be encrypted"
    assert write["requestBody"]["content"]["application/json"]["example"] == {"text": "Buy milk."}
    named = write["responses"]["201"]["content"]["application/json"]["schema"]["$ref"]
    assert named.rpartition("/")[2].endswith(".User")
    assert "email" in schemas["User"]["properties"], "the core's own is another"


def test_a_route_that_declares_nothing_may_answer_anything(tmp_path: Path) -> None:
    document = document_with(tmp_path, GOOD)
    operations = document["paths"]["/api/plugin/notes/anything"]

    assert {"get", "put"} <= operations.keys()
    for operation in (operations["get"], operations["put"]):
        assert operation["summary"] == "Says nothing"
        assert {"2XX", "default", "401", "403", "503"} <= operation["responses"].keys()


@pytest.mark.parametrize("what", BAD)
def test_what_cannot_be_used_is_left_out(
    tmp_path: Path, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    document = document_with(tmp_path, GOOD, BAD_SOURCE % BAD[what])
    operation = document["paths"]["/api/plugin/bad/it"]["post"]

    assert operation["summary"] == "Do it"
    assert "2XX" in operation["responses"]
    assert "leaves out what the plugin bad says of its routes" in caplog.text
    assert "note_unknown" in json.dumps(document), "that of others is not"


def test_a_schema_may_be_used_in_several_ways(tmp_path: Path) -> None:
    source = GOOD.replace("body=NoteSchema", "body=NoteSchema(only=['text'], partial=True)")
    document = document_with(tmp_path, source)

    assert len([name for name in document["components"]["schemas"] if ".Note" in name]) == 2
