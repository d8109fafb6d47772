"""The endpoints: name, HTTP verb, and whether a call writes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint, at `/v3/<name>`.

    Attributes:
        name: as the reference has it.
        method: the HTTP verb.
        writes: whether a call may change something; such a call is never repeated.
        destroys: whether a call may take products or images away.
    """

    name: str
    method: str
    writes: bool
    destroys: bool = False


LIST_IMAGES = Endpoint("list_images", "POST", writes=False)
ADD_IMAGES = Endpoint("add_images", "POST", writes=True)
UPDATE_IMAGES = Endpoint("update_images", "PUT", writes=True, destroys=True)
DELETE_IMAGES = Endpoint("delete_images", "DELETE", writes=True, destroys=True)
UPDATE_FILE_SELECTION = Endpoint("update_file_selection", "PUT", writes=True)
LIST_FILE_SELECTION = Endpoint("list_file_selection", "GET", writes=False)
TEST_MY_CREDENTIALS = Endpoint("test_my_credentials", "GET", writes=False)
