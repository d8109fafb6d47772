"""What a caller of the sandbox needs to know by heart: its keys and the seeded session.

The values are fake on purpose and open nothing anywhere else.
"""

SANDBOX_WEB_API_KEY = "00000000-0000-4000-8000-00000000000a"
"""The only ``web_api_key`` the sandbox accepts, in any case."""

SANDBOX_APP_KEY = "00000000-0000-4000-8000-00000000000b"
"""The only ``app_key`` the sandbox accepts, in any case."""

SANDBOX_SESSION_ID = "0000000000000000000000005a4db0c5"
"""The ``session_id`` whose ``temporary`` library is seeded."""
