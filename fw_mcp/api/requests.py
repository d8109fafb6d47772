"""What the image endpoints are asked, field for field, within the documented limits.

A request refuses unknown fields. (D), (O) and (I) mark what is documented, observed and inferred.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from fw_mcp.api.scalars import DateToSend, Guid, Text

LibraryName = Literal["inventory", "temporary"]
SortField = Literal["id", "title", "file_name", "file_size", "date_added"]
SortDirection = Literal["DESC", "ASC"]

ADD_LIMIT = 5
"""Images in one `add_images` (D)."""
PAGE_LIMIT = 50
"""Images on one page of `list_images` (D)."""
CHUNK_LIMIT = 50
"""Items in one update, delete or `guid_filter`: ours, since none is documented."""

DESCRIPTION_LIMIT = 300
"""Characters of a description (D)."""
FILE_NAME_LIMIT = 200
"""Characters of each file name (D)."""
URI_LIMIT = 500
"""Characters of each URI (D)."""

_Uri = Annotated[Text, Field(min_length=1, max_length=URI_LIMIT)]
_FileName = Annotated[Text, Field(min_length=1, max_length=FILE_NAME_LIMIT)]
_Pixels = Annotated[int, Field(gt=0)]
_Guids = Annotated[tuple[Guid, ...], Field(min_length=1, max_length=CHUNK_LIMIT)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ImageLibrary(_Request):
    """Which images a call is about; all four members are always sent.

    Attributes:
        name: `inventory`, the account's permanent library, or `temporary`, scoped by `session_id`
            and gone after about 14 days.
        session_id: 8-50 characters; required even for `inventory` (D).
        account_key: act for another account; ignored without a word when the app key lacks the
            permission, and the call then hits the app's own account (D).
        site_id: 2 unless FinerWorks says otherwise.
    """

    name: LibraryName = "inventory"
    session_id: Text = Field(min_length=8, max_length=50)
    account_key: Text | None = None
    site_id: int = Field(default=2, ge=1)


class ListImagesRequest(_Request):
    """What `list_images` is asked.

    Attributes:
        library: whose images.
        search_filter: text in the title or the description, not in the file name.
        guid_filter: only these images; at most 50.
        page_number: from 1.
        per_page: images a page, 1-50.
        sort_field: what to sort by; `id` is the order of adding.
        sort_direction: `DESC` is newest or largest first.
        upload_date_from: from this moment on; without an offset US Central (I).
        upload_date_to: up to this moment; without an offset US Central (I).
        list_products: fill `products`, which only `inventory` has.
        active: only active or only inactive images; None for both.
    """

    library: ImageLibrary
    search_filter: Text | None = None
    guid_filter: _Guids | None = None
    page_number: int = Field(default=1, ge=1)
    per_page: int = Field(default=10, ge=1, le=PAGE_LIMIT)
    sort_field: SortField = "id"
    sort_direction: SortDirection = "DESC"
    upload_date_from: DateToSend | None = None
    upload_date_to: DateToSend | None = None
    list_products: bool = False
    active: bool | None = None


class ImageToAdd(_Request):
    """One image to register: facts and addresses, no bytes.

    Each address must be reachable by FinerWorks and stay up until printing.

    Attributes:
        title: the service takes `file_name` when None.
        description: at most 300 characters.
        file_name: at most 200 characters; may come back altered (D).
        file_size: bytes, as every real client sends, although "bits" are documented (O).
        thumbnail_file_name: at most 200 characters, like the next two.
        preview_file_name: of the preview.
        hires_file_name: of the print master.
        public_thumbnail_uri: 200 x 200 pixels; at most 500 characters, like the next two.
        public_preview_uri: the preview.
        private_hires_uri: the print master.
        pix_w: width of the print master, pixels.
        pix_h: height of the print master, pixels.
    """

    title: Text | None = None
    description: Annotated[Text, Field(max_length=DESCRIPTION_LIMIT)] | None = None
    file_name: _FileName
    file_size: int = Field(gt=0)
    thumbnail_file_name: _FileName
    preview_file_name: _FileName
    hires_file_name: _FileName
    public_thumbnail_uri: _Uri
    public_preview_uri: _Uri
    private_hires_uri: _Uri
    pix_w: _Pixels
    pix_h: _Pixels


class AddImagesRequest(_Request):
    """1-5 images to register in one library."""

    images: tuple[ImageToAdd, ...] = Field(min_length=1, max_length=ADD_LIMIT)
    library: ImageLibrary


class ImageToUpdate(_Request):
    """The new texts of one image; both are always sent, since a left-out one may be blanked (I).

    No length is documented for an update.
    """

    guid: Guid
    title: Text | None
    description: Text | None


class UpdateImagesRequest(_Request):
    """1-50 images to retitle, in whichever library they are.

    Removes every virtual-inventory product of an updated `inventory` image (D).
    """

    images: tuple[ImageToUpdate, ...] = Field(min_length=1, max_length=CHUNK_LIMIT)
    account_key: Text | None = None


class DeleteImagesRequest(_Request):
    """1-50 images to delete for good, with their virtual-inventory products."""

    guids: _Guids
    library: ImageLibrary


class UpdateFileSelectionRequest(_Request):
    """The whole wanted content of a selection, since replacing or merging is undocumented.

    Attributes:
        guids: the images, at least one; no most is documented.
        guid: the selection's master key; a new one creates the selection.
    """

    guids: tuple[Guid, ...] = Field(min_length=1)
    guid: Guid
