"""What a replayed page may do, as headers. Pure.

The page gets an origin of nobody (`sandbox` without `allow-same-origin`): no cookies, no storage, no service worker,
nothing in common with the viewer; and may load from the replay server alone. `Connection-Allowlist` says the same of
what goes past Content Security Policy (WebRTC, preconnect, leaving for another page) to browsers that know it, which is
Chromium alone. Elsewhere a script that is made for it can reach a server of its choice by WebRTC; the modes without
scripts have no such gap.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sijill.viewer.replay.addresses import Mode

_FEATURES: Final = (
    "accelerometer", "autoplay", "browsing-topics", "camera", "clipboard-read", "clipboard-write",
    "display-capture", "encrypted-media", "fullscreen", "gamepad", "geolocation", "gyroscope", "hid",
    "identity-credentials-get", "idle-detection", "local-fonts", "local-network-access", "magnetometer", "microphone",
    "midi", "otp-credentials", "payment", "picture-in-picture", "publickey-credentials-create",
    "publickey-credentials-get", "screen-wake-lock", "serial", "storage-access", "usb",
    "window-management", "xr-spatial-tracking",
)  # fmt: skip
_PERMISSIONS: Final = ", ".join(f"{feature}=()" for feature in _FEATURES)

_SOURCES: Final = "'self' data: blob: 'unsafe-inline'"
_COMMON: Final = "form-action 'none'; object-src 'none'; base-uri 'self'; webrtc 'block'"
_POLICIES: Final = {
    Mode.PAGE: f"default-src {_SOURCES} 'unsafe-eval'; connect-src 'self'; {_COMMON}; sandbox allow-scripts",
    Mode.STILL: f"default-src {_SOURCES}; script-src 'none'; connect-src 'none'; {_COMMON}; sandbox",
    Mode.RAW: "default-src 'none'; form-action 'none'; base-uri 'none'; sandbox",
}

CLOSED: Final = "default-src 'none'; form-action 'none'; base-uri 'none'"
"""The policy of our own pages, to which they add what they need."""


def replay_headers(mode: Mode, *, ancestors: Sequence[str], nested: bool) -> dict[str, str]:
    """The headers of an archived answer.

    Args:
        mode: how it is given back.
        ancestors: origins that may show it in a frame, beside the replay server's own.
        nested: whether it is asked for by a replayed page that carries the pass: a frame in that page has the origin
            of nobody above it, which no list of ancestors can name.
    """
    policy = _POLICIES[mode.inside]
    if not nested:
        policy += "; ".join(["", " ".join(["frame-ancestors 'self'", *ancestors])])
    return {**common_headers(policy), "Cross-Origin-Resource-Policy": "cross-origin"}


def common_headers(policy: str) -> dict[str, str]:
    """The headers of every answer."""
    return {
        "Content-Security-Policy": policy,
        "Connection-Allowlist": "(response-origin)",
        "Permissions-Policy": _PERMISSIONS,
        "Referrer-Policy": "same-origin",
        "X-DNS-Prefetch-Control": "off",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
