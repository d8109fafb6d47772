import pytest

from fw_mcp.api.connection import KNOWN_HOSTS, BaseUrl, Keys
from fw_mcp.errors import ConfigError, Reason


@pytest.mark.parametrize("host", KNOWN_HOSTS)
def test_each_known_host_is_a_base_url(host: str) -> None:
    """The three hosts of FinerWorks."""
    assert BaseUrl.parse(f" https://{host}/ ") == BaseUrl(f"https://{host}", host, False)


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:8080",
        "http://127.9.9.9",
        "http://[::1]:8080/base",
        "http://localhost",
        "http://sandbox.localhost",
        "https://localhost",
    ],
)
def test_loopback_may_be_plain_http(text: str) -> None:
    """The keys do not leave the machine."""
    actual = BaseUrl.parse(text)

    assert actual.text == text
    assert actual.is_loopback


def test_a_path_and_a_port_are_kept() -> None:
    """A gateway may serve the API below a path."""
    actual = BaseUrl.parse("https://Gateway.example:8443/prints/")

    assert actual == BaseUrl("https://Gateway.example:8443/prints", "gateway.example", False)


@pytest.mark.parametrize(
    "text",
    ["http://api.finerworks.com", "http://localhost.evil.example", "http://[::ffff:8.8.8.8]"],
)
def test_plain_http_is_refused_off_loopback(text: str) -> None:
    """The keys ride in headers."""
    with pytest.raises(ConfigError) as caught:
        BaseUrl.parse(text)

    assert caught.value.reason is Reason.UNSAFE_SETTING


@pytest.mark.parametrize(
    "text",
    [
        "",
        "api.finerworks.com",
        "ftp://api.finerworks.com",
        "https://",
        "https://user:secret@api.finerworks.com",
        "https://api.finerworks.com\\@evil.example",
        "https://api.finerworks.com?key=secret",
        "https://api.finerworks.com#secret",
        "https://api.finerworks.com:99999",
        "https://[:::1]",
        "https://api.finer works.com",
        "https://api.finerworks.com\n.evil.example",
        "https://äpi.example",
    ],
)
def test_anything_but_a_plain_base_url_is_refused(text: str) -> None:
    """No userinfo, no query, no fragment, nothing two parsers could read in two ways."""
    with pytest.raises(ConfigError) as caught:
        BaseUrl.parse(text)

    assert caught.value.reason is Reason.INVALID_SETTING
    assert "secret" not in str(caught.value)


def test_keys_are_trimmed() -> None:
    """Copied keys bring white space along."""
    actual = Keys(web_api_key="  canary-web\n", app_key="\tcanary-app ")

    assert actual == Keys(web_api_key="canary-web", app_key="canary-app")


def test_keys_never_show_themselves() -> None:
    """Neither in a repr nor in text, nor in what is masked."""
    keys = Keys(web_api_key="canary-web", app_key="canary-app")

    assert repr(keys) == str(keys) == "Keys(web_api_key='***', app_key='***')"
    assert keys.masked("it was CANARY-web and canary-app") == "it was *** and ***"


@pytest.mark.parametrize(("web_api_key", "app_key"), [("", "b"), ("a", " \n")])
def test_an_empty_key_is_a_missing_key(web_api_key: str, app_key: str) -> None:
    """Nothing is sent without both."""
    with pytest.raises(ConfigError) as caught:
        Keys(web_api_key=web_api_key, app_key=app_key)

    assert caught.value.reason is Reason.KEYS_MISSING


@pytest.mark.parametrize("key", ["canary\r\nx: y", "canary key", "canary\u200b"])
def test_a_key_that_cannot_be_a_header_is_refused_without_being_shown(key: str) -> None:
    """An HTTP library's own complaint would quote it."""
    with pytest.raises(ConfigError) as caught:
        Keys(web_api_key=key, app_key="b")

    assert caught.value.reason is Reason.INVALID_SETTING
    assert "canary" not in str(caught.value)
