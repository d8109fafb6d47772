"""What a release publishes: generated files, wheel and source archive, entries, workflows."""

import json
import re
import sys

import jsonschema
from checking import Place, Refused, Skipped, output
from make import ROOT, files
from registry import entry

TWINE = "twine@7.0.0"
SCHEMAS = "check-jsonschema@0.39.0"
ZIZMOR = "zizmor@1.32.0"
_STRICTEST = ("--persona", "auditor", "--no-progress")
# What check-jsonschema says of a schema that it did not get.
_UNREACHED = re.compile(r"FailedDownloadError|[Ss]chemafile could not be")


def generated(_: Place) -> None:
    """The files of the repository are those that the code makes."""
    for path, text in files().items():
        if (ROOT / path).read_text(encoding="utf-8") != text:
            raise Refused(f"{path} differs; make contract rewrites it")


def registered(_: Place) -> None:
    """server.json keeps within what the registry allows."""
    schema = json.loads((ROOT / "packaging" / "server.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft7Validator.check_schema(schema)
    try:
        jsonschema.validate(json.loads(files()["packaging/server.json"]), schema)
    except jsonschema.ValidationError as fault:
        raise Refused(fault.message) from fault


def index_takes(place: Place) -> None:
    """The wheel and the source archive, with their metadata and their description."""
    place.tool(TWINE, "check", "--strict", *sorted(place.dist.iterdir()))


def wheel_tried(place: Place) -> None:
    """What the workflows do on three systems, here with the letters of a Windows console."""
    place.ours("--version")
    smoke = ROOT / "packaging" / "smoke.py"
    output(
        [sys.executable, smoke, place.dist], place.environment() | {"PYTHONIOENCODING": "cp1252"}
    )


def workflows_validate(place: Place) -> None:
    """Everything in .github that GitHub has a schema for."""
    folder = ROOT / ".github"
    kinds = {
        "vendor.github-workflows": sorted((folder / "workflows").glob("*.yml")),
        "vendor.dependabot": [folder / "dependabot.yml"],
        "vendor.github-issue-config": [folder / "ISSUE_TEMPLATE" / "config.yml"],
        "vendor.github-issue-forms": [folder / "ISSUE_TEMPLATE" / "problem.yml"],
    }
    for schema, read in kinds.items():
        place.tool(SCHEMAS, "--builtin-schema", schema, *read)


def workflows_audited(place: Place) -> None:
    """The strictest of zizmor's views, without its questions to GitHub."""
    place.tool(ZIZMOR, "--offline", "--strict-collection", *_STRICTEST, ROOT / ".github")


def entry_of_a_release(place: Place) -> None:
    """What a release publishes to the registry: server.json with the image and the bundle."""
    schema = json.loads((ROOT / "packaging" / "server.schema.json").read_text(encoding="utf-8"))
    try:
        jsonschema.validate(entry(place.bundle), schema)
    except jsonschema.ValidationError as fault:
        raise Refused(fault.message) from fault


def entry_by_the_registrys_own_schema(place: Place) -> None:
    """The same by the schema that it names, which is fetched."""
    published = place.folder / "server.json"
    published.write_text(json.dumps(entry(place.bundle)), encoding="utf-8")
    try:
        place.tool(SCHEMAS, "--schemafile", entry(place.bundle)["$schema"], published)
    except Refused as why:
        if _UNREACHED.search(str(why)):
            raise Skipped("the schema cannot be fetched from here") from why
        raise
