import httpx
import pytest

from fw_mcp.sandbox.app import create_app
from fw_mcp.sandbox.endpoints import ENDPOINTS, Endpoint
from tests.sandbox.wire import KEYS, calling

pytestmark = pytest.mark.anyio

WEB_API_KEY, APP_KEY = KEYS["web_api_key"], KEYS["app_key"]

KEYS_REFUSED = (
    b'{"Message":"The request is invalid.","ModelState":{"ApiC.Models.authorization_credentials":'
    b'["Missing or unauthorized api credentials"]}}'
)


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"web_api_key": WEB_API_KEY},
        {"app_key": APP_KEY},
        {"web_api_key": APP_KEY, "app_key": APP_KEY},
        {"web_api_key": APP_KEY, "app_key": WEB_API_KEY},
        {"web_api_key": "unknown", "app_key": "unknown"},
    ],
)
async def test_missing_doubled_or_wrong_keys_are_refused_byte_for_byte(
    keys: dict[str, str],
) -> None:
    """Bad keys of any sort get the service's HTTP 400 body, without an envelope."""
    async with calling(create_app(), keys) as stranger:
        answer = await stranger.get("/v3/test_my_credentials")
    assert (answer.status_code, answer.content) == (400, KEYS_REFUSED)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
async def test_every_endpoint_asks_for_keys_before_it_reads_the_body(endpoint: Endpoint) -> None:
    """Without keys, even a malformed body is answered by the refusal of the keys."""
    async with calling(create_app(), {}) as stranger:
        path = f"/v3/{endpoint.name}"
        answer = await stranger.request(endpoint.verb, path, content=b"{malformed")
    assert answer.content == KEYS_REFUSED


async def test_keys_are_accepted_in_any_case() -> None:
    """A GUID means the same in capitals."""
    shouted = {name: key.upper() for name, key in KEYS.items()}
    async with calling(create_app(), shouted) as caller:
        answer = await caller.get("/v3/test_my_credentials")
    assert answer.json()["status"]["success"] is True


@pytest.mark.parametrize("path", ["/V3/Test_My_Credentials", "/v3/TEST_MY_CREDENTIALS"])
async def test_paths_match_in_any_case(studio: httpx.AsyncClient, path: str) -> None:
    """The service matches paths case-insensitively."""
    assert (await studio.get(path)).status_code == 200


@pytest.mark.parametrize("path", ["/v3/list_orders", "/v2/list_images", "/v3", "/v3/a/b/c"])
async def test_an_unknown_path_is_a_404_in_the_web_api_shape(
    studio: httpx.AsyncClient, path: str
) -> None:
    """The answer names the path and holds no query, where old clients put their keys."""
    answer = await studio.post(f"{path}?web_api_key=secret")
    message = "No HTTP resource was found that matches the request URI"
    assert answer.status_code == 404
    assert answer.json() == {"Message": f"{message} 'http://sandbox.localhost{path}'."}


@pytest.mark.parametrize("verb", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_another_verb_is_a_405_that_names_the_right_one(
    studio: httpx.AsyncClient, verb: str
) -> None:
    """``list_images`` is POST and nothing else."""
    answer = await studio.request(verb, "/v3/list_images")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    if verb != "HEAD":
        message = f"The requested resource does not support http method '{verb}'."
        assert answer.json() == {"Message": message}


async def test_a_path_with_a_slash_at_its_end_is_not_redirected(studio: httpx.AsyncClient) -> None:
    """A redirect would make a client send its keys and its write twice."""
    assert (await studio.post("/v3/list_images/")).status_code == 404


async def test_test_my_credentials_answers_with_an_account_full_of_what_must_not_be_shown(
    studio: httpx.AsyncClient,
) -> None:
    """It holds the fields of a real one, all fake, so that a client can prove it drops them."""
    account = (await studio.get("/v3/test_my_credentials")).json()["user_account"]
    assert account["app_details"]["app_live_mode"] is False
    assert account["account_email"].endswith(".invalid")
    assert {"billing_info", "payment_profile_id", "connections", "account_key"} <= set(account)


async def test_the_envelope_is_whole(studio: httpx.AsyncClient) -> None:
    """All six members of ``status`` are there, the reference id as 32 hexadecimal digits."""
    status = (await studio.get("/v3/test_my_credentials")).json()["status"]
    reference_id = status.pop("reference_id")
    assert len(bytes.fromhex(reference_id)) == 16
    assert status == {
        "success": True,
        "status_code": 200,
        "message": None,
        "debug": "sandbox: internals of FinerWorks, which no client should pass on",
        "domain": "sandbox.localhost",
    }
