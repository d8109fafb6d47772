"""Somebody else with the same library, who changes it while a question is open."""

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from fw_mcp.api.models import DeleteImagesRequest, ImageDetails, ImageToUpdate, UpdateImagesRequest
from fw_mcp.sandbox.app import create_app
from fw_mcp.sandbox.endpoints import Switches
from fw_mcp.sandbox.faults.plan import Faults
from tests.support.studio import Studio, make_studio


@dataclass(frozen=True)
class Elsewhere:
    """Somebody else with the same library: by the API, and in the sandbox's own tables."""

    studio: Studio
    file: Path

    async def delete(self, image: ImageDetails) -> None:
        """Delete an image."""
        library = self.studio.api.library("inventory")
        await self.studio.api.delete_images(
            DeleteImagesRequest(guids=(image.guid,), library=library)
        )

    async def write(self, image: ImageDetails, title: str | None, description: str | None) -> None:
        """Rewrite an image; on this sandbox its products stay."""
        text = ImageToUpdate(guid=image.guid, title=title, description=description)
        await self.studio.api.update_images(UpdateImagesRequest(images=(text,)))

    def hang(self, image: ImageDetails, **fields: object) -> None:
        """Hang one more product on an image."""
        product = {"sku": "AP1", "name": "One more print", "image_guid": image.guid, **fields}
        self._run("INSERT INTO products VALUES (?, ?)", image.guid, json.dumps(product))

    def take_down(self, image: ImageDetails) -> None:
        """Take all products off an image."""
        self._run("DELETE FROM products WHERE image_guid = ?", image.guid)

    def change_products(self, image: ImageDetails, path: str, value: object) -> None:
        """Change one member of every product of an image."""
        self._run(
            "UPDATE products SET product = json_set(product, ?, json(?)) WHERE image_guid = ?",
            path,
            json.dumps(value),
            image.guid,
        )

    def _run(self, statement: str, *values: str) -> None:
        with closing(sqlite3.connect(self.file)) as connection, connection:
            connection.execute(statement, values)


def library_shared_with_others(folder: Path) -> Elsewhere:
    """A studio over a sandbox file that others can open, and those others."""
    file = folder / "sandbox.sqlite3"
    faults = Faults()
    app = create_app(file, switches=Switches(update_keeps_products=True), faults=faults)
    return Elsewhere(make_studio(app=app, faults=faults), file)
